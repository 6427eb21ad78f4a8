"""Fixtures for all tests: pictures on disk, small data sets, real data, tiny ONNX models."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
import pytest
import warm
from PIL import Image

from segmetrics import entry
from segmetrics.data.check import check_samples
from segmetrics.data.labels import LabelScheme
from segmetrics.data.sample_list import Sample
from segmetrics.data.samples import SampleRow
from segmetrics.measure import measure_split
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import PixelOptions, Question
from segmetrics.tables import Targets

REPOSITORY = Path(__file__).parents[1]
ARGMAX = OperatingPoint("argmax")
SIZES = ((20, 24), (16, 16), (20, 24), (33, 18))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The whole suite runs in two processes unless `-n` is given; named files run in this one."""
    whole = config.args_source == pytest.Config.ArgsSource.TESTPATHS
    coverage = sys.modules.get("coverage")
    watched = config.option.usepdb or (coverage and coverage.Coverage.current())
    # The two processes come here, too.
    if not whole or watched or "PYTEST_XDIST_WORKER" in os.environ:
        return
    if config.pluginmanager.hasplugin("xdist") and config.option.numprocesses is None:
        config.option.numprocesses = 2
        # Fixtures of a file are made once; what several files share is made under a lock.
        config.option.dist = "loadfile"
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two processes begin with the long files: none is left alone with one at the end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Both do not begin with what they share.
        long = ("tests/test_tracking", "tests/browser/", "tests/pipeline/", "tests/registry/")
        items.sort(key=lambda item: [not item.nodeid.startswith(start) for start in long])


def pytest_configure(config: pytest.Config) -> None:
    # In the background of a shell Ctrl-C is off, and would be in commands that are tested, too.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(DVC_NO_ANALYTICS="1", MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
    # No test asserts on time: a busy machine is no failure.
    register = hypothesis.settings.register_profile
    patient = hypothesis.settings(deadline=None)
    register("patient", patient)
    # `--hypothesis-profile=repeatable`: the same examples every time; a new one fails no CI.
    register("repeatable", patient, derandomize=True, database=None)
    # `--hypothesis-profile=thorough`: more examples where a test does not say how many.
    register("thorough", patient, max_examples=1000)
    hypothesis.settings.load_profile("patient")


def pytest_unconfigure() -> None:
    warm.close()


@pytest.fixture
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """A folder of the shared real data; the test is skipped where it is missing."""

    def find(name: str) -> Path:
        folder = REPOSITORY.parent / "shared" / "data" / name
        if not folder.is_dir():
            pytest.skip(f"the real data are not here: {folder}")
        return folder

    return find


@pytest.fixture
def texture_of() -> Callable[..., np.ndarray]:
    """`texture_of(seed, shape)`: a picture with structure of every size, uint8."""
    return _texture


def _texture(seed: int, shape: tuple[int, ...] = (96, 128)) -> np.ndarray:
    """Noise whose amplitude falls as 1 / frequency, as in natural images."""
    rng = np.random.default_rng(seed)
    noise = np.fft.rfftn(rng.normal(size=shape))
    grids = np.meshgrid(
        *[np.fft.fftfreq(n) for n in shape[:-1]], np.fft.rfftfreq(shape[-1]), indexing="ij"
    )
    radius = np.sqrt(sum(g**2 for g in grids))
    radius.reshape(-1)[0] = 1
    picture = np.fft.irfftn(noise / radius, shape, axes=range(len(shape)))
    low, high = picture.min(), picture.max()
    return np.rint((picture - low) * (235 / (high - low)) + 5).astype(np.uint8)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write an array as a picture below `tmp_path`; the ending decides the format."""

    def write(name: str, pixels: Any, mode: str | None = None, **options: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(np.asarray(pixels))
        if mode == "P":
            # Image.convert would choose colours of its own: the values have to stay.
            palette = Image.frombytes("P", picture.size, picture.convert("L").tobytes())
            palette.putpalette([value // 3 for value in range(768)])
            picture = palette
        elif mode is not None:
            picture = picture.convert(mode)
        picture.save(path, **options)
        return path

    return write


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def outcome(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a function as a command does: exit code and output; an error is no traceback."""

    def run(function: Callable[..., Any], *arguments: Any, **options: Any) -> Outcome:
        capsys.readouterr()

        def command() -> int | None:
            result = function(*arguments, **options)
            return result if isinstance(result, int) else None

        code = entry.run(command)
        written = capsys.readouterr()
        assert "Traceback" not in written.err
        return Outcome(code, written.out, written.err)

    return run


