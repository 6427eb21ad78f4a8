"""What goes into the MLflow run of an evaluation: parameters, metrics, artifacts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from segmetrics.evidence import Layout, digest, eval_id, read_current_verdict, read_json
from segmetrics.files import write_json
from segmetrics.gates.leakage import hide_names
from segmetrics.stats.evaluation import Evaluation, Scope
from segmetrics.tables import IMAGES, read_table
from segmetrics.texts import verdict_markdown

Ids = Literal["plain", "hashed", "none"]


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that goes into a run.

    Attributes
    ----------
    settings
        The settings that determine results, nested.
    ids
        How sample ids leave the machine: `plain`, `hashed`, or `none` (no per-image tables).
    verdict
        Its ids already are as they may leave; those of `evaluation` are not.
    """

    eval_id: str
    experiment: str
    settings: Mapping[str, Any]
    evaluation: Evaluation
    verdict: Mapping[str, Any]
    model_digest: str
    ids: Ids = "hashed"


def read_record(
    layout: Layout,
    settings: Mapping[str, Any],
    *,
    experiment: str,
    ids: Ids,
) -> Record:
    """Everything that goes into the run of the evaluation at hand.

    Raises
    ------
    DataError
        A file is missing or damaged, or the verdict is of other files than those at hand.
    """
    verdict = read_current_verdict(layout, settings)
    return Record(
        eval_id=eval_id(layout, settings),
        experiment=experiment,
        settings=settings,
        evaluation=Evaluation.from_json(read_json(layout.evaluation), str(layout.evaluation)),
        verdict=outgoing_verdict(verdict, ids),
        model_digest=digest(layout.source),
        ids=ids,
    )


def metric_values(evaluation: Evaluation) -> dict[str, float]:
    """`split/metric_aggregate/class`, and `split/metric_aggregate` for the class mean."""
    values: dict[str, float] = {}
    for name, split in evaluation.splits.items():
        values |= _scope_metrics(split, name)
    return values


def _scope_metrics(scope: Scope, split: str) -> dict[str, float]:
    tables = [("", scope.mean), *((f"/{name}", table) for name, table in scope.classes.items())]
    return {
        f"{split}/{metric}_{aggregate}{suffix}": estimate.value
        for suffix, table in tables
        for aggregate, metrics in table.items()
        for metric, estimate in metrics.items()
        if estimate.value is not None
    }


def flat_params(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as `data.classes.tumour: 1`; lists stay one value, null is "null"."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat |= flat_params(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, str) else json.dumps(value)
    return flat


def collect_artifacts(folder: Path, record: Record, layout: Layout) -> None:
    """Put the artifacts of a run together; sample ids only as `record.ids` allows."""
    write_json(folder / "verdict.json", record.verdict)
    write_json(folder / "evaluation.json", outgoing(record.evaluation.to_json(), record.ids))
    (folder / "verdict.md").write_text(
        verdict_markdown(record.verdict, record.evaluation), encoding="utf-8"
    )
    write_json(folder / "settings.json", dict(record.settings))
    if record.ids == "none":
        return
    for split in layout.splits:
        table, _ = read_table(layout.measurements(split) / IMAGES)
        target = folder / "measurements" / split / IMAGES
        target.parent.mkdir(parents=True)
        _write_table(table, target, record.ids)


def _write_table(table: Any, target: Path, ids: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if ids == "hashed":
        names = [hash_id(name) for name in table.column("id").to_pylist()]
        table = table.set_column(table.schema.get_field_index("id"), "id", pa.array(names))
    pq.write_table(table, target, compression="zstd")


def outgoing_verdict(verdict: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    """A verdict as it may leave the machine.

    Findings about leakage name samples and groups in their text, too: see `hide_names`.
    """
    if ids == "plain":
        return dict(verdict)
    rename = hash_id if ids == "hashed" else None
    findings = [
        hidden if (hidden := hide_names(finding, rename)) != finding else outgoing(finding, ids)
        for finding in verdict["findings"]
    ]
    rest = {key: outgoing(value, ids) for key, value in verdict.items() if key != "findings"}
    return rest | {"findings": findings}


def outgoing(value: Any, ids: Ids) -> Any:
    """Nested JSON values as they may leave the machine.

    Sample ids stand under `id` (a text) and `ids` (texts) and, but for findings about leakage,
    nowhere else: they are hashed, or left out with `none`. A class of the name `id` has numbers
    below it, which stay.
    """
    if ids == "plain":
        return value
    if isinstance(value, Mapping):
        kept = {k: v for k, v in value.items() if ids != "none" or not _holds_ids(k, v)}
        return {k: _hashed(v) if _holds_ids(k, v) else outgoing(v, ids) for k, v in kept.items()}
    if isinstance(value, list | tuple):
        return [outgoing(inner, ids) for inner in value]
    return value


def _holds_ids(key: str, value: Any) -> bool:
    one = key == "id" and isinstance(value, str)
    return one or (key == "ids" and isinstance(value, list | tuple))


def _hashed(value: Any) -> Any:
    return hash_id(value) if isinstance(value, str) else [hash_id(name) for name in value]


def hash_id(sample: str) -> str:
    """A sample id as it may leave the machine: the first 16 digits of its SHA-256."""
    return hashlib.sha256(sample.encode()).hexdigest()[:16]
