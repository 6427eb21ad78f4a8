"""Pixels that are counted nowhere: what a model does there, no number shows."""

from __future__ import annotations

from dataclasses import dataclass

from segmetrics.gates.diagnosis.checks import Level
from segmetrics.gates.rules import Finding

# Above these shares, of all pixels and of those of one image, what is left may be another task.
ALL, IMAGE = 0.2, 0.5


@dataclass(frozen=True, slots=True)
class Ignored:
    """The reference pixels with a label of `data.ignore`.

    Attributes
    ----------
    images
        How many there are.
    pixels, ignored
        All pixels of these images, and the ignored ones.
    highest
        The largest share of one image, in [0, 1].
    mostly
        Ids of the images that are ignored by more than half.
    emptied
        Ids of the images with ignored pixels that hold no pixel of a scored class.
    """

    images: int = 0
    pixels: int = 0
    ignored: int = 0
    highest: float = 0.0
    mostly: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()


def ignored_pixels(found: Ignored, split: str) -> list[Finding]:
    """A finding that says how much is ignored; a warning where it may hide what fails.

    It warns above a fifth of all pixels or half of an image, and where an image with ignored pixels
    holds none of a scored class: a class that is ignored whole cannot be missed.
    """
    if not found.ignored:
        return []
    share = found.ignored / found.pixels
    text = (
        f"{_percent(share)} of the pixels of {split} are ignored (data.ignore), at most "
        f"{_percent(found.highest)} of one image: what a model does there counts nowhere"
    )
    of, mostly, emptied = found.images, len(found.mostly), len(found.emptied)
    if mostly:
        text += f". {mostly} of {of} images are ignored by more than half"
    if emptied:
        text += (
            f". {emptied} of {of} images hold ignored pixels and none of a scored class: where a "
            f"class is ignored whole, missing it is no error"
        )
    doubtful = share > ALL or mostly > 0 or emptied > 0
    severity: Level = "warn" if doubtful else "note"
    text += ". Look at these masks: ignore what nobody can tell, not what a model gets wrong" * (
        doubtful
    )
    ids = sorted({*found.mostly, *found.emptied})
    data = {
        "share": share, "highest": found.highest, "images": of, "mostly_ignored": mostly,
        "without_class": emptied,
    }  # fmt: skip
    return [Finding("ignored_pixels", severity, text, data | ({"ids": ids} if ids else {}))]


def _percent(share: float) -> str:
    """Two digits where it is little: 0.004 is 0.4 %."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
