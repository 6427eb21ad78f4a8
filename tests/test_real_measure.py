"""What is measured on real data, recomputed from the files with NumPy and SciPy alone."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import all_pairs
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from segmetrics.data.check import check_samples
from segmetrics.data.labels import LabelScheme
from segmetrics.data.samples import SampleRow
from segmetrics.evaluate import EvaluationOptions, evaluate_split
from segmetrics.inference.predict import Runtime, infer_split
from segmetrics.inference.preprocess import Preprocessing
from segmetrics.measure import measure_split
from segmetrics.metrics.catalog import CATALOG
from segmetrics.operating_point import OperatingPoint
from segmetrics.pixels import ObjectOptions, PixelOptions, Question
from segmetrics.score import score_folders
from segmetrics.stats.evaluation import SplitEvaluation
from segmetrics.tables import Targets, read_measurements

STREET = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car",
          "pedestrian", "bicyclist")  # fmt: skip
VOID = 11
IGNORED = LabelScheme.of({n: i for i, n in enumerate(STREET)}, ignore=[VOID])
COUNTED = LabelScheme.of(
    {n: i for i, n in enumerate((*STREET, "void"))}, ignore=[], exclude=["void"]
)
ARGMAX = OperatingPoint("argmax")


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@dataclass
class CamVid:
    """The masks, copies of them that are shifted, and the way through measure and evaluate."""

    folder: Path
    shifted: Path
    out: Path

    @property
    def names(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "masks").iterdir())

    def evaluate(self, predictions: Path, scheme: LabelScheme) -> SplitEvaluation:
        rows = [SampleRow(n, f"images/{n}.png", f"masks/{n}.png", "val", n, {}) for n in self.names]
        measure_split(
            check_samples(rows, root=self.folder, scheme=scheme, workers=2),
            predictions=predictions,
            out=self.out,
            question=Question(scheme, Targets(scheme.names), ARGMAX),
            spacing=(),
            workers=2,
        )
        by_id = {row.id: row for row in rows}
        measured = read_measurements(self.out)
        return evaluate_split(measured, by_id, EvaluationOptions(scheme.scored))

    def counts(self, valid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """TP, FP and FN (images, 11) where `valid(reference)`."""
        found = np.zeros((3, len(self.names), len(STREET)), np.int64)
        for i, name in enumerate(self.names):
            r = read(self.folder / "masks" / f"{name}.png")
            p = read(self.shifted / f"{name}.png")
            r, p = r[valid(r)], p[valid(r)]
            for k in range(len(STREET)):
                is_r, is_p = r == k, p == k
                both = np.count_nonzero(is_r & is_p)
                found[:, i, k] = both, is_p.sum() - both, is_r.sum() - both
        return tuple(found)


@pytest.fixture
def camvid(real_data, tmp_path) -> CamVid:
    folder, shifted = real_data("camvid_val"), tmp_path / "shifted"
    shifted.mkdir()
    for path in (folder / "masks").iterdir():
        labels = read(path)
        moved = np.full_like(labels, VOID)
        moved[3:, 5:] = labels[:-3, :-5]
        Image.fromarray(moved).save(shifted / path.name)
    return CamVid(folder, shifted, tmp_path / "measured")


def test_camvid_masks_against_themselves_are_perfect(camvid):
    found = camvid.evaluate(camvid.folder / "masks", IGNORED)
    perfect = {m.name: 0.0 if m.better != "higher" else 1.0 for m in CATALOG.values()}
    seen = 0
    for name in (*STREET, "mean"):
        for aggregate in ("pooled", "image_mean", "group_mean"):
            table = found.mean if name == "mean" else found.classes[name]
            for metric, estimate in table[aggregate].items():
                # A class that is in every image has no image that could show a false alarm.
                if estimate.value is None:
                    assert metric == "fp_on_empty"
                    continue
                assert estimate.value == perfect[metric], (name, aggregate, metric)
                seen += 1
    assert found.samples == 101
    assert seen >= 12 * 3 * 11


@pytest.mark.parametrize(
    ("scheme", "valid", "mean_iou", "mean_dice"),
    [
        (IGNORED, lambda r: r != VOID, 0.6643, 0.7569),
        (COUNTED, lambda r: r >= 0, 0.6560, 0.7508),
    ],
    ids=["void ignored", "void counted"],
)
def test_camvid_masks_against_shifted_copies(camvid, scheme, valid, mean_iou, mean_dice):
    """The two class means are those of docs/metrics.md."""
    found = camvid.evaluate(camvid.shifted, scheme)
    tp, fp, fn = camvid.counts(valid)

    def ratios(tp, fp, fn):
        with np.errstate(invalid="ignore"):
            return {"dice": 2 * tp / (2 * tp + fp + fn), "iou": tp / (tp + fp + fn)}

    pooled = ratios(*(a.sum(axis=0) for a in (tp, fp, fn)))
    images = ratios(tp, fp, fn)
    for metric in ("dice", "iou"):
        for aggregate, wanted in (
            ("pooled", pooled[metric]),
            ("image_mean", np.nanmean(images[metric], axis=0)),
        ):
            values = [found.estimate(name, aggregate, metric).value for name in STREET]
            assert values == pytest.approx(wanted.tolist(), abs=1e-12, rel=0)
            mean = found.estimate("mean", aggregate, metric).value
            assert mean == pytest.approx(wanted.mean(), abs=1e-12, rel=0)
    assert round(pooled["iou"].mean(), 4) == mean_iou
    assert round(pooled["dice"].mean(), 4) == mean_dice
    page = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text("utf-8")
    example = page[page.index("<!-- void-example -->") :]
    assert f"{mean_iou:.4f}" in example
    assert f"{mean_dice:.4f}" in example


def test_spine_dice_and_distances_in_millimetres(real_data, tmp_path):
    nibabel = pytest.importorskip("nibabel", reason="reads the volumes a second time")
    volumes = {}
    for side, name in (("reference", "t2s_seg"), ("prediction", "t2s_seg-deepseg")):
        content = (real_data("spine_mri") / f"{name}.nii.gz").read_bytes()
        path = tmp_path / side / "spine.nii.gz"
        path.parent.mkdir()
        path.write_bytes(content)
        volumes[side] = nibabel.load(path)
    scored = score_folders(
        references=tmp_path / "reference",
        predictions=tmp_path / "prediction",
        scheme=LabelScheme.of({"background": 0, "cord": 1}, exclude=["background"]),
        workers=1,
        options=PixelOptions(surface=("hd95", "assd")),
        spacing=None,
    )
    r, p = (np.asarray(v.dataobj) == 1 for v in volumes.values())
    spacing = volumes["reference"].header.get_zooms()
    assert spacing == pytest.approx((0.5, 0.5, 7.5), abs=1e-4)
    value = {m: scored.evaluation.estimate("cord", "image_mean", m).value
             for m in ("dice", "hd95", "assd")}  # fmt: skip
    assert round(value["dice"], 3) == 0.909
    assert value["dice"] == pytest.approx(2 * (r & p).sum() / (r.sum() + p.sum()), abs=1e-12)
    assert value["hd95"] == pytest.approx(all_pairs.hd95(r, p, spacing), abs=1e-9)
    assert value["assd"] == pytest.approx(all_pairs.assd(r, p, spacing), abs=1e-9)


EDGES = (64, 512)
BUCKETS = ("small", "medium", "large")


def recompute(r: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Object counts of an image by size bucket.

    (3, 3): matched with IoU >= 0.5, false and missed objects; (3, 4): the same with IoU > 0.5, and
    the sum of the IoU.
    """
    _, r = np.unique(r, return_inverse=True)  # 0 is background: every image has some
    r = r.reshape(p.shape)
    n_r, n_p = int(r.max()), int(p.max())
    table = np.zeros((n_r + 1, n_p + 1), np.int64)
    np.add.at(table, (r.ravel(), p.ravel()), 1)
    r_size, p_size = table.sum(axis=1)[1:], table.sum(axis=0)[1:]
    shared = table[1:, 1:]
    iou = shared / (r_size[:, None] + p_size[None] - shared)
    weight = np.where(iou >= 0.5, iou + 1e-9, 0.0)
    rows, columns = linear_sum_assignment(weight, maximize=True)
    good = weight[rows, columns] > 0
    half = list(zip(rows[good], columns[good], strict=True))
    strict = list(zip(*np.nonzero(iou > 0.5), strict=True))

    def bucket(size):
        return sum(size >= edge for edge in EDGES)

    found, panoptic = np.zeros((3, 3), np.int64), np.zeros((3, 4))
    for pairs, out in ((half, found), (strict, panoptic)):
        assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
        for i in range(n_r):
            matched = [j for k, j in pairs if k == i]
            out[bucket(r_size[i]), 0 if matched else 2] += 1
            if out is panoptic:
                out[bucket(r_size[i]), 3] += sum(iou[i, j] for j in matched)
        for j in set(range(n_p)) - {j for _, j in pairs}:
            out[bucket(p_size[j]), 1] += 1
    return found, panoptic


