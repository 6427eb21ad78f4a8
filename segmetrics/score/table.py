"""The table of `segmetrics score --table`: one row per image and class."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from segmetrics.errors import ConfigError
from segmetrics.files import write_text
from segmetrics.pixels import settings_key
from segmetrics.score.scored import Scored
from segmetrics.tables import write_table
from segmetrics.tables.schema import DIAGONAL
from segmetrics.tables.writing import count_table

PER_IMAGE = ("dice", "iou", "precision", "recall")


def write_score_table(path: Path, scored: Scored) -> None:
    """Write one row per image and class, as .parquet (counts) or .csv (counts and metrics)."""
    writers: dict[str, Callable[[Path, Scored], None]] = {".csv": _csv, ".parquet": _parquet}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise ConfigError("--table", f'"{path}" ends in neither .csv nor .parquet')
    writer(path, scored)


def _parquet(path: Path, scored: Scored) -> None:
    key = settings_key(scored.question)
    targets = scored.question.targets
    digests = {
        name: [digest.tobytes().hex() for digest in scored.digests[:, i]]
        for i, name in enumerate(("reference", "prediction"))
    }
    digests["image"] = [""] * len(scored.ids)
    columns = dict(scored.observations.columns)
    if (diagonals := scored.observations.diagonals) is not None:
        columns[DIAGONAL] = np.repeat(diagonals, len(targets.names))
    table = count_table(scored.ids, scored.counts, digests, targets, columns)
    write_table(path, table, targets=targets, key=key)


def _csv(path: Path, scored: Scored) -> None:
    counts = scored.counts
    names = (*PER_IMAGE, *scored.observations.columns)
    # Infinite where exactly one mask is empty, as in the Parquet table: the diagonal is for means.
    columns = scored.observations.columns
    metrics = [columns[name] if name in columns else scored.values(name) for name in names]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "class", "tp", "fp", "fn", "tn", *names])
    for i, name_of in enumerate(scored.ids):
        for k, name in enumerate(scored.scheme.names):
            four = [int(a[i, k]) for a in (counts.tp, counts.fp, counts.fn, counts.tn)]
            values = ["" if np.isnan(m[i, k]) else repr(float(m[i, k])) for m in metrics]
            writer.writerow([name_of, name, *four, *values])
    write_text(path, out.getvalue())
