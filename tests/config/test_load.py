"""params.yaml: the template loads, and every error names its line, its place and what would do."""

from __future__ import annotations

import string
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from segmetrics.config import load_settings
from segmetrics.config.build import evaluation_options, question, result_settings
from segmetrics.config.judging import policy
from segmetrics.errors import ConfigError, DataError
from segmetrics.metrics.thresholds import Objective
from segmetrics.operating_point import (
    OperatingPoint,
    Tuning,
    TuningRequest,
    write_operating_point,
)
from segmetrics.stats.resampling import Resampling
from segmetrics.stats.slice_by import SliceBy

TEMPLATE = (files("segmetrics") / "templates" / "params.yaml").read_text("utf-8")
VALUES = {
    "domain": "medical", "root": "data", "samples": "data/samples.csv", "splits": "[train, test]",
    "judge": "test", "compare": "null", "tune": "null",
    "classes": "{background: 0, tumour: 1, vessel: 2}", "exclude": "[background]",
    "ignore": "[255]", "encoding": "labels", "critical": "[]", "source": "models/unet.onnx",
    "size": "null", "operating_point": "{decision: argmax, threshold: null}", "rules": "{}",
    "name": "demo", "gate": "{enforce: true}",
}  # fmt: skip
TOP = (
    "format, domain, data, infer, operating_point, measure, statistics, grade, rules, checks, "
    "report, tracking, gate, promotion, runtime"
)
RULE_KEYS = (
    "metric, class, aggregate, split, slice, bins, worst, size, at_least, at_most, statistic, "
    "min_groups, against, margin, severity, rationale"
)


@pytest.fixture
def params(tmp_path, monkeypatch):
    """Write params.yaml from the template; `edits` replace pieces of its text."""
    monkeypatch.chdir(tmp_path)

    def write(*edits: tuple[str, str], **values: str):
        text = string.Template(TEMPLATE).substitute(VALUES | values)
        for old, new in edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        Path("params.yaml").write_text(text, "utf-8")
        return Path("params.yaml")

    return write


