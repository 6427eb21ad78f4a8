"""The worst, median and best images, inside the page."""

from __future__ import annotations

from segmetrics.overlays import KINDS, Overlay
from segmetrics.report.data import ReportData
from segmetrics.report.embedding import Embedder
from segmetrics.report.html import Html, el, join, paragraph, section
from segmetrics.report.words import metric_name, several, value_text

_TITLES = {"worst": "Worst", "median": "In the middle", "best": "Best"}


def images_section(data: ReportData, embed: Embedder) -> Html | None:
    """By kind; says how many are left out. None without overlays."""
    if data.overlays is None or data.pictures is None:
        return None
    shown = data.overlays
    metric = metric_name(shown.metric)
    if not shown.images:
        none = f"No image is drawn: params.yaml asks for none, or none has a value of {metric}."
        return section("images", "Images", paragraph(none))
    of = "the mean of its classes" if len(data.scored) > 1 else data.scored[0]
    intro = (
        f"Of {several(shown.ranked, 'image')} of {data.judged}, ranked by {metric} of the image "
        f"({of}). Green: right. Orange, hatched upwards: predicted, but not there. Blue, hatched "
        f"downwards: there, but missed. "
        + ("Shown is the class with the lowest Dice in the image. " if len(data.scored) > 1 else "")
        + "Large images are drawn smaller; a single wrong pixel still shows."
    )
    before, parts = embed.left_out, []
    for kind in KINDS:
        own = [image for image in shown.images if image.kind == kind]
        figures = [figure for image in own if (figure := _figure(data, image, embed)) is not None]
        if figures:
            parts.append(join(el("h3", _TITLES[kind]), el("div", *figures, class_="images")))
    left_out = embed.left_out - before
    if left_out:
        text = (
            f"{several(left_out, 'image')} left out, to keep this page below 5 MB: see "
            f"results/overlays/."
        )
        parts.append(paragraph(text))
    return section("images", "Images", paragraph(intro, class_="soft small"), *parts)


def _figure(data: ReportData, image: Overlay, embed: Embedder) -> Html | None:
    assert data.pictures is not None, "asked before"
    several_classes = len(data.scored) > 1
    value = (
        f"{metric_name(image.metric)} {value_text(image.value)}"
        if image.value is not None
        else f"{metric_name(image.metric)} undefined, a false alarm"
    )
    of = f"{image.class_name}: " if several_classes else ""
    pixels = f"{of}{image.tp} pixels right, {image.fp} added, {image.fn} missed"
    dice = f", Dice {value_text(image.dice)}" if image.dice is not None else ""
    cut = ""
    if image.cut is not None:
        cut = f"; plane {image.cut.index + 1} of {image.cut.of} (axis {image.cut.axis + 1})"
    scale = f"; drawn at 1 : {image.cell}" if image.cell > 1 else ""
    panels = "left the image, right its errors" if image.image else "its errors"
    alt = f"{image.id}: {panels}. {value}. {pixels}."
    picture = embed.picture(data.pictures / image.file, alt)
    if picture is None:
        return None
    caption = el("figcaption", el("b", image.id), f" {value}; {pixels}{dice}{cut}{scale}")
    return el("figure", picture, caption)
