"""The layering, held by reading the imports: which room may use which, and which package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Each row may import from the rows above it. A room is a module or a package of segmetrics.
ORDER: tuple[tuple[str, ...], ...] = (
    ("__init__",),
    ("errors",),
    ("workers",),
    ("files", "parallel", "progress", "entry", "format"),
    ("metrics",),
    ("stats",),
    ("gates",),
    ("tables", "texts"),
    ("data",),
    ("chunks", "evidence"),
    ("inference", "baseline"),
    ("operating_point",),
    ("shapes", "by_size", "slices", "policy", "image_counts"),
    ("pixels",),
    ("large",),
    ("pair",),
    ("agreement",),
    ("measure", "evaluate", "curves", "sniff"),
    ("leakage", "tuning", "planning", "compare"),
    ("findings", "score", "scaffold", "overlays"),
    ("report",),
    ("judge",),
    ("record", "tables_text", "policy_text"),
    ("tracking",),
    ("recheck",),
    ("registry",),
    ("config",),
    ("commands", "stages"),
    ("cli",),
)
RANK = {room: rank for rank, row in enumerate(ORDER) for room in row}
PURE = {"metrics", "stats", "gates"}

# The only rooms that may import a package.
PACKAGES = {
    "numpy": {
        "metrics",
        "stats",
        "tables",
        "data",
        "inference",
        "measure",
        "evaluate",
        "score",
        "pixels",
        "shapes",
        "pair",
        "large",
        "by_size",
        "slices",
        "image_counts",
        "leakage",
        "planning",
        "compare",
        "overlays",
        "report",
    },
    "scipy": {"metrics", "stats"},
    "skimage": {"metrics"},
    "nibabel": {"data"},
    "tifffile": {"data"},
    "PIL": {"data", "inference", "leakage", "overlays", "report"},
    "isal": {"data"},
    "kornia_rs": {"data"},
    "pyarrow": {"tables", "chunks", "record"},
    "yaml": {"config", "registry"},  # the registry knows what a damaged MLmodel raises, no more
    "pydantic": {"config"},
    "pydantic_core": {"config"},
    "rich": {"texts", "tables_text", "policy_text", "progress", "commands", "stages"},
    "onnxruntime": {"inference"},
    "onnx": {"inference", "registry"},
    "google": {"registry"},  # protobuf: what a file that is no ONNX model raises
    "mlflow": {"tracking", "registry"},
    "filelock": {"tracking", "registry"},
    "requests": {"tracking"},
    "sqlalchemy": {"tracking"},
}


def room(module: str) -> str:
    """`segmetrics.data.masks` -> `data`; `stages.check` -> `stages`."""
    parts = module.split(".")
    if parts[0] == "stages":
        return "stages"
    return parts[1] if len(parts) > 1 else "__init__"


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, Path]:
    found = [*(ROOT / "segmetrics").rglob("*.py"), *(ROOT / "stages").glob("*.py")]
    return {module_of(path): path for path in sorted(found)}


MODULES = modules()


def imports(path: Path) -> set[str]:
    """Everything that is imported, inside functions and for type checking, too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names |= {name if name in MODULES else str(node.module) for name in whole}
    return names


def own(names: set[str]) -> set[str]:
    return {name for name in names if name.split(".")[0] in ("segmetrics", "stages")}


def foreign(names: set[str]) -> set[str]:
    tops = {name.split(".")[0] for name in names - own(names)}
    return tops - set(sys.stdlib_module_names)


def test_the_reader_of_imports_sees_them_all(tmp_path):
    path = tmp_path / "x.py"
    path.write_text(
        "import os, numpy as np\nfrom segmetrics import errors, __version__\n"
        "def f():\n    from segmetrics.data.masks import read_mask\n    import mlflow.onnx\n"
    )
    found = imports(path)
    assert own(found) == {"segmetrics.errors", "segmetrics", "segmetrics.data.masks"}
    assert foreign(found) == {"numpy", "mlflow"}


def test_every_module_has_its_place_in_the_order():
    assert len(MODULES) > 40
    assert {room(name) for name in MODULES} == set(RANK)
    assert len(RANK) == sum(len(row) for row in ORDER)


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_one_way(name):
    here = room(name)
    wrong = [
        other
        for other in own(imports(MODULES[name]))
        if room(other) != here and RANK[room(other)] >= RANK[here]
    ]
    assert wrong == [], f"{name} may import only from the rows above `{here}`"


def test_no_module_imports_in_a_circle():
    graph = {name: own(imports(path)) - {name} for name, path in MODULES.items()}
    while leaves := [name for name, needs in graph.items() if not needs & set(graph)]:
        for name in leaves:
            del graph[name]
    assert set(graph) == set(), "these import one another, or need one that does"


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) in PURE])
def test_pure_rooms_import_numpy_and_one_another_only(name):
    found = imports(MODULES[name])
    # scikit-image is optional, imported where a skeleton is asked for.
    assert foreign(found) <= {"numpy", "scipy", "skimage"}
    assert {room(other) for other in own(found)} <= PURE | {"errors"}


@pytest.mark.parametrize("name", MODULES)
def test_packages_stay_in_their_rooms(name):
    found = foreign(imports(MODULES[name]))
    assert found <= set(PACKAGES), "a new dependency: say in the table which rooms may use it"
    assert [package for package in found if room(name) not in PACKAGES[package]] == []


def test_the_configuration_is_used_by_the_command_line_and_the_stages_only():
    users = {
        room(name)
        for name, path in MODULES.items()
        if any(room(other) == "config" for other in own(imports(path)))
    }
    assert users - {"config"} == {"commands", "stages"}


HEAVY = (
    "PIL", "pandas", "mlflow", "onnxruntime", "onnx", "pyarrow", "scipy", "yaml", "pydantic",
    "rich", "dvc",
)  # fmt: skip


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("segmetrics", ("numpy",)),
        ("segmetrics.metrics", ()),
        ("segmetrics.stats.evaluation", ()),
        ("segmetrics.gates.verdict", ()),
        ("segmetrics.cli", ("numpy",)),
    ],
)
def test_importing_loads_nothing_heavy(module, extra):
    script = f"import sys, {module}; print(sorted(set({HEAVY + extra!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_the_public_names_are_there():
    import segmetrics.metrics as public

    wanted = {"count_confusion", "dice", "iou", "precision", "recall", "f_beta", "specificity",
              "accuracy", "mcc", "ConfusionCounts"}  # fmt: skip
    assert wanted <= set(public.__all__)
    assert all(hasattr(public, name) for name in public.__all__)
