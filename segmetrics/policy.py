"""What decides, put together from params.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field

from segmetrics.baseline.definition import Definition
from segmetrics.gates.against import MIN_SHARED, OnMissing
from segmetrics.gates.diagnosis.checks import Checks
from segmetrics.gates.domains import Domain
from segmetrics.gates.grade import Bands
from segmetrics.gates.leakage_report import LeakageLevels
from segmetrics.gates.rules import MIN_GROUPS, Rule
from segmetrics.gates.verdict import OnInconclusive
from segmetrics.operating_point import OperatingPoint, TuningRequest
from segmetrics.stats.resampling import Resampling


@dataclass(frozen=True, slots=True)
class Policy:
    """The domain, the rules in force, the grade's bands, the splits and the checks.

    Attributes
    ----------
    judge, compare
        The judged split, and the one that it is compared with (usually train); None: none.
    scored
        The classes that are not excluded.
    point
        How predictions have to have become labels.
    min_groups
        Of rules that say none: with fewer groups a conservative rule cannot pass.
    on_inconclusive
        Whether an inconclusive rule keeps the decision from being a pass, see `decide`.
    resampling, both_empty_is_one
        As the evaluation was computed with.
    definition
        What the numbers are about; None: nothing can be compared with a baseline.
    on_missing_baseline, min_shared
        See `Against`.
    """

    domain: Domain
    rules: tuple[Rule, ...]
    bands: Bands
    judge: str
    scored: tuple[str, ...]
    point: OperatingPoint | TuningRequest
    compare: str | None = None
    checks: Checks = field(default_factory=Checks)
    leakage: LeakageLevels = field(default_factory=LeakageLevels)
    min_groups: int = MIN_GROUPS
    on_inconclusive: OnInconclusive = "block"
    resampling: Resampling = field(default_factory=Resampling)
    both_empty_is_one: bool = False
    definition: Definition | None = None
    on_missing_baseline: OnMissing = "fail"
    min_shared: float = MIN_SHARED
