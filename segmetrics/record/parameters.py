"""Settings as the parameters of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from segmetrics.record.keys import key_part, whole_key

_LONGEST = 6000  # characters; newer servers take no more


def flat_params(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as `data.classes.tumour: 1`; lists stay one value, null is "null"."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        name = f"{prefix}{key_part(key)}"
        if isinstance(value, Mapping) and value:
            flat |= flat_params(value, f"{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            flat[whole_key(name)] = text[:_LONGEST]
    return flat
