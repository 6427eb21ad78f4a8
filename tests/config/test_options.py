"""The options of `segmetrics score` that stand for `data:` in params.yaml."""

from __future__ import annotations

import pytest

from segmetrics.config.options import parse_scheme
from segmetrics.data.labels import LabelScheme
from segmetrics.errors import ConfigError


def parse(classes=None, binary=False, exclude=None, ignore="") -> LabelScheme | None:
    return parse_scheme(classes=classes, binary=binary, exclude=exclude, ignore=ignore)


def test_classes_in_the_order_given():
    scheme = parse(" vessel=2, background=0 ,tumour=1,", exclude="background", ignore="255,254")
    assert scheme == LabelScheme(
        names=("vessel", "background", "tumour"),
        values=((2,), (0,), (1,)),
        ignore=(255, 254),
        exclude=("background",),
    )
    assert scheme.scored == ("vessel", "tumour")


def test_without_exclude_every_named_class_is_scored():
    assert parse("background=0,tumour=1").scored == ("background", "tumour")


def test_binary_leaves_the_background_out_unless_told():
    assert parse(binary=True) == LabelScheme(
        names=("background", "foreground"),
        values=((0,), (1,)),
        exclude=("background",),
        encoding="binary",
    )
    assert parse(binary=True, exclude="").scored == ("background", "foreground")


def test_without_classes_they_are_discovered():
    assert parse() is None


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"classes": "tumour"},
         '--classes: "tumour" is not name=value; write background=0,tumour=1, or '
         "cityscapes or cityscapes_train_ids"),
        ({"classes": ""}, "--classes: names no class; write background=0,tumour=1"),
        ({"classes": ","}, "--classes: names no class; write background=0,tumour=1"),
        ({"classes": "a=x"},
         '--classes: "x" is not a label value; give a number from 0 on, or #rrggbb'),
        ({"classes": "a=-1"},
         '--classes: "-1" is not a label value; give a number from 0 on, or #rrggbb'),
        ({"classes": "a="},
         '--classes: "" is not a label value; give a number from 0 on, or #rrggbb'),
        ({"classes": "=1"}, '--classes: "" may hold letters, digits, _ - . and spaces only'),
        ({"classes": "mean=1"}, '--classes: "mean" is reserved; choose another name'),
        ({"classes": "a=1,a=2"}, '--classes: "a=2" repeats a name or a value'),
        ({"classes": "a=1,b=1"}, '--classes: "b=1" repeats a name or a value'),
        ({"classes": "a=0,b=1", "exclude": "c"}, '--exclude: "c" is not a class'),
        ({"classes": "back=0,tumour=1", "exclude": "tumor"},
         '--exclude: "tumor" is not a class; did you mean "tumour"?'),
        ({"classes": "a=0", "exclude": "a"}, "--exclude: leaves no class to score"),
        ({"classes": "a=0,b=1", "ignore": "1"}, "--ignore: label 1 is the class b already"),
        ({"classes": "a=0", "ignore": "x"},
         '--ignore: "x" is not a label value; give a number from 0 on, or #rrggbb'),
        ({"binary": True, "ignore": "255"},
         "--ignore: 0 and 255 are background and foreground with --binary"),
        ({"binary": True, "exclude": "backgroud"},
         '--exclude: "backgroud" is not a class; did you mean "background"?'),
        ({"binary": True, "exclude": "background,foreground"},
         "--exclude: leaves no class to score"),
        ({"ignore": "255"},
         "--ignore, --exclude: need to know the classes; add --classes or --binary"),
        ({"exclude": "0"},
         "--ignore, --exclude: need to know the classes; add --classes or --binary"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood(options, text):
    with pytest.raises(ConfigError) as caught:
        parse(**options)
    assert str(caught.value) == text
