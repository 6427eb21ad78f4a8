"""The data that an evaluation saw, split by split, as MLflow lists it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from segmetrics.data.samples import read_samples
from segmetrics.evidence import Layout
from segmetrics.files import sha256_json
from segmetrics.stats.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """One split.

    Attributes
    ----------
    digest
        Of the contents of its images and masks, whatever their names: the same files anywhere else
        are the same data set. 32 hexadecimal digits; MLflow takes at most 36.
    source, schema, profile
        JSON: the list of samples, its columns, and how many samples and groups there are.
    """

    split: str
    digest: str
    source: str
    schema: str
    profile: str


def dataset_facts(layout: Layout, evaluation: Evaluation) -> list[DatasetFacts]:
    """The data sets of all splits, those that a part was drawn from as the part that was measured.

    Raises
    ------
    DataError
        A list of samples is missing or damaged.
    """
    rows = read_samples(layout.samples)
    names = ["id", "image", "mask", "split", "group"]
    names += sorted({column for row in rows for column in row.columns})
    schema = {"mlflow_colspec": [{"name": n, "type": "string", "required": True} for n in names]}
    # The name alone of a file elsewhere: where it lies is nobody's business.
    samples = layout.samples
    source = {"uri": samples.name if samples.is_absolute() else samples.as_posix()}
    found = []
    for split in layout.splits:
        chosen = layout.chosen(split).samples
        contents = sorted([file.digest for file in sample.files] for sample in chosen)
        scope = evaluation.splits[split]
        profile = {"num_rows": scope.samples, "num_groups": scope.groups}
        found.append(
            DatasetFacts(
                split,
                sha256_json(contents)[:32],
                json.dumps(source),
                json.dumps(schema),
                json.dumps(profile),
            )
        )
    return found
