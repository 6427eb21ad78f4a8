"""Names that every MLflow takes: letters, digits, `_ - . /` and spaces, at most 250 characters."""

from __future__ import annotations

import re

from segmetrics.files import sha256_bytes

_LONGEST = 250
# What MLflow refuses, and the beginnings of our own escapes, so that no two names become one.
_REFUSED = re.compile(r"[^A-Za-z0-9_.\- ]|_(?=x[0-9a-f]+_)")


def key_part(text: str) -> str:
    """One part of a name, between slashes: `3 T (new)` becomes `3 T _x28_new_x29_`.

    Every refused character stands as `_x<hexadecimal>_`. A part of dots alone, which is a folder,
    has its first one escaped.
    """
    escaped = _REFUSED.sub(lambda found: f"_x{ord(found[0]):x}_", text)
    return escaped if escaped.strip(".") else f"_x2e_{escaped[1:]}"


def whole_key(key: str) -> str:
    """A name that is not too long; a longer one ends in a digest of itself."""
    if len(key) <= _LONGEST:
        return key
    return f"{key[: _LONGEST - 17].rstrip('/. ')}.{sha256_bytes(key.encode())[:16]}"