def message(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    return str(caught.value)


def line_of(text: str) -> int:
    lines = Path("params.yaml").read_text("utf-8").splitlines()
    (number,) = [i for i, line in enumerate(lines, 1) if line.lstrip().startswith(text)]
    return number


def test_the_template_loads_with_its_values(params):
    settings = load_settings(params())
    assert settings.domain == "medical"
    assert settings.data.classes == {"background": 0, "tumour": 1, "vessel": 2}
    assert settings.data.splits == ("train", "test")
    assert evaluation_options(settings).scored == ("tumour", "vessel")
    assert evaluation_options(settings).both_empty_is_one is False
    assert evaluation_options(settings).resampling == Resampling(0.95, 10_000, 20260101)
    assert settings.checks.accuracy_paradox == "warn"
    assert set(result_settings(settings)) == set(TOP.split(", ")) - {
        "report", "tracking", "gate", "promotion", "runtime",
    }  # fmt: skip


@pytest.mark.parametrize("domain", ["medical", "autonomous_driving", "balanced", "custom"])
def test_the_template_loads_for_every_domain(params, domain):
    settings = load_settings(params(domain=domain, critical="[tumour]"))
    assert policy(settings).domain.name == domain


def test_null_removes_a_rule_and_the_same_name_replaces_one(params):
    rules = "{dice: null, iou: {metric: iou, class: tumour, at_least: 0.7}, more: {metric: f2, at_least: 0.5}}"  # noqa: E501
    found = {rule.name: rule for rule in policy(load_settings(params(rules=rules))).rules}
    assert list(found) == ["recall_floor", "f2", "iou", "more"]
    assert (found["iou"].class_name, found["iou"].at_least) == ("tumour", 0.7)
    assert (found["iou"].source, found["f2"].source) == ("params.yaml", "preset medical")
    assert (found["more"].aggregate, found["more"].split) == ("group_mean", "test")


def test_a_slice_value_is_compared_as_text(params):
    rules = "{a: {metric: dice, at_least: 0.5, slice: {site: 7}}}"
    (rule,) = (r for r in policy(load_settings(params(rules=rules))).rules if r.name == "a")
    assert (rule.slice_by, rule.slice_value) == (SliceBy(("site",)), "7")


def test_words_stay_words_and_numbers_are_numbers(params):
    settings = load_settings(
        params(("confidence: 0.95", "confidence: 9e-1"), ("seed: 20260101", "seed: 0o17"),
               classes="{no: 0, yes: 1}", exclude="[no]")
    )  # fmt: skip
    assert settings.data.classes == {"no": 0, "yes": 1}
    assert (settings.statistics.confidence, settings.statistics.seed) == (0.9, 15)


def test_no_is_text_and_so_no_boolean(params):
    text = message(params(("enforce: true", "enforce: no")))
    assert text == (
        f"params.yaml:{line_of('gate:')}: gate.enforce: input should be a valid boolean "
        "(found 'no')"
    )


def test_unknown_keys_at_every_level(params):
    text = message(
        params(("gate: {", "gaet: {}\ngate: {"), ("  scale: 255.0", "  sclae: 1.0\n  scale: 255.0"),
               rules="\n  a: {metric: dice, at_lest: 0.5}\n  b: {metric: dice, tolerance: 2}")
    )  # fmt: skip
    assert text == (
        "params.yaml: 4 problems\n"
        f'  params.yaml:{line_of("sclae")}: infer.sclae: unknown key; did you mean "scale"? '
        "(keys: source, command, size, multiple, tile, scale, mean, std)\n"
        f'  params.yaml:{line_of("a:")}: rules.a.at_lest: unknown key; did you mean "at_least"? '
        f"(keys: {RULE_KEYS})\n"
        f"  params.yaml:{line_of('b:')}: rules.b.tolerance: unknown key; (keys: {RULE_KEYS})\n"
        f'  params.yaml:{line_of("gaet")}: gaet: unknown key; did you mean "gate"? (keys: {TOP})'
    )


def test_a_duplicate_key(params):
    text = message(params(("  judge: test", "  judge: test\n  judge: train")))
    assert text == 'params.yaml:11: "judge" is given twice (first in line 10); keep one of them'


def test_a_missing_section_and_a_missing_key(params):
    sections = message(params(("gate: {enforce: true}", "")))
    assert sections == (
        "params.yaml: gate: is missing; every section has to be there; see `segmetrics init`"
    )
    key = message(params(rules="{a: {at_least: 0.5}}"))
    assert key == f"params.yaml:{line_of('rules:')}: rules.a.metric: is missing; " \
        "add it; see `segmetrics init`"  # fmt: skip


def test_a_class_typo_reads_as_in_the_design(params):
    text = message(params(rules="{tumour_dice: {metric: dice, class: tumor, at_least: 0.8}}"))
    assert text == (
        f'params.yaml:{line_of("rules:")}: rules.tumour_dice.class: "tumor" is not a class; '
        'did you mean "tumour"? (classes: background, tumour, vessel)'
    )


@pytest.mark.parametrize("found", ["0", "2", "true", "1.0", '"1"', "null"])
def test_another_format_says_what_to_do(params, found):
    shown = {"true": "True", '"1"': "'1'", "null": "None"}.get(found, found)
    assert message(params(("format: 1", f"format: {found}"))) == (
        f"params.yaml:3: format: is {shown}; this version of segmetrics reads format 1; "
        "read CHANGELOG.md, set `format: 1` and run `dvc repro`"
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "params.yaml: does not hold keys and values; see `segmetrics init`"),
        (b"[]", "params.yaml: does not hold keys and values; see `segmetrics init`"),
        (b"\xff\xfe", "params.yaml: cannot be read as UTF-8 text ("),
    ],
)
def test_a_file_without_settings(params, content, text):
    params().write_bytes(content)
    assert message(Path("params.yaml")).startswith(text)


