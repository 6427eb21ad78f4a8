"""From settings to what judges: the rules in force, grade bands and checks."""

from __future__ import annotations

from pathlib import Path

from segmetrics.baseline.keep import Keeping
from segmetrics.by_size import bucket_names
from segmetrics.config.build import (
    definition,
    label_scheme,
    measured_with,
    resampling,
    result_settings,
    wanted_point,
)
from segmetrics.config.models import Rule as RuleSettings
from segmetrics.config.models import Settings
from segmetrics.config.slicing import slice_of
from segmetrics.gates.against import difference_bound
from segmetrics.gates.diagnosis import Ceiling, Checks, OverfitLimits
from segmetrics.gates.domains import DOMAINS, Domain, left_out_rules, resolve_rules
from segmetrics.gates.grade import Band, Bands
from segmetrics.gates.leakage_report import LeakageLevels
from segmetrics.gates.rules import Rule
from segmetrics.metrics.catalog import CATALOG, MEANS
from segmetrics.policy import Policy


def policy(s: Settings) -> Policy:
    """Domain, rules in force, grade bands and checks."""
    domain = DOMAINS[s.domain]
    own = {
        name: None if rule is None else _rule(name, rule, domain, s)
        for name, rule in s.rules.items()
    }
    edges = s.measure.objects.size_edges if s.measure.objects else None
    smallest = bucket_names(len(edges))[0] if edges else None
    judge, critical = s.data.judge, s.data.safety_critical_classes
    return Policy(
        domain=domain,
        rules=tuple(
            resolve_rules(domain, own, judge=judge, safety_critical=critical, smallest=smallest)
        ),
        left_out=tuple(left_out_rules(domain, own, judge=judge, smallest=smallest)),
        bands=Bands(
            good=Band(s.grade.good.dice, s.grade.good.iou),
            bad=Band(s.grade.bad.dice, s.grade.bad.iou),
        ),
        judge=s.data.judge,
        scored=label_scheme(s).scored,
        min_groups=s.statistics.min_groups,
        on_inconclusive=s.checks.on_inconclusive,
        compare=s.data.compare,
        checks=_checks(s),
        point=wanted_point(s),
        leakage=LeakageLevels(**s.checks.leakage.model_dump()),
        resampling=resampling(s),
        both_empty_is_one=s.measure.both_empty == "one",
        definition=definition(s),
        on_missing_baseline=s.checks.on_missing_baseline,
        min_shared=s.checks.min_shared,
    )


def keeping(s: Settings, project: Path, results: Path) -> Keeping:
    """What is kept of an evaluation of these settings, to compare later ones with.

    Parameters
    ----------
    project, results
        The folder of params.yaml, and that of the evaluation.

    Raises
    ------
    DataError
        As `measured_with`.
    """
    return Keeping(
        definition=definition(s),
        settings=result_settings(s),
        samples=project / s.data.samples,
        splits=tuple(r.split for r in policy(s).rules if r.against == "baseline"),
        measured_with=measured_with(s, results / "operating_point.json"),
    )


def _checks(s: Settings) -> Checks:
    c, people = s.checks, s.checks.human_ceiling
    values = (
        people.model_dump(by_alias=True, exclude_none=True, exclude={"source"}) if people else {}
    )
    return Checks(
        accuracy_paradox=c.accuracy_paradox,
        overfit=OverfitLimits(c.overfit.warn, c.overfit.max),
        small_objects=c.small_objects,
        catastrophic=c.catastrophic,
        perfection=c.perfection,
        copies=c.copies,
        human_ceiling=Ceiling(values, people.source) if people else None,
    )


def _rule(name: str, rule: RuleSettings, domain: Domain, s: Settings) -> Rule:
    by, value = slice_of(rule)
    # The domain's aggregate, unless the metric is not defined for it (fp_on_empty has no pool).
    known = CATALOG[rule.metric].aggregates
    if rule.against == "annotators":
        known = tuple(a for a in known if a in MEANS)
    usual = domain.aggregate if domain.aggregate in known else known[0]
    bounds = {"at_least": rule.at_least, "at_most": rule.at_most}
    if rule.against is not None and rule.margin is not None:
        bounds |= difference_bound(rule.metric, rule.margin)
    return Rule(
        name=name,
        metric=rule.metric,
        class_name=rule.class_name,
        aggregate=rule.aggregate or usual,
        split=rule.split or s.data.judge,
        at_least=bounds["at_least"],
        at_most=bounds["at_most"],
        slice_by=by,
        slice_value=value,
        size=rule.size,
        worst=rule.worst,
        statistic=rule.statistic,
        min_groups=rule.min_groups,
        against=rule.against,
        margin=rule.margin,
        severity=rule.severity,
        rationale=rule.rationale,
    )
