"""What was meant: decimal commas, percentages, words for labels."""

from __future__ import annotations

import pytest
from test_load import params

from segmetrics.config import load_settings
from segmetrics.errors import ConfigError

__all__ = ["params"]


@pytest.mark.parametrize(
    ("edits", "values", "end"),
    [
        ((), {"rules": "{a: {metric: dice, class: tumour, at_least: 0,7}}"},
         "rules.a.7: unknown key; a decimal comma? write at_least: 0.7"),
        (("confidence: 0.95", "confidence: 0,95"), {},
         "statistics.95: unknown key; a decimal comma? write confidence: 0.95"),
        (("confidence: 0.95", "confidence: 95"), {}, "(found 95); a percentage? write 0.95"),
        (("confidence: 0.95", "confidence: '0,95'"), {},
         "(found '0,95'); a decimal comma? write 0.95"),
        ((), {"classes": "{background: 0, tumour: yes}"},
         "'yes' is no label value; give a whole number, a list of them, or a colour such as "
         "'#804080'"),
    ],
)  # fmt: skip
def test_what_was_meant_is_said(params, edits, values, end):
    path = params(*([edits] if edits else []), **values)
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert str(caught.value).splitlines()[-1].endswith(end)