@dataclass
class Dataset:
    """Images and masks on disk; masks hold 0 .. labels - 1, images are brighter with the label."""

    root: Path
    rows: list[SampleRow] = field(default_factory=list)

    def add(self, name: str, image: Any, mask: Any, split: str = "test") -> None:
        for kind, pixels in (("images", image), ("masks", mask)):
            path = self.root / kind / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(pixels)).save(path)
        row = SampleRow(name, f"images/{name}.png", f"masks/{name}.png", split, name, {})
        self.rows = [*(r for r in self.rows if r.id != name), row]

    def fill(self, n: int, *, labels: int = 2, split: str = "test", seed: int = 0) -> Dataset:
        rng = np.random.default_rng(seed)
        for i in range(n):
            shape = SIZES[i % len(SIZES)]
            mask = rng.integers(0, labels, (shape[0] // 4 + 1, shape[1] // 4 + 1))
            mask = mask.repeat(4, axis=0).repeat(4, axis=1)[: shape[0], : shape[1]]
            image = mask * (255 / (labels - 1)) + rng.normal(0, 60, shape)
            self.add(
                f"{split}{i}",
                np.clip(image, 0, 255).astype(np.uint8),
                mask.astype(np.uint8),
                split,
            )
        return self

    def write_csv(self) -> Path:
        lines = [
            "id,image,mask,split",
            *(f"{r.id},{r.image},{r.mask},{r.split}" for r in self.rows),
        ]
        path = self.root / "samples.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    def samples(self, scheme: LabelScheme) -> list[Sample]:
        return check_samples(self.rows, root=self.root, scheme=scheme, workers=1)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """An empty data set; `fill` or `add` samples."""
    return Dataset(tmp_path / "data")


@pytest.fixture
def two() -> LabelScheme:
    """background 0, foreground 1."""
    return LabelScheme.of({"background": 0, "foreground": 1}, exclude=["background"])


@pytest.fixture
def three() -> LabelScheme:
    """background 0, cell 1, wall 2, void 255."""
    classes = {"background": 0, "cell": 1, "wall": 2}
    return LabelScheme.of(classes, ignore=[255], exclude=["background"])


@pytest.fixture
def binary() -> LabelScheme:
    """0 is background, anything else foreground."""
    classes = {"background": 0, "foreground": 1}
    return LabelScheme.of(classes, exclude=["background"], encoding="binary")


@pytest.fixture
def predictions(dataset, tmp_path) -> Path:
    """Predictions of nine samples: the masks with some pixels changed."""
    dataset.fill(9, labels=3)
    folder = tmp_path / "predictions"
    folder.mkdir()
    rng = np.random.default_rng(5)
    for row in dataset.rows:
        mask = np.asarray(Image.open(dataset.root / row.mask))
        other = rng.integers(0, 4, mask.shape)  # 3 is no class
        labels = np.where(rng.random(mask.shape) < 0.3, other, mask).astype(np.uint8)
        Image.fromarray(labels).save(folder / f"{row.id}.png")
    return folder


@pytest.fixture
def run_measure(dataset, predictions, tmp_path, three):
    """Measure the data set; options replace the usual ones."""

    def measured(
        *,
        scheme=three,
        point=ARGMAX,
        workers=1,
        out=tmp_path / "out",
        samples=None,
        options=None,
        regions=(),
    ):
        samples = dataset.samples(scheme) if samples is None else samples
        options = options or PixelOptions()
        targets = Targets(
            scheme.names, regions, objects=options.objects is not None, scores=options.scores
        )
        measure_split(
            samples,
            predictions=predictions,
            out=out,
            question=Question(scheme, targets, point, options),
            spacing=(),
            workers=workers,
        )
        return out

    return measured


@pytest.fixture
def models() -> ModuleType:
    """Makers of tiny ONNX models; skips where ONNX or ONNX Runtime is not installed."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import onnx_models

    return onnx_models
