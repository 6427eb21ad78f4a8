"""Models that fit, and one message for each that does not."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from segmetrics.data.labels import LabelScheme
from segmetrics.errors import ConfigError, ModelError
from segmetrics.inference.onnx_model import OnnxModel
from segmetrics.inference.outputs import check_classes
from segmetrics.inference.preprocess import Preprocessing

CPU = ("CPUExecutionProvider",)


@pytest.fixture
def load(tmp_path):
    """Make a model with a maker of `onnx_models` and load it."""

    def run(maker, *arguments, **options) -> OnnxModel:
        return OnnxModel(
            maker(tmp_path / "m.onnx", *arguments, **options), threads=1, providers=CPU
        )

    return run


def of(n: int) -> LabelScheme:
    """A scheme of n classes."""
    return LabelScheme.of({f"class_{k}": k for k in range(n)})


@pytest.fixture
def refused(load):
    """The message with which loading fails, without the folder."""

    def run(maker, *arguments, **options) -> str:
        with pytest.raises(ModelError) as caught:
            load(maker, *arguments, **options)
        return re.sub(r"^.*?m\.onnx: ", "", str(caught.value))

    return run


def test_what_a_model_says_about_itself(load, models):
    model = load(models.brightness)
    assert (model.channels, model.batch, model.size, model.n_outputs) == (1, None, (None, None), 1)
    model = load(models.brightness, channels=3, batch=2, size=(16, 24))
    assert (model.channels, model.batch, model.size) == (3, 2, (16, 24))
    assert load(models.levels, 4).n_outputs == 4
    assert load(models.levels, 4, declared=False).n_outputs is None


def test_what_a_3d_model_says_about_itself(load, models):
    model = load(models.unet_3d, channels=4, k=5)
    assert (model.ndim, model.channels, model.size) == (3, 4, (None, None, None))
    assert load(models.unet_3d, size=16).size == (16, 16, 16)
    assert load(models.brightness, channels=7).channels == 7
    with pytest.raises(ModelError) as caught:
        load(models.unet_3d, channels=4, k=5).check_fits(Preprocessing(), of(2))
    assert "expected [N, 2, D, H, W] or [N, 1, D, H, W]; declare" in str(caught.value)
    with pytest.raises(ModelError) as caught:
        load(models.half_size_3d).run(np.zeros((1, 1, 8, 6, 4), np.float32))
    assert str(caught.value).endswith(
        "expected an output [1, K, 8, 6, 4] for the input [1, 1, 8, 6, 4], found [1, 1, 4, 3, 2]; "
        "the output must have the depth, height and width of the input"
    )


def test_tiles_of_a_fixed_size_fit(load, models):
    model = load(models.brightness, size=(24, 24))
    model.check_fits(Preprocessing(tile_size=(24, 24), tile_overlap=4), of(2))
    with pytest.raises(ModelError, match=r"takes only 24 x 24 pixels, infer\.tile\.size is \[16"):
        model.check_fits(Preprocessing(tile_size=(16, 16)), of(2))
    half_free = load(models.brightness, size=("h", 24))
    half_free.check_fits(Preprocessing(), of(2))  # running it tells
    with pytest.raises(ModelError, match=r"takes only any x 24 pixels"):
        half_free.check_fits(Preprocessing(size=(24, 16)), of(2))


def test_a_model_gives_its_scores(load, models):
    pixels = np.float32([[[[0.2, 0.5], [0.5, 0.9]]]])
    scores = load(models.brightness).run(pixels)
    assert scores.dtype == np.float32
    assert scores == pytest.approx(1 / (1 + np.exp(-20 * (pixels - 0.5))), abs=1e-6)


def test_a_fixed_batch_is_filled_up_and_cut_off(load, models):
    model = load(models.brightness, batch=4)
    pixels = np.random.default_rng(0).random((3, 1, 5, 6), dtype=np.float32)
    assert model.run(pixels) == pytest.approx(load(models.brightness).run(pixels), abs=1e-6)


INPUT = "export the model with channels first and a fixed number of channels"


@pytest.mark.parametrize(
    ("maker", "text"),
    [
        (
            "without_channels",
            "expected an input float32 [N, C, H, W] or [N, C, D, H, W], found "
            f"\"image\" tensor(float) ['n', 'h', 'w']; {INPUT}",
        ),
        (
            "any_channels",
            "expected an input float32 [N, C, H, W] or [N, C, D, H, W], found "
            f"\"image\" tensor(float) ['n', 'c', 'h', 'w']; {INPUT}",
        ),
        (
            "takes_bytes",
            "expected an input float32 [N, C, H, W] or [N, C, D, H, W], found "
            f"\"image\" tensor(uint8) ['n', 1, 'h', 'w']; {INPUT}",
        ),
        (
            "finished_labels",
            'expected an output [N, K, H, W] of one score per class, found "scores" '
            "['n', 'h', 'w']; export the scores, not the finished label map",
        ),
        (
            "two_inputs",
            "expected one input, found 2: image ['n', 1, 'h', 'w'], second ['n', 1, 'h', 'w']",
        ),
        (
            "weights_elsewhere",
            'keeps its weights in another file ("weights.bin"), which nothing would track; '
            "save it as one file: onnx.save(onnx.load(path), path)",
        ),
    ],
)
def test_a_model_that_does_not_fit(refused, models, maker, text):
    assert refused(getattr(models, maker)) == text


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04" + b"\0" * 300])
def test_a_file_that_is_no_model(tmp_path, models, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        OnnxModel(path, threads=1, providers=CPU)
    assert str(caught.value).startswith(f"{path}: cannot be loaded as an ONNX model (")
    assert str(caught.value).endswith("); export it again")


def test_a_truncated_model(tmp_path, models):
    path = models.levels(tmp_path / "m.onnx", 3)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelError, match="cannot be loaded as an ONNX model"):
        OnnxModel(path, threads=1, providers=CPU)


def test_a_provider_that_is_not_there(tmp_path, models):
    path = models.brightness(tmp_path / "m.onnx")
    with pytest.raises(ConfigError) as caught:
        OnnxModel(path, threads=1, providers=("CudaExecutionProvider", *CPU))
    assert str(caught.value).startswith(
        "runtime.providers: CudaExecutionProvider is not available (available: "
    )


def test_without_onnx_runtime_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r'is not installed; pip install "segmetrics\[pipeline\]"'):
        OnnxModel(tmp_path / "m.onnx", threads=1, providers=CPU)


@pytest.mark.parametrize(("size", "found"), [(None, "null (native size)"), ((24, 16), "[24, 16]")])
def test_a_fixed_size_has_to_be_set(load, models, size, found):
    model = load(models.brightness, size=(16, 24))
    model.check_fits(Preprocessing(size=(16, 24)), of(2))
    with pytest.raises(ModelError) as caught:
        model.check_fits(Preprocessing(size=size), of(2))
    assert str(caught.value).endswith(
        f"takes only 16 x 24 pixels, infer.size is {found}; set infer.size: "
        "[16, 24], or tile.size to keep every pixel"
    )


@pytest.mark.parametrize("key", ["mean", "std"])
def test_mean_and_std_are_one_or_one_per_channel(load, models, key):
    model = load(models.brightness, channels=3)
    model.check_fits(Preprocessing(**{key: (0.1, 0.2, 0.3)}), of(2))
    with pytest.raises(ModelError) as caught:
        model.check_fits(Preprocessing(**{key: (0.1, 0.2)}), of(2))
    assert str(caught.value).endswith(
        f"has 3 channels, infer.{key} has 2 values; give one value or 3"
    )


def test_the_classes_have_to_be_those_of_the_model(load, models):
    load(models.brightness).check_fits(Preprocessing(), of(2))
    load(models.levels, 3).check_fits(Preprocessing(), of(3))
    load(models.levels, 3, declared=False).check_fits(Preprocessing(), of(7))  # told when it runs
    with pytest.raises(ModelError) as caught:
        load(models.levels, 3).check_fits(Preprocessing(), of(4))
    assert str(caught.value).endswith(
        "gives 3 channels [N, 3, H, W]; data.classes declares 4 classes, expected [N, 4, H, W]; "
        "declare in data.classes what the model predicts, in its order"
    )
    with pytest.raises(ModelError, match=r"expected \[N, 2, H, W\] or \[N, 1, H, W\]"):
        load(models.levels, 3).check_fits(Preprocessing(), of(2))
    with pytest.raises(ModelError, match="gives 1 channels"):
        check_classes("m", 1, of(3))


def test_an_output_of_another_size_names_both(load, models):
    with pytest.raises(ModelError) as caught:
        load(models.half_size).run(np.zeros((2, 1, 8, 6), np.float32))
    assert str(caught.value).endswith(
        "expected an output [2, K, 8, 6] for the input [2, 1, 8, 6], found [2, 1, 4, 3]; "
        "the output must have the height and width of the input"
    )


def test_a_model_that_fails_on_odd_sizes_says_what_to_set(load, models, capfd):
    model = load(models.two_levels_deep)
    assert model.run(np.zeros((1, 1, 8, 6), np.float32)).shape == (1, 1, 8, 6)
    with pytest.raises(ModelError) as caught:
        model.run(np.zeros((1, 1, 7, 6), np.float32))
    assert "failed on an input of shape [1, 1, 7, 6] (" in str(caught.value)
    assert str(caught.value).endswith(
        "set infer.multiple to the model's downsampling factor, or infer.size"
    )


def test_scores_have_to_be_numbers(load, models):
    with pytest.raises(ModelError, match=r"gives NaN or infinite scores; check its export$"):
        load(models.not_a_number).run(np.zeros((1, 1, 4, 4), np.float32))


def test_weights_elsewhere_are_found_in_branches_too(models):
    import onnx

    from segmetrics.inference.onnx_model import _external_file

    tensor = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], [1.0])
    tensor.external_data.add(key="location", value="weights.bin")
    branch = onnx.helper.make_graph([], "then", [], [], [tensor])
    node = onnx.helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], []))
    assert _external_file(model) == "weights.bin"
    assert _external_file(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []))) is None


@pytest.mark.skipif(sys.platform == "win32", reason="there events go to the system")
def test_a_model_leaves_no_trace_of_telemetry(models, tmp_path):
    """Where ONNX Runtime sends events, it keeps an id and those not yet sent in the home folder."""
    path, home = models.brightness(tmp_path / "m.onnx"), tmp_path / "home"
    home.mkdir()
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from segmetrics.inference.onnx_model import OnnxModel\n"
        "OnnxModel(Path(sys.argv[1]), threads=1, providers=['CPUExecutionProvider'])"
    )
    own = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "CI", "XDG_"))}
    words = [sys.executable, "-c", script, str(path)]
    subprocess.run(words, check=True, env=own | {"HOME": str(home)})
    assert [
        p.name for p in home.rglob("*") if "onnxruntime" in p.name or p.name == "deviceid"
    ] == []