def test_no_file(tmp_path):
    assert message(tmp_path / "params.yaml") == (
        f"{tmp_path / 'params.yaml'}: there is no such file; "
        "run `segmetrics init`, or go to the project folder"
    )


@pytest.mark.parametrize("domain", ["medical", "custom"])
def test_a_null_that_removes_nothing_is_a_typo(params, domain):
    known = "recall_floor, f2, dice, iou, small_object_recall" if domain == "medical" else "none"
    near = 'did you mean "recall_floor"? ' if domain == "medical" else ""
    assert message(params(domain=domain, rules="{recal_floor: null}")) == (
        f"params.yaml:{line_of('rules:')}: rules.recal_floor: null removes no rule of the domain "
        f"{domain}; {near}(rules: {known})"
    )


def parsed(params, body: str, **values: str):
    (rule,) = (
        r
        for r in policy(load_settings(params(rules=f"{{a: {body}}}", **values))).rules
        if r.name == "a"
    )
    return rule


@pytest.mark.parametrize(
    ("written", "by", "value"),
    [
        ("scanner", SliceBy(("scanner",)), None),
        ("{scanner: A}", SliceBy(("scanner",)), "A"),
        ("[weather, city]", SliceBy(("weather", "city")), None),
        ("{weather: rain, city: Bern}", SliceBy(("weather", "city")), "rain x Bern"),
        ("age, bins: [40, 60]", SliceBy(("age",), (40, 60)), None),
        ("{age: 40 to 60}, bins: [40, 60]", SliceBy(("age",), (40, 60)), "40 to 60"),
    ],
)
def test_the_forms_of_a_slice(params, written, by, value):
    body = f"{{metric: dice, at_least: 0.5, slice: {written}}}"
    rule = parsed(params, body)
    assert (rule.slice_by, rule.slice_value) == (by, value)
    settings = load_settings(params(rules=f"{{a: {body}, b: {body}}}"))
    assert evaluation_options(settings).slices == (by,)


@pytest.mark.parametrize(
    ("domain", "own", "expected"),
    [
        ("medical", "", "conservative"),
        ("medical", ", statistic: point", "point"),
        ("balanced", "", "point"),
        ("balanced", ", statistic: conservative", "conservative"),
        ("custom", "", "point"),
    ],
)
def test_a_rule_without_statistic_has_that_of_the_domain(params, domain, own, expected):
    body = f"{{metric: dice, at_least: 0.5{own}}}"
    assert parsed(params, body, domain=domain).statistic == expected


def test_what_decides_on_few_groups_and_on_inconclusive_rules(params):
    found = policy(load_settings(params()))
    assert (found.min_groups, found.on_inconclusive) == (30, "block")
    edits = [
        ("min_groups: 30", "min_groups: 7"),
        ("on_inconclusive: block", "on_inconclusive: warn"),
    ]
    found = policy(load_settings(params(*edits)))
    assert (found.min_groups, found.on_inconclusive) == (7, "warn")
    rule = parsed(params, "{metric: dice, at_least: 0.5, min_groups: 5}")
    assert rule.min_groups == 5


