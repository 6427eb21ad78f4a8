"""Train a small U-Net on the `nuclei` images and export it to ONNX.

Train::

    python examples/train_unet.py --data DIR --out models/unet.onnx --minutes 25

Score the exported file on one split (the only mode that opens the test split)::

    python examples/train_unet.py --data DIR --out models/unet.onnx --evaluate test

DIR holds `samples.csv` (columns `id`, `split` and `modality`), `images/<id>.png` and
`masks/<id>.png`. Needs `torch`, `onnx`, `onnxruntime`, `numpy` and `pillow`.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import sys
import time
from pathlib import Path

try:
    import numpy as np
    import onnx
    import onnxruntime
    import torch
    from torch import nn
    from unet_data import CropSampler, Predict, Sample, load_split, pooled_metrics
    from unet_model import Probability, UNet, loss_of
except ModuleNotFoundError as error:
    raise SystemExit(
        f"train_unet: error: {error}; run: pip install torch onnx onnxruntime numpy pillow"
    ) from None

Metrics = dict[str, dict[str, float]]


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, step: int, decay: float = 0.999) -> None:
    """Move the averaged weights (and batch statistics) towards the trained ones."""
    decay = min(decay, (1 + step) / (10 + step))
    for old, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - decay)
        else:
            old.copy_(new)


def torch_predict(model: UNet, bf16: bool) -> Predict:
    """Wrap a PyTorch model for `pooled_metrics`."""
    model.eval()

    def predict(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return torch.sigmoid(model(torch.from_numpy(batch)).float()).numpy()

    return predict


def onnx_predict(path: Path) -> Predict:
    """Wrap an exported model for `pooled_metrics`."""
    if not path.is_file():
        raise FileNotFoundError(f"no model '{path}'")
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no narrower public class
        raise ValueError(f"cannot read the model '{path}': {error}") from error
    return lambda batch: session.run(["probability"], {"image": batch})[0]


def fit(args: argparse.Namespace, train: list[Sample], val: list[Sample]) -> tuple[UNet, dict]:
    """Train until the time (or the number of steps) is used up; return the best average on val."""
    model = UNet().to(memory_format=torch.channels_last)
    average = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-2)
    sampler = CropSampler(train, args.crop, args.histology, args.seed)
    best: dict = {"dice": -1.0}
    start, step, checks, progress = time.monotonic(), 0, 0, 0.0
    losses: list[float] = []
    while progress < 1:
        optimizer.param_groups[0]["lr"] = args.lr * relative_rate(step, progress)
        losses.append(train_step(model.train(), optimizer, sampler.batch(args.batch), args.bf16))
        step += 1
        update_average(average, model, step)
        seconds = time.monotonic() - start
        progress = step / args.steps if args.steps else seconds / (60 * args.minutes)
        if progress < min(1, (checks + 1) / args.checks):
            continue
        checks += 1
        print(f"{seconds:5.0f} s, step {step}: loss {np.mean(losses):.4f}", end=", ")
        losses.clear()
        dice = val_dice(torch_predict(average, args.bf16), val)
        if dice > best["dice"]:
            best = {"dice": dice, "step": step, "weights": copy.deepcopy(average.state_dict())}
    average.load_state_dict(best["weights"])
    run = {"seconds": round(time.monotonic() - start), "steps": step, "best_step": best["step"]}
    return average, run


def relative_rate(step: int, progress: float) -> float:
    """Return the learning rate as a share of its maximum: a short warm-up, then a cosine."""
    return max(0.005, min(1.0, (step + 1) / 300) * (0.5 + 0.5 * math.cos(math.pi * progress)))


def val_dice(predict: Predict, val: list[Sample]) -> float:
    """Print the pooled Dice on val and return the one that selects the checkpoint."""
    dice = {key: row["dice"] for key, row in pooled_metrics(predict, val).items()}
    print("val Dice " + ", ".join(f"{key} {dice[key]:.4f}" for key in dice), flush=True)
    return dice["together"]


def train_step(
    model: UNet, optimizer: torch.optim.Optimizer, pair: tuple[np.ndarray, np.ndarray], bf16: bool
) -> float:
    """Do one optimiser step and return its loss."""
    images, masks = (torch.from_numpy(array) for array in pair)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits = model(images.to(memory_format=torch.channels_last))
    loss = loss_of(logits.float(), masks)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def export(model: UNet, path: Path) -> None:
    """Write one self-contained ONNX file with a dynamic batch and image size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    graph = Probability(model.to(memory_format=torch.contiguous_format)).eval()
    axes = {0: "N", 2: "H", 3: "W"}
    torch.onnx.export(
        graph,
        (torch.rand(1, 3, 64, 96),),
        path,
        dynamo=False,
        opset_version=17,
        input_names=["image"],
        output_names=["probability"],
        dynamic_axes={"image": axes, "probability": axes},
    )
    onnx.checker.check_model(onnx.load(path), full_check=True)


