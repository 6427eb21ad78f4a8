"""The columns that rules slice by have to be in samples.csv."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from segmetrics.config.models import Rule, Settings
from segmetrics.config.suggest import suggest
from segmetrics.data.samples import SampleRow, read_samples
from segmetrics.errors import ConfigError, Problem


def check_slice_columns(
    settings: Settings, params: Path, rows: Sequence[SampleRow] | None = None
) -> None:
    """Refuse a rule that slices by a column which samples.csv lacks, before anything is judged.

    Judging such a rule fails, too, but would advise to improve the model.

    Parameters
    ----------
    params
        The settings' file, for the message.
    rows
        Those of samples.csv; None: they are read. Without any, nothing is known of the columns.

    Raises
    ------
    ConfigError
        A column is not there; all are listed.
    DataError
        samples.csv cannot be read.
    """
    asked = {n: rule for n, rule in settings.rules.items() if rule is not None and rule.slice}
    if not asked:
        return
    rows = read_samples(Path(settings.data.samples)) if rows is None else rows
    if not rows:
        return
    known = list(rows[0].columns)
    problems = [problem for n, rule in asked.items() for problem in _lacking(n, rule, known)]
    if problems:
        problems = [Problem(f"{params}: {p.where}", p.what, p.remedy) for p in problems]
        raise ConfigError.of(problems, str(params))


def _lacking(name: str, rule: Rule, known: Sequence[str]) -> Iterator[Problem]:
    wanted = (rule.slice,) if isinstance(rule.slice, str) else tuple(rule.slice or ())
    listed = f"(columns: {', '.join(known) or 'none to slice by'})"
    for column in wanted:
        if column not in known:
            what = f'samples.csv has no column "{column}"'
            remedy = f"{suggest(column, known)} {listed}".strip()
            yield Problem(f"rules.{name}.slice", what, remedy)