RULES = [  # the body of a rule `a`, the place after `rules.a`, the message
    ("{metric: accuracy, at_least: 0.9}", ".metric", "accuracy cannot be a rule (shown, never a "
     "rule: high where a class is rare); use dice or f2"),
    ("{metric: recal, at_least: 0.9}", ".metric", '"recal" is not a metric; did you mean "recall"? '
     "(metrics: dice, iou, precision, recall, f2, f0.5, specificity, balanced_accuracy, mcc, "
     "volume_error, fp_on_empty, accuracy, hd, hd95, assd, masd, nsd, boundary_iou, cldice, "
     "object_precision, object_recall, object_f1, sq, rq, pq, false_objects, average_precision, "
     "roc_auc, brier, calibration_error)"),
    ("{metric: fp_on_empty, aggregate: pooled, at_most: 0.1}", ".aggregate",
     '"pooled" is not an aggregate of fp_on_empty; (aggregates: image_mean, group_mean)'),
    ("{metric: dice, aggregate: median, at_least: 0.1}", ".aggregate",
     "'median' is not one of pooled, image_mean, group_mean; did you mean \"image_mean\"?"),
    ("{metric: dice}", "", "has no bound; give at_least or at_most"),
    ("{metric: dice, at_least: null}", "", "has no bound; give at_least or at_most"),
    ("{metric: dice, at_least: 0.9, at_most: 0.8}", "",
     "nothing is >= 0.9 and <= 0.8; mend the bounds"),
    ("{metric: dice, at_least: 85}", ".at_least",
     "85 is outside the range of dice; it runs from 0 to 1"),
    ("{metric: dice, at_least: 0}", ".at_least",
     "0 excludes nothing: every dice meets it; give a bound that a poor model misses"),
    ("{metric: mcc, at_least: -1}", ".at_least",
     "-1 excludes nothing: every mcc meets it; give a bound that a poor model misses"),
    ("{metric: fp_on_empty, at_most: 1}", ".at_most",
     "1 excludes nothing: every fp_on_empty meets it; give a bound that a poor model misses"),
    ("{metric: volume_error, at_least: -1, at_most: 0.1}", ".at_least",
     "-1 excludes nothing: every volume_error meets it; give a bound that a poor model misses"),
    ("{metric: dice, against: baseline, margin: 1}", ".margin", "1 excludes nothing: no dice is "
     "worse by more; say how much worse is still good enough, such as 0.01"),
    ("{metric: mcc, against: baseline, margin: 2}", ".margin", "2 excludes nothing: no mcc is "
     "worse by more; say how much worse is still good enough, such as 0.01"),
    ("{metric: dice, class: background, at_least: 0.5}", ".class", '"background" is excluded '
     "(data.exclude): it is counted, and decides nothing; name a class that is scored, or set "
     "`severity: warn` to see the number"),
    ("{metric: dice, at_least: 0.1, at_most: 85}", ".at_most",
     "85 is outside the range of dice; it runs from 0 to 1"),
    ("{metric: dice, at_most: 0.5}", ".at_most", "higher dice is better; use at_least"),
    ("{metric: fp_on_empty, at_least: 0.5}", ".at_least",
     "lower fp_on_empty is better; use at_most"),
    ("{metric: volume_error, at_most: 0.1}", "", "volume_error is best at 0 and may lie on either "
     "side of it; give at_least (below 0) and at_most (above 0)"),
    ("{metric: dice, at_least: .nan}", ".at_least", "input should be a finite number (found nan)"),
    ("{metric: dice, at_least: -.inf}", ".at_least",
     "input should be a finite number (found -inf)"),
    ("{metric: volume_error, at_most: .inf}", ".at_most",
     "input should be a finite number (found inf)"),
    ("{metric: dice, at_most: 1e999}", ".at_most", "input should be a finite number (found inf)"),
    ('{metric: dice, at_least: "0.5"}', ".at_least",
     "input should be a valid number (found '0.5')"),
    ("{metric: dice, at_least: true}", ".at_least", "input should be a valid number (found True)"),
    ("{metric: dice, at_least: 0.5, split: tset}", ".split",
     '"tset" is not in data.splits; (splits: train, test)'),
    ("{metric: dice, at_least: 0.5, severity: blck}", ".severity",
     "'blck' is not one of block, warn; did you mean \"block\"?"),
    ("{metric: dice, at_least: 0.5, worst: true}", ".worst",
     "needs `slice:` with the name of a column, or with columns to cross; add it or remove worst"),
    ("{metric: dice, at_least: 0.5, slice: {site: A}, worst: true}", ".worst",
     "needs `slice:` with the name of a column, or with columns to cross; add it or remove worst"),
    ("{metric: dice, at_least: 0.5, slice: {x: 1.5}}", ".slice", "has to be a column, "
     "{column: value} with text or a whole number, or a list of columns (found {'x': 1.5})"),
    ("{metric: dice, at_least: 0.5, slice: [x, 2]}", ".slice", "has to be a column, "
     "{column: value} with text or a whole number, or a list of columns (found ['x', 2])"),
    ("{metric: dice, at_least: 0.5, slice: [x]}", ".slice", "crosses columns, and needs two or "
     "more of them; for one column write its name alone: `slice: scanner`"),
    ("{metric: dice, at_least: 0.5, slice: []}", ".slice", "crosses columns, and needs two or "
     "more of them; for one column write its name alone: `slice: scanner`"),
    ("{metric: dice, at_least: 0.5, slice: [x, y, x]}", ".slice",
     "names x twice; name every column once"),
    ("{metric: dice, at_least: 0.5, slice: group}", ".slice",
     "group is no column to slice by; add a column to samples.csv, such as scanner"),
    ("{metric: dice, at_least: 0.5, bins: [40]}", ".bins",
     "needs `slice:` with the name of a numeric column; add it or remove bins"),
    ("{metric: dice, at_least: 0.5, slice: age, bins: []}", ".bins",
     "holds too few entries (found [])"),
    ("{metric: dice, at_least: 0.5, slice: age, bins: [60, 40]}", ".bins",
     "do not ascend; sort them"),
    ("{metric: dice, at_least: 0.5, slice: age, bins: [40, 40]}", ".bins",
     "do not ascend; sort them"),
    ("{metric: dice, at_least: 0.5, slice: age, bins: [.inf]}", ".bins.0",
     "input should be a finite number (found inf)"),
    ("{metric: dice, at_least: 0.5, slice: [age, x], bins: [40]}", ".bins",
     "cuts one column, not several; name one column, or remove bins"),
    ("{metric: dice, at_least: 0.5, slice: {age: below 30}, bins: [40]}", ".slice",
     '"below 30" is no bin; did you mean "below 40"? (bins: below 40, 40 and above)'),
    ("{metric: dice, at_least: 0.5, statistic: conservativ}", ".statistic", "'conservativ' is not "
     "one of conservative, point; did you mean \"conservative\"?"),
    ("{metric: dice, at_least: 0.5, min_groups: 0}", ".min_groups",
     "input should be greater than or equal to 1 (found 0)"),
    ("{metric: dice, at_least: 0.5, min_groups: 5, statistic: point}", ".min_groups", "means "
     "nothing with `statistic: point`, which compares the value alone; remove one of them"),
    ("0.85", "", "has to hold keys and values (found 0.85)"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "place", "text"), RULES)
