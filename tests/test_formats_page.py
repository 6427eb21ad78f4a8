"""docs/formats.md: its settings are valid, and it leaves out no format, ending or encoding."""

from __future__ import annotations

import re
from typing import get_args

import pytest
import yaml

from segmetrics.config import load_settings
from segmetrics.config.build import label_scheme, pixel_options, targets
from segmetrics.data.kinds import SUFFIXES, UNREAD_SUFFIXES
from segmetrics.data.labels import Encoding
from segmetrics.data.samples import read_samples
from segmetrics.data.schemes import NAMES

BASE = {"classes": {"background": 0, "thing": 1}, "exclude": [], "regions": {}}


@pytest.fixture
def page(repository) -> str:
    return (repository / "docs" / "formats.md").read_text("utf-8")


@pytest.fixture
def examples(page, repository, tmp_path):
    """The settings of each example, on top of those of this repository."""

    def read(block):
        params = yaml.safe_load((repository / "params.yaml").read_text("utf-8"))
        params["rules"] = {}
        params["measure"] = {}
        params["data"] |= BASE
        for section, values in yaml.safe_load(block).items():
            params[section] |= values
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(params, sort_keys=False))
        return load_settings(path)

    return [read(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]


def test_every_example_is_valid_and_means_what_stands_beside_it(examples):
    labels, rgb, cityscapes, instances, overlapping, regions, spacing, given = examples
    assert label_scheme(labels).values == ((0,), (1, 4), (2,))
    assert label_scheme(rgb).values[2] == (0x00008E, 0x000046)
    scheme = label_scheme(cityscapes)
    assert (scheme.n_classes, len(scheme.ignore)) == (19, 256 - 19)
    assert instances.measure.objects.size_edges == (64, 512)
    assert targets(overlapping).overlapping
    assert targets(overlapping).scores
    assert overlapping.operating_point.threshold == 0.5
    assert [name for name, _ in targets(regions).regions] == [
        "whole_tumour", "tumour_core", "enhancing_tumour",
    ]  # fmt: skip
    assert targets(regions).members[-3:] == ((1, 2, 3), (1, 3), (3,))
    assert (spacing.data.spacing, spacing.data.unit) == ((0.5, 0.5), "mm")
    assert pixel_options(spacing).tolerance == 1.0
    assert given.operating_point.decision == "argmax"


def test_the_sample_list_is_valid(page, tmp_path):
    (text,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "samples.csv"
    path.write_text(text)
    first, second = read_samples(path)
    assert first.images == ("t1/p01_1.nii.gz", "flair/p01_1.nii.gz")
    assert (dict(first.columns), first.group) == ({"scanner": "A"}, "p01")
    assert (list(first.annotators), list(second.annotators)) == (["anna"], [])


def test_nothing_is_left_out(page):
    for encoding in get_args(Encoding):
        assert page.count(f"\n| `{encoding}`") == 1, encoding
    for name in NAMES:
        assert f"{name}" in page
    for suffix in UNREAD_SUFFIXES:
        assert re.search(rf"[ `(\n]{re.escape(suffix)}[ `\n]", page), suffix
    kinds = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".jpg": "JPEG",
             ".jpeg": "JPEG"}  # fmt: skip
    for suffix in SUFFIXES:
        assert kinds.get(suffix, f"`{suffix}`") in page, suffix
