"""Label schemes that have a name."""

from __future__ import annotations

import difflib

from segmetrics.errors import ConfigError

_CITYSCAPES = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign",
    "vegetation", "terrain", "sky", "person", "rider", "car", "truck", "bus", "train",
    "motorcycle", "bicycle",
)  # fmt: skip
# cityscapesScripts, helpers/labels.py: the ids of the classes whose trainId is 0 to 18.
_CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)

_SCHEMES: dict[str, tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]] = {
    "cityscapes": (
        _CITYSCAPES,
        _CITYSCAPES_IDS,
        tuple(v for v in range(256) if v not in _CITYSCAPES_IDS),
    ),
    "cityscapes_train_ids": (_CITYSCAPES, tuple(range(19)), (255,)),
}
NAMES = tuple(_SCHEMES)


def named_scheme(name: str) -> tuple[dict[str, int], tuple[int, ...]]:
    """Classes (name: label) and ignored labels of a scheme.

    Parameters
    ----------
    name
        `cityscapes`: masks of label ids (`*_gtFine_labelIds.png`); every id that is not evaluated
        is ignored. `cityscapes_train_ids`: 0 to 18, with 255 ignored.

    Raises
    ------
    ConfigError
        There is no scheme of that name.
    """
    if name not in _SCHEMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f'did you mean "{near[0]}"? ' if near else ""
        raise ConfigError(
            "data.scheme", f'there is no scheme "{name}"', f"{hint}known: {', '.join(NAMES)}"
        )
    names, values, ignore = _SCHEMES[name]
    return dict(zip(names, values, strict=True)), ignore
