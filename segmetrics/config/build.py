"""From settings to the plain typed values that the library takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segmetrics.baseline.definition import Definition
from segmetrics.config.definition import definition_of
from segmetrics.config.models import Settings
from segmetrics.config.slicing import slices
from segmetrics.data.colours import colour_label
from segmetrics.data.labels import LabelScheme
from segmetrics.data.subset import WHOLE, Subset
from segmetrics.errors import DataError
from segmetrics.evaluate import EvaluationOptions
from segmetrics.evidence import Layout
from segmetrics.gates.domains import DOMAINS
from segmetrics.inference.predict import Predictor, Runtime
from segmetrics.inference.preprocess import Preprocessing
from segmetrics.measure import settings_key
from segmetrics.metrics.thresholds import Objective
from segmetrics.operating_point import OperatingPoint, TuningRequest, read_operating_point
from segmetrics.overlays.ranking import Wanted
from segmetrics.parallel import available_cores
from segmetrics.pixels import ObjectOptions, PixelOptions, Question
from segmetrics.stats.resampling import Resampling
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
        slices=slices(s.rules),
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


def resampling(s: Settings) -> Resampling:
    """How intervals are computed."""
    return Resampling(s.statistics.confidence, s.statistics.resamples, s.statistics.seed)


def predictor(s: Settings) -> Predictor:
    """What predictions are made with."""
    return Predictor(Path(s.infer.source), s.infer.command, preprocessing(s), label_scheme(s))


def definition(s: Settings) -> Definition:
    """What the numbers are about, to be compared with those of another evaluation."""
    return definition_of(s, label_scheme(s), targets(s), spacing(s))


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