def test_rules_that_mean_nothing_are_refused(params, body, place, text):
    path = params(rules=f"{{a: {body}}}")
    assert message(path) == f"params.yaml:{line_of('rules:')}: rules.a{place}: {text}"


SCORED = {
    "classes": "{background: 0, tumour: 1}", "ignore": "[]",
    "operating_point": "{decision: fixed, threshold: 0.5}",
}  # fmt: skip
ALONE = "average_precision is measured of tumour alone, so nothing can pass; set it to tumour"
EXCLUDE = f"{ALONE}, or data.exclude to [background]"


@pytest.mark.parametrize(
    ("exclude", "class_name", "text"),
    [
        ("[]", "mean", f'"mean" is over background, tumour: {EXCLUDE}'),
        ("[]", None, f'"mean" is over background, tumour: {EXCLUDE}'),  # the default
        ("[]", "every", f'"every" is over background, tumour: {EXCLUDE}'),
        ("[tumour]", "mean", f'"mean" is over background: {EXCLUDE}'),
        ("[background]", "background", f'"background" has no scores: {ALONE}'),
        ("[background]", "whole", f'"whole" has no scores: {ALONE}'),
        ("[background]", "mean", None),
        ("[background]", "every", None),
        ("[background]", None, None),
        ("[]", "tumour", None),
        ("[tumour]", "tumour", None),
    ],
)
def test_a_rule_on_scores_that_nothing_measures_is_refused(params, exclude, class_name, text):
    name = f"class: {class_name}, " if class_name else ""
    path = params(
        ("scores: false", "scores: true"),
        ("regions: {}", "regions: {whole: [0, 1]}"),
        **SCORED,
        exclude=exclude,
        rules=f"{{a: {{metric: average_precision, {name}at_least: 0.5, severity: warn}}}}",
    )
    if text is None:
        assert load_settings(path).rules["a"].metric == "average_precision"
    else:
        assert message(path) == f"params.yaml:{line_of('rules:')}: rules.a.class: {text}"


