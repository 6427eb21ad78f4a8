"""The sections of params.yaml. Unknown keys, wrong types and values out of range are refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from segmetrics.config.names import check_name
from segmetrics.data.schemes import named_scheme
from segmetrics.errors import ConfigError


def check_alias(alias: str) -> str:
    """An alias that MLflow's registry takes."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", alias) or len(alias) > 255:
        raise ValueError(f'"{alias}" may hold letters, digits, _ and - only')
    if alias.lower() == "latest" or re.fullmatch(r"v\d+", alias.lower()):
        raise ValueError(f'"{alias}" is reserved by MLflow; choose another name, such as champion')
    return alias


Name = Annotated[StrictStr, AfterValidator(check_name)]
Label = Annotated[StrictInt, Field(ge=0, le=65535)]
Colour = Annotated[StrictStr, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Value = Label | Colour
Rate = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
Count = Annotated[StrictInt, Field(ge=1)]
# {column: value}; of several columns, the samples with all of these values.
Values = Annotated[dict[str, StrictStr | StrictInt], Field(min_length=1)]
Level = Literal["block", "warn", "note"]


class Section(BaseModel):
    """Frozen, and nothing but the declared keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(Section):
    root: StrictStr
    samples: StrictStr
    splits: Annotated[tuple[Name, ...], Field(min_length=1)]
    judge: StrictStr
    compare: StrictStr | None = None
    tune: StrictStr | None = None
    classes: Annotated[
        dict[Name, Value | Annotated[tuple[Value, ...], Field(min_length=1)]], Field(min_length=1)
    ]
    exclude: tuple[StrictStr, ...] = ()
    ignore: tuple[Value, ...] = ()
    encoding: Literal["labels", "binary", "palette", "rgb", "instances", "channels", "files"] = (
        "labels"
    )
    predicted: Literal["foreground", "instances"] = "foreground"
    safety_critical_classes: tuple[StrictStr, ...] = ()
    # Label values, colours, or names of classes.
    regions: dict[Name, Annotated[tuple[Label | StrictStr, ...], Field(min_length=1)]] = {}
    spacing: Annotated[tuple[Positive, ...], Field(min_length=2)] | Literal["file"] | None = None
    unit: Literal["px", "mm"] = "px"

    @model_validator(mode="before")
    @classmethod
    def _named_classes(cls, data: Any) -> Any:
        """`classes: cityscapes` stands for its classes and for the labels that it ignores."""
        if not isinstance(data, dict) or not isinstance(data.get("classes"), str):
            return data
        try:
            classes, ignore = named_scheme(data["classes"])
        except ConfigError as error:
            raise ValueError(
                f"classes: {error.problems[0].what}; {error.problems[0].remedy}"
            ) from error
        more = data.get("ignore")
        both = (
            [*ignore, *(v for v in more if v not in ignore)] if isinstance(more, list) else ignore
        )
        return data | {"classes": classes, "ignore": both}


class Tile(Section):
    size: tuple[Count, Count] | tuple[Count, Count, Count]
    overlap: Annotated[StrictInt, Field(ge=0)] = 64


class Infer(Section):
    source: StrictStr
    command: StrictStr | None = None
    size: tuple[Count, Count] | tuple[Count, Count, Count] | None = None
    multiple: Count = 16
    tile: Tile | None = None
    scale: Positive = 255.0
    mean: Annotated[tuple[Number, ...], Field(min_length=1)] = (0.0,)
    std: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1.0,)


class Floor(Section):
    recall: Annotated[Rate, Field(gt=0)] | None = None
    precision: Annotated[Rate, Field(gt=0)] | None = None


class OperatingPoint(Section):
    decision: Literal["argmax", "fixed", "tuned"]
    # Stored probabilities end at 255/256: a higher threshold would predict nothing.
    threshold: Annotated[Rate, Field(gt=0, le=255 / 256)] | None = None
    at_least: Floor | None = None


class Surface(Section):
    metrics: Annotated[
        tuple[Literal["hd", "hd95", "assd", "masd", "nsd"], ...], Field(min_length=1)
    ] = ("hd95", "assd")
    tolerance: Annotated[Number, Field(ge=0)] | None = None


class Objects(Section):
    match: Literal["iou", "coverage", "any_overlap"] = "iou"
    at_least: Annotated[Rate, Field(gt=0)] = 0.5
    min_size: Count = 1
    size_edges: tuple[Count, ...] | None = None


class Measure(Section):
    surface: Surface | None = None
    boundary_iou: Annotated[Rate, Field(gt=0)] | None = None
    cldice: StrictBool = False
    objects: Objects | None = None
    scores: StrictBool = False
    both_empty: Literal["undefined", "one"] = "undefined"


class Statistics(Section):
    confidence: Annotated[Rate, Field(gt=0, lt=1)] = 0.95
    resamples: Count = 10000
    seed: StrictInt = 20260101
    min_groups: Count = 30


class Band(Section):
    dice: Rate
    iou: Rate


class Grade(Section):
    good: Band = Band(dice=0.80, iou=0.70)
    bad: Band = Band(dice=0.50, iou=0.40)


class Rule(Section):
    metric: StrictStr
    class_name: Annotated[StrictStr, Field(alias="class")] = "mean"
    aggregate: Literal["pooled", "image_mean", "group_mean"] | None = None
    split: StrictStr | None = None
    # A column, {column: value}, or columns to cross.
    slice: StrictStr | Values | tuple[StrictStr, ...] | None = None
    bins: Annotated[tuple[Number, ...], Field(min_length=1)] | None = None
    worst: StrictBool = False
    size: StrictStr | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    statistic: Literal["conservative", "point"] | None = None
    min_groups: Count | None = None
    against: Literal["baseline", "annotators"] | None = None
    margin: Annotated[Number, Field(ge=0)] | None = None
    severity: Literal["block", "warn"] = "block"
    rationale: StrictStr = ""


class Overfit(Section):
    warn: Rate = 0.05
    max: Rate = 0.10
    # A stage depends on it: it has to be there.
    sample: Count | None


class HumanCeiling(Section):
    source: Annotated[StrictStr, Field(min_length=1)]
    dice: Rate | None = None
    iou: Rate | None = None
    precision: Rate | None = None
    recall: Rate | None = None
    f2: Rate | None = None
    f05: Annotated[Rate | None, Field(alias="f0.5")] = None


class Leakage(Section):
    groups: Level = "block"
    pixels: Level = "block"
    similar: Level = "block"


class Checks(Section):
    accuracy_paradox: Level = "warn"
    on_inconclusive: Literal["block", "warn"] = "block"
    overfit: Overfit
    small_objects: Level = "warn"
    catastrophic: Level = "warn"
    perfection: Level = "warn"
    copies: Level = "block"
    human_ceiling: HumanCeiling | None = None
    leakage: Leakage = Leakage()
    on_missing_baseline: Literal["fail", "skip"] = "fail"
    min_shared: Annotated[Rate, Field(gt=0)] = 0.8


Images = Annotated[StrictInt, Field(ge=0, le=200)]


class Report(Section):
    """How many images of the judged split are drawn: a stage depends on each number."""

    worst: Images = 12
    median: Images = 4
    best: Images = 4


class Upload(Section):
    images: StrictBool = False
    ids: Literal["plain", "hashed", "none"] = "hashed"


class Tracking(Section):
    experiment: Annotated[StrictStr, Field(min_length=1)]
    upload: Upload = Upload()


class Gate(Section):
    enforce: StrictBool = True


class Promotion(Section):
    model: Annotated[StrictStr, Field(min_length=1, pattern=r"^[^/:]+$")]
    alias: Annotated[StrictStr, AfterValidator(check_alias)] = "champion"
    approvers: Annotated[StrictInt, Field(ge=0, le=20)] = 0


class Runtime(Section):
    workers: Literal["auto"] | Count = "auto"
    batch: Count = 8
    providers: Annotated[tuple[StrictStr, ...], Field(min_length=1)] = ("CPUExecutionProvider",)
    cluster: None = None


class Settings(Section):
    """params.yaml, whole. Every section that a stage depends on has to be there."""

    format: Literal[1]
    domain: Literal["medical", "autonomous_driving", "balanced", "custom"]
    data: Data
    infer: Infer
    operating_point: OperatingPoint
    measure: Measure
    statistics: Statistics
    grade: Grade
    rules: dict[Name, Rule | None]
    checks: Checks
    report: Report
    tracking: Tracking
    gate: Gate
    promotion: Promotion
    runtime: Runtime
