"""From settings to the plain typed values that the library takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segmetrics.baseline.definition import Definition
from segmetrics.baseline.keep import Keeping
from segmetrics.by_size import bucket_names
from segmetrics.config.definition import definition_of
from segmetrics.config.models import Rule as RuleSettings
from segmetrics.config.models import Settings
from segmetrics.data.colours import colour_label
from segmetrics.data.labels import LabelScheme
from segmetrics.data.subset import WHOLE, Subset
from segmetrics.errors import DataError
from segmetrics.evaluate import EvaluationOptions
from segmetrics.evidence import Layout
from segmetrics.gates.against import difference_bound
from segmetrics.gates.diagnosis import Ceiling, Checks, OverfitLimits
from segmetrics.gates.domains import DOMAINS, Domain, left_out_rules, resolve_rules
from segmetrics.gates.grade import Band, Bands
from segmetrics.gates.leakage_report import LeakageLevels
from segmetrics.gates.rules import Rule
from segmetrics.inference.predict import Predictor, Runtime
from segmetrics.inference.preprocess import Preprocessing
from segmetrics.measure import settings_key
from segmetrics.metrics.catalog import CATALOG, MEANS
from segmetrics.metrics.thresholds import Objective
from segmetrics.operating_point import OperatingPoint, TuningRequest, read_operating_point
from segmetrics.overlays.ranking import Wanted
from segmetrics.parallel import available_cores
from segmetrics.pixels import ObjectOptions, PixelOptions, Question
from segmetrics.policy import Policy
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.slice_by import SliceBy
from segmetrics.tables import Targets

# What determines results; `gate`, `promotion`, `tracking` and `runtime` do not.
_RESULT_SECTIONS = (
    "format", "domain", "data", "infer", "operating_point", "measure", "statistics", "grade",
    "rules", "checks",
)  # fmt: skip


def result_settings(s: Settings) -> dict[str, Any]:
    """The settings that determine results, as plain JSON values."""
    return s.model_dump(mode="json", include=set(_RESULT_SECTIONS), by_alias=True)


def label_scheme(s: Settings) -> LabelScheme:
    """Classes and encoding of the masks."""
    return LabelScheme.of(
        s.data.classes, ignore=s.data.ignore, exclude=s.data.exclude, encoding=s.data.encoding
    )


def preprocessing(s: Settings) -> Preprocessing:
    """What happens to an image before the model sees it."""
    i = s.infer
    return Preprocessing(
        scale=i.scale,
        mean=i.mean,
        std=i.std,
        size=i.size,
        multiple=i.multiple,
        tile_size=i.tile.size if i.tile else None,
        tile_overlap=i.tile.overlap if i.tile else 0,
    )


def runtime(s: Settings) -> Runtime:
    """Workers, batch and providers."""
    return Runtime(workers=workers(s), batch=s.runtime.batch, providers=s.runtime.providers)


def workers(s: Settings) -> int:
    """Threads to use: `auto` is one per available core."""
    return available_cores() if s.runtime.workers == "auto" else s.runtime.workers


def wanted_point(s: Settings) -> OperatingPoint | TuningRequest:
    """How predictions are to become labels: a point, or where and for what to look for one."""
    o = s.operating_point
    if o.decision != "tuned":
        return OperatingPoint(o.decision, o.threshold)
    objective = Objective(DOMAINS[s.domain].beta)
    if o.at_least is not None and o.at_least.recall is not None:
        objective = Objective(floor="recall", at_least=o.at_least.recall)
    elif o.at_least is not None and o.at_least.precision is not None:
        objective = Objective(floor="precision", at_least=o.at_least.precision)
    assert s.data.tune is not None, "held by the contradictions"
    return TuningRequest(s.data.tune, objective)


def operating_point(s: Settings) -> OperatingPoint:
    """How predictions become labels; a tuned threshold is read from the file that fixes it.

    Raises
    ------
    DataError
        There is no such file, or its threshold was tuned on or for something else.
    """
    wanted = wanted_point(s)
    if isinstance(wanted, OperatingPoint):
        return wanted
    return _tuned_point(wanted, layout(s).operating_point)


def _tuned_point(wanted: TuningRequest, file: Path) -> OperatingPoint:
    point = read_operating_point(file)
    found = point.tuning and (point.tuning.tuned_on, point.tuning.objective)
    if found != (wanted.split, str(wanted.objective)):
        what = f"holds {point}; params.yaml asks for {wanted.objective} tuned on {wanted.split}"
        raise DataError(str(file), what, "run `dvc repro`")
    return point


def targets(s: Settings) -> Targets:
    """Classes and regions; a region is given by label values or class names."""
    scheme = label_scheme(s)
    places = {value: k for k, values in enumerate(scheme.values) for value in values}
    names: dict[int | str, int] = {name: k for k, name in enumerate(scheme.names)}
    regions = tuple(
        (name, tuple(sorted({names[p] if p in names else places[_label(p)] for p in parts})))
        for name, parts in s.data.regions.items()
    )
    return Targets(
        scheme.names,
        regions,
        overlapping=scheme.multilabel,
        objects=s.measure.objects is not None,
        scores=s.measure.scores,
    )


def _label(part: int | str) -> int:
    return part if isinstance(part, int) else colour_label(part)


def pixel_options(s: Settings) -> PixelOptions:
    """What is measured besides the counts."""
    m = s.measure
    o = m.objects
    return PixelOptions(
        surface=m.surface.metrics if m.surface else (),
        tolerance=m.surface.tolerance if m.surface else None,
        boundary=m.boundary_iou,
        centreline=m.cldice,
        objects=ObjectOptions(o.match, o.at_least, o.min_size) if o else None,
        scores=m.scores,
    )


def question(s: Settings, point: OperatingPoint | None = None) -> Question:
    """What is asked of every pair; `point` where it is already fixed in its file."""
    numbered = s.data.predicted == "instances"
    point = point or operating_point(s)
    return Question(label_scheme(s), targets(s), point, pixel_options(s), numbered)


def wanted_images(s: Settings) -> Wanted:
    """How many images are drawn."""
    return Wanted(s.report.worst, s.report.median, s.report.best)


def spacing(s: Settings) -> tuple[float, ...] | None:
    """Of the pixels; None: what the files say."""
    given = s.data.spacing
    if given == "file":
        return None
    # Without unit, a pixel is 1 long in every direction, however many there are.
    return given if isinstance(given, tuple) else ()


def evaluation_options(s: Settings) -> EvaluationOptions:
    """What the numbers depend on besides the tables."""
    edges = s.measure.objects.size_edges if s.measure.objects else None
    point = operating_point(s)
    return EvaluationOptions(
        scored=label_scheme(s).scored,
        both_empty_is_one=s.measure.both_empty == "one",
        measured_with=settings_key(question(s, point), spacing(s)),
        size_edges=edges,
        resampling=resampling(s),
        slices=_slices(s),
        level=point.level if point.probability else None,
        threshold=point.threshold,
    )


def measured_with(s: Settings, point: Path) -> str:
    """The key of the tables of a project whose tuned threshold is in the file `point`.

    Raises
    ------
    DataError
        The file is missing, or its threshold was tuned on or for something else.
    """
    wanted = wanted_point(s)
    found = wanted if isinstance(wanted, OperatingPoint) else _tuned_point(wanted, point)
    return settings_key(question(s, found), spacing(s))


def _slices(s: Settings) -> tuple[SliceBy, ...]:
    """The slices that rules ask for, each once."""
    asked = [_slice(rule)[0] for rule in s.rules.values() if rule is not None]
    return tuple(dict.fromkeys(by for by in asked if by is not None))


def resampling(s: Settings) -> Resampling:
    """How intervals are computed."""
    return Resampling(s.statistics.confidence, s.statistics.resamples, s.statistics.seed)


def predictor(s: Settings) -> Predictor:
    """What predictions are made with."""
    return Predictor(Path(s.infer.source), s.infer.command, preprocessing(s), label_scheme(s))


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


def definition(s: Settings) -> Definition:
    """What the numbers are about, to be compared with those of another evaluation."""
    return definition_of(s, label_scheme(s), targets(s), spacing(s))


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
    by, value = _slice(rule)
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


def _slice(rule: RuleSettings) -> tuple[SliceBy | None, str | None]:
    """How a rule cuts its split, and the one slice that it is about, if it names one."""
    wanted, edges = rule.slice, rule.bins or ()
    if wanted is None:
        return None, None
    if isinstance(wanted, str):
        return SliceBy((wanted,), edges), None
    by = SliceBy(tuple(wanted), edges)
    if not isinstance(wanted, Mapping):
        return by, None
    return by, by.named([str(value) for value in wanted.values()])


def layout(s: Settings) -> Layout:
    """Where everything lies, relative to the project folder."""
    return Layout(
        samples=Path(s.data.samples),
        root=Path(s.data.root),
        source=Path(s.infer.source),
        splits=s.data.splits,
        results=Path("results"),
        # The threshold is tuned on all of data.tune.
        subset=WHOLE if s.data.compare == s.data.tune else _subset(s),
    )


def _subset(s: Settings) -> Subset:
    return Subset(s.data.compare, s.checks.overfit.sample)