@pytest.mark.parametrize("classes", ["{a: 0, b: 1, c: 2}", "{a: 1, b: 2}", "{a: [0, 1]}"])
def test_a_rule_on_scores_needs_two_classes(params, classes):
    rule = "{metric: average_precision, class: a, at_least: 0.5}"
    values = SCORED | {"classes": classes, "exclude": "[]", "rules": f"{{a: {rule}}}"}
    assert message(params(("scores: false", "scores: true"), **values)) == (
        f"params.yaml:{line_of('rules:')}: rules.a.metric: average_precision needs two classes, "
        "one of them with label 0; use dice or f2"
    )


CASES = [  # template values, or edits of the text; the start of the line; place and message
    ({"domain": "autonomous_driving"}, "safety_critical", "data.safety_critical_classes: is empty; "
     "the domain autonomous_driving needs it; name the classes whose recall must not fall, such as "
     "[pedestrian, bicyclist]"),
    ({"domain": "medcal"}, "domain", "domain: 'medcal' is not one of medical, autonomous_driving, "
     'balanced, custom; did you mean "medical"?'),
    ({"judge": "tset"}, "judge", 'data.judge: "tset" is not in data.splits; did you mean "test"? '
     "(splits: train, test)"),
    ({"splits": "[test, test]"}, "splits",
     "data.splits: names a split twice (test, test); keep one of them"),
    ({"splits": "test"}, "splits",
     "data.splits: has to be a list, such as [a, b] (found 'test')"),
    ({"splits": "[../x]"}, "splits",
     'data.splits.0: "../x" may hold letters, digits, _ - . and spaces only'),
    ({"exclude": "[backgroud]"}, "exclude", 'data.exclude.0: "backgroud" is not a class; '
     'did you mean "background"? (classes: background, tumour, vessel)'),
    ({"exclude": "[background, tumour, vessel]"}, "exclude",
     "data.exclude: excludes every class; keep at least one to be scored"),
    ({"classes": "{background: 0, mean: 1}"}, "classes",
     'data.classes.mean: "mean" is reserved; choose another name'),
    ({"classes": "{background: 0, int: -1}"}, "classes",
     "data.classes.int: input should be greater than or equal to 0 (found -1)"),
    ({"classes": "{background: 0, tumour: 0}"}, "classes", "data.classes.tumour: label 0 belongs "
     "to background already; give every label to one class"),
    ({"classes": "{background: 0, tumour: []}"}, "classes",
     "data.classes.tumour: holds too few entries (found [])"),
    ({"ignore": "[1]"}, "ignore",
     "data.ignore.0: label 1 is the class tumour already; ignore it or declare it"),
    ({"operating_point": "{decision: fixed, threshold: null}"}, "operating_point",
     "operating_point.threshold: is missing for `decision: fixed`; set it to 0.5"),
    ({"operating_point": "{decision: argmax, threshold: 0.5}"}, "operating_point",
     "operating_point.threshold: means nothing with `argmax`; set it to null"),
    ({"operating_point": "{decision: fixed, threshold: 0.5, at_least: {recall: 0.9}}"},
     "operating_point", "operating_point.at_least: means nothing with `fixed`; remove it, or set "
     "decision: tuned"),
    ({"operating_point": "{decision: tuned, at_least: {recal: 0.9}}"}, "operating_point",
     'operating_point.at_least.recal: unknown key; did you mean "recall"? (keys: recall, '
     "precision)"),
    ({"operating_point": "{decision: tuned, at_least: {recall: 0}}"}, "operating_point",
     "operating_point.at_least.recall: input should be greater than 0 (found 0)"),
    (("regions: {}", "regions: {whole: [1, 3]}"), "regions",
     "data.regions.whole.1: label 3 is no class; declare it in data.classes"),
    (("regions: {}", "regions: {whole: [vesel]}"), "regions",
     'data.regions.whole.0: "vesel" is not a class; did you mean "vessel"? '
     "(classes: background, tumour, vessel)"),
    (("regions: {}", "regions: {vessel: [1]}"), "regions",
     "data.regions.vessel: is the name of a class already; choose another name"),
    (("unit: px #", "unit: mm #"), "unit",
     "data.unit: is mm, but data.spacing is not given; give the size of a pixel, or "
     "`spacing: file`"),
    (("  tile: null", "  tile: 512"), "tile",
     "infer.tile: has to hold keys and values (found 512)"),
    ({"classes": "citiscapes"}, "data:", 'data: classes: there is no scheme "citiscapes"; '
     'did you mean "cityscapes"? known: cityscapes, cityscapes_train_ids'),
    ({"encoding": "channels", "ignore": "[]"}, "operating_point",
     'operating_point.decision: "argmax" gives a pixel one class, `encoding: channels` has '
     "several; set {decision: fixed, threshold: 0.5}: every class has its own probability"),
    ({"encoding": "channels", "ignore": "[]", "classes": "{background: 0, b: 2, a: 1}",
      "operating_point": "{decision: fixed, threshold: 0.5}"}, "classes",
     "data.classes: are not in the order of their channels, in which probabilities are read; sort "
     "them by the number of the channel"),
    (("surface: null", "surface: {metrics: [nsd]}"), "surface",
     "measure.surface.tolerance: is missing for nsd, and there is no usual value; set what is "
     "close enough, in px"),
    (("objects: null", "objects: {size_edges: [9, 3]}"), "objects",
     "measure.objects.size_edges: do not ascend; sort them"),
    (("scores: false", "scores: true"), "scores",
     "measure.scores: needs probabilities, `decision: argmax` has label maps; set it to false"),
    (("images: false", "images: 1"), "upload",
     "tracking.upload.images: input should be a valid boolean (found 1)"),
    (("workers: auto", "workers: many"), "runtime",
     "runtime.workers: 'many' is neither auto nor a number from 1 on"),
    (("workers: auto", "workers: 0"), "runtime",
     "runtime.workers: input should be greater than or equal to 1 (found 0)"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "line", "text"), CASES)