def train(args: argparse.Namespace) -> dict:
    """Train, export and score on train and val; the test split is never opened here."""
    random.seed(args.seed)  # numpy is seeded in CropSampler, which owns its generator
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    data = {split: load_split(args.data, split) for split in ("train", "val")}
    model, run = fit(args, data["train"], data["val"])
    export(model, args.out)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"wrote {args.out}: {parameters} parameters, {args.out.stat().st_size} bytes")
    predict = onnx_predict(args.out)
    scores = {split: pooled_metrics(predict, samples) for split, samples in data.items()}
    for split, metrics in scores.items():
        show(split, metrics)
    return {"seed": args.seed, "parameters": parameters, **run, **scores}


def evaluate(args: argparse.Namespace) -> dict:
    """Score the exported file on one split."""
    predict = onnx_predict(args.out)
    metrics = pooled_metrics(predict, load_split(args.data, args.evaluate))
    show(args.evaluate, metrics)
    return {args.evaluate: metrics}


def show(split: str, metrics: Metrics) -> None:
    """Print one line of scores for each modality."""
    for key, row in metrics.items():
        values = "  ".join(f"{name} {row[name]:.4f}" for name in row if name != "images")
        print(f"{split:5s} {key:12s} {row['images']:3d} images  {values}")


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="folder of samples.csv")
    add("--out", type=Path, required=True, metavar="ONNX", help="the exported model")
    add("--evaluate", metavar="SPLIT", help="score --out on this split instead of training")
    add("--report", type=Path, metavar="JSON", help="also write the scores to this file")
    add("--minutes", type=float, default=25.0, help="training time (default: 25)")
    add("--steps", type=int, default=0, help="train this many steps instead, whatever the time")
    add("--seed", type=int, default=1, help="seed (default: 1)")
    add("--crop", type=int, default=128, help="side of the training crops (default: 128)")
    add("--batch", type=int, default=16, help="crops in a batch (default: 16)")
    add("--histology", type=float, default=0.35, help="share of histology crops (default: 0.35)")
    add("--lr", type=float, default=3e-3, help="highest learning rate (default: 0.003)")
    add("--checks", type=int, default=20, help="number of looks at val (default: 20)")
    add("--threads", type=int, default=2, help="threads of PyTorch (default: 2)")
    add("--bf16", action="store_true", help="train in bfloat16, fast on recent processors")
    args = parser.parse_args()
    if args.minutes <= 0 or args.steps < 0 or min(args.batch, args.checks, args.threads) < 1:
        parser.error("--minutes, --batch, --checks and --threads must be positive")
    if args.crop < 16 or args.crop % 16:
        parser.error("--crop must be a multiple of 16")
    if not 0 <= args.histology <= 1:
        parser.error("--histology must lie between 0 and 1")
    return args


def main() -> int:
    """Run one command line; return the exit status."""
    args = parse_args()
    try:
        report = evaluate(args) if args.evaluate else train(args)
        if args.report:
            args.report.parent.mkdir(parents=True, exist_ok=True)
            args.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        print(f"train_unet: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
