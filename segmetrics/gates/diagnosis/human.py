"""What people reach on the same images: a bound above it asks for more than agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segmetrics.gates.diagnosis.checks import Ceiling
from segmetrics.gates.grade import Bands
from segmetrics.gates.rules import EVERY, MEAN, Finding, Rule
from segmetrics.stats.evaluation import Scope

SYMMETRIC = ("dice", "iou")  # who is taken as the reference does not matter


def human_ceiling(
    ceiling: Ceiling,
    rules: Sequence[Rule],
    bands: Bands,
    *,
    model: Mapping[str, float],
    scored: Sequence[str],
    name: str = "human_ceiling",
) -> list[Finding]:
    """A finding that shows what people reach beside the bounds and the model; it never blocks.

    It warns where a rule of the class mean (or of the only class) asks for more than people reach,
    and is a note otherwise.

    Parameters
    ----------
    model
        Class means of the model on the judged split, by metric.
    """
    unmet = [
        (rule, reached)
        for rule in rules
        if (reached := ceiling.values.get(rule.metric)) is not None
        and rule.at_least is not None
        and rule.at_least > reached
        and _about_the_mean(rule, scored)
    ]
    people = ", ".join(f"{metric} {value:.2f}" for metric, value in ceiling.values.items())
    text = f"people reach {people} ({ceiling.source})"
    shown = [f"{m} {model[m]:.2f}" for m in ceiling.values if m in model]
    text += f"; the model reaches {', '.join(shown)}" if shown else ""
    for rule, value in unmet:
        text += (
            f". The rule {rule.name} asks for {rule.metric} {rule.bound_text}: a second human, at "
            f"{value:.2f}, fails it"
        )
    grade = _grade(ceiling.values, bands)
    text += f". A human fails the grade 'good' ({grade})" if grade else ""
    above = [m for m, value in ceiling.values.items() if m in model and model[m] > value]
    if above:
        text += (
            f". Above the ceiling ({', '.join(above)}) a higher value says that the model copies "
            f"the habits of one annotator, not that it is better"
        )
    data = {
        "ceiling": dict(ceiling.values),
        "source": ceiling.source,
        "model": {m: model[m] for m in ceiling.values if m in model},
        "rules_above": [rule.name for rule, _ in unmet],
        "human_is_good": not grade,
    }
    return [Finding(name, "warn" if unmet else "note", text, data)]


def annotator_agreement(
    humans: Mapping[str, Scope],
    rules: Sequence[Rule],
    bands: Bands,
    *,
    aggregate: str,
    model: Mapping[str, float],
    scored: Sequence[str],
) -> list[Finding]:
    """The same from the data: how well the annotators agree with one another.

    Dice and IoU only, which do not depend on who of two people is the reference. The ceiling is the
    mean of all pairs.

    Parameters
    ----------
    humans
        `anna vs ben` -> metrics, without the model.
    model
        Class means of the model with the annotators, the mean of all of them.
    """
    values: dict[str, float] = {}
    for metric in SYMMETRIC:
        found = [class_mean(scope, aggregate, metric, scored) for scope in humans.values()]
        known = [value for value in found if value is not None]
        if known and len(known) == len(found):
            values[metric] = sum(known) / len(known)
    if not values:
        return []
    samples = min(scope.samples for scope in humans.values())
    who = ", ".join(humans) if len(humans) <= 3 else f"{len(humans)} pairs of annotators"
    ceiling = Ceiling(values, f"{who} on {samples} images")
    return human_ceiling(
        ceiling, rules, bands, model=model, scored=scored, name="annotator_agreement"
    )


def class_mean(scope: Scope, aggregate: str, metric: str, scored: Sequence[str]) -> float | None:
    """A class mean over all scored classes; None where one of them has no value."""
    mean = scope.estimate("mean", aggregate, metric)
    whole = mean is not None and mean.undefined == 0 and mean.defined == len(scored)
    return mean.value if mean is not None and whole else None


def _about_the_mean(rule: Rule, scored: Sequence[str]) -> bool:
    only = scored[0] if len(scored) == 1 else MEAN
    whole = rule.slice_by is None and rule.size is None
    alone = rule.class_name == MEAN or (len(scored) == 1 and rule.class_name in (only, EVERY))
    return whole and alone


def _grade(values: Mapping[str, float], bands: Bands) -> str:
    """Which bounds of `good` people do not pass; empty where they do."""
    bounds = {"dice": bands.good.dice, "iou": bands.good.iou}
    missed = [m for m, bound in bounds.items() if m in values and values[m] <= bound]
    names = {"dice": "Dice", "iou": "IoU"}
    return " and ".join(f"{names[m]} > {bounds[m]:g}" for m in missed)