def test_values_that_mean_nothing_are_refused(params, change, line, text):
    path = params(change) if isinstance(change, tuple) else params(**change)
    assert message(path) == f"params.yaml:{line_of(line)}: {text}"


@pytest.mark.parametrize(
    "values",
    [
        {"encoding": "channels", "classes": "{background: 0, a: [1, 5], b: 2}"},
        {"encoding": "files", "classes": "{background: 0, b: 2, a: 1}"},  # values do not matter
        {"encoding": "channels", "source": "given", "operating_point": VALUES["operating_point"]},
    ],
)
def test_overlapping_classes_with_probabilities_or_given_masks(params, values):
    fixed = {"operating_point": "{decision: fixed, threshold: 0.5}"}
    load_settings(params(**({"ignore": "[]"} | fixed | values)))


TUNED = {
    "operating_point": "{decision: tuned, threshold: null}",
    "classes": "{background: 0, tumour: 1}", "tune": "train",
}  # fmt: skip
SCORES = ("scores: false", "scores: true")


@pytest.mark.parametrize(
    ("point", "domain", "objective"),
    [
        ("{decision: tuned}", "medical", Objective(2.0)),
        ("{decision: tuned}", "autonomous_driving", Objective(0.5)),
        ("{decision: tuned}", "balanced", Objective(1.0)),
        ("{decision: tuned}", "custom", Objective(1.0)),
        ("{decision: tuned, at_least: {recall: 0.95}}", "medical",
         Objective(floor="recall", at_least=0.95)),
        ("{decision: tuned, at_least: {precision: 1}}", "medical",
         Objective(floor="precision", at_least=1.0)),
    ],
)  # fmt: skip
def test_what_a_threshold_is_tuned_for(params, point, domain, objective):
    values = TUNED | {"operating_point": point, "domain": domain, "critical": "[tumour]"}
    settings = load_settings(params(SCORES, **values))
    assert policy(settings).point == TuningRequest("train", objective)


