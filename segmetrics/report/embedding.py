"""Pictures inside the page, as far as its size allows."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, features

from segmetrics.report.html import Html, el

MOST_BYTES = 5_000_000  # of the whole page, so that it can be sent by mail
_SMALL = 60_000  # a PNG up to this size stays as it is
_QUALITY = 80
_TALLEST = 2400  # rows of the picture of the pairs that are shown


@dataclass(slots=True)
class Embedder:
    """Turns files into `<img>` elements until `budget` bytes are used up.

    Attributes
    ----------
    left_out
        How many pictures did not fit.
    """

    budget: int
    left_out: int = field(default=0)

    def picture(self, path: Path, alt: str) -> Html | None:
        """A picture as it is; None where it does not fit any more."""
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as picture:
            size = picture.size
            if len(content) <= _SMALL:
                return self._element(content, "png", size, alt)
            return self._element(*_compressed(picture.convert("RGB")), size, alt)

    def top_of(self, path: Path, alt: str) -> Html | None:
        """The upper part of a tall picture."""
        with Image.open(path) as picture:
            width, height = picture.size
            shown = picture.convert("RGB").crop((0, 0, width, min(height, _TALLEST)))
        return self._element(*_compressed(shown), shown.size, alt)

    def _element(self, content: bytes, kind: str, size: tuple[int, int], alt: str) -> Html | None:
        text = base64.b64encode(content).decode("ascii")
        if len(text) > self.budget:
            self.left_out += 1
            return None
        self.budget -= len(text)
        source = f"data:image/{kind};base64,{text}"
        return el("img", src=source, alt=alt, width=size[0], height=size[1])


def _compressed(picture: Image.Image) -> tuple[bytes, str]:
    """As WebP or, where Pillow was built without it, as JPEG."""
    kind = "webp" if features.check("webp") else "jpeg"
    out = io.BytesIO()
    picture.save(out, kind.upper(), quality=_QUALITY)
    return out.getvalue(), kind