def test_nuclei_objects_by_size(real_data, repository, tmp_path):
    pytest.importorskip("onnxruntime", reason="runs the demo model")
    root = real_data("nuclei")
    with (root / "samples.csv").open() as stream:
        names = sorted(r["id"] for r in csv.DictReader(stream) if r["split"] == "test")
    rows = [SampleRow(n, f"images/{n}.png", f"instances/{n}.png", "test", n, {}) for n in names]
    classes = {"background": 0, "nucleus": 1}
    scheme = LabelScheme.of(classes, exclude=["background"], encoding="instances")
    samples = check_samples(rows, root=root, scheme=scheme, workers=2)
    predicted = tmp_path / "predictions"
    manifest = infer_split(
        samples, split="test", source=repository / "models" / "unet.onnx", command=None,
        out=predicted, how=Preprocessing(), scheme=scheme, runtime=Runtime(workers=2),
    )  # fmt: skip
    assert manifest.kind == "probability"
    point, options = OperatingPoint("fixed", 0.5), PixelOptions(objects=ObjectOptions())
    targets = Targets(scheme.names, objects=True)
    measure_split(
        samples, predictions=predicted, out=tmp_path / "out", spacing=(), workers=2,
        question=Question(scheme, targets, point, options),
    )  # fmt: skip
    asked = EvaluationOptions(scheme.scored, size_edges=EDGES)
    split = evaluate_split(read_measurements(tmp_path / "out"), {r.id: r for r in rows}, asked)

    found, panoptic = np.zeros((3, 3), np.int64), np.zeros((3, 4))
    for name in names:
        q = read(predicted / f"{name}.png")
        components, _ = ndimage.label(q >= 128, structure=np.ones((3, 3)))
        one, two = recompute(read(root / "instances" / f"{name}.png"), components)
        found, panoptic = found + one, panoptic + two

    def check(table, tp, fp, fn, sharp):
        f1, pq = (table["pooled"][m].value for m in ("object_f1", "pq"))
        assert f1 == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-12)
        assert pq == pytest.approx(2 * sharp[3] / (2 * sharp[0] + sharp[1] + sharp[2]), abs=1e-9)

    assert len(names) == 106
    for k, bucket in enumerate(BUCKETS):
        scope = split.sizes["nucleus"][bucket]
        assert scope.references == found[k, 0] + found[k, 2] > 0
        check(scope.table, *found[k], panoptic[k])
    check(split.classes["nucleus"], *found.sum(axis=0), panoptic.sum(axis=0))