@pytest.mark.parametrize(
    ("edits", "values", "line", "text"),
    [
        ((), {}, "scores", "measure.scores: is needed for `decision: tuned`, which `check` "
         "verifies by the scores; set it to true"),
        ((SCORES,), {"tune": "null"}, "operating_point", "operating_point.decision: needs a split "
         "to tune on, data.tune is null; set data.tune to a split that is not judged"),
        ((SCORES,), {"classes": "{background: 0, tumour: 1, vessel: 2}"}, "operating_point",
         "operating_point.decision: needs one probability per pixel, data.classes has 3 classes; "
         "the best of several classes needs no threshold: set argmax"),
        ((SCORES,), {"operating_point": "{decision: tuned, threshold: 0.5}"}, "operating_point",
         "operating_point.threshold: is what `decision: tuned` looks for; set it to null, or set "
         "decision: fixed"),
        *(((SCORES,), {"operating_point": f"{{decision: tuned, at_least: {floor}}}"},
           "operating_point", "operating_point.at_least: needs a floor under one of recall and "
           "precision; such as {recall: 0.95}")
          for floor in ("{}", "{recall: 0.9, precision: 0.9}")),
    ],
)  # fmt: skip
def test_what_cannot_be_tuned(params, edits, values, line, text):
    path = params(*edits, **TUNED | values)
    assert message(path) == f"params.yaml:{line_of(line)}: {text}"


def test_a_tuned_threshold_is_read_from_its_file(params, tmp_path):
    settings = load_settings(params(SCORES, **TUNED))
    with pytest.raises(DataError, match="not an operating point"):
        evaluation_options(settings)
    file = tmp_path / "results" / "operating_point.json"
    point = OperatingPoint("tuned", 0.25, Tuning("train", "0", "f2", 0.5))
    write_operating_point(file, point)
    options = evaluation_options(settings)
    assert (options.level, options.threshold) == (64, 0.25)
    assert question(settings).point == point
    for other in (
        replace(point, tuning=replace(point.tuning, tuned_on="test")),
        replace(point, tuning=replace(point.tuning, objective="f1")),
        OperatingPoint("fixed", 0.25),
    ):
        write_operating_point(file, other)
        with pytest.raises(DataError, match=r"asks for f2 tuned on train; run `dvc repro`"):
            evaluation_options(settings)


@pytest.mark.parametrize("alias", ["latest", "v1", "V12", "", "a b", "a@b"])
def test_aliases_that_the_registry_refuses(params, alias):
    path = params(("alias: champion", f'alias: "{alias}"'))
    text = message(path)
    assert text.startswith(f"params.yaml:{line_of('promotion')}: promotion.alias: ")
