"""`segmetrics init`: write a pipeline."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmetrics.commands.parsing import Commands, add_command

_DOMAINS = ("medical", "autonomous_driving", "balanced", "custom")


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = add_command(
        subparsers,
        "init",
        run,
        "write a DVC pipeline for your images, masks and model into a repository",
        "Writes samples.csv, params.yaml, dvc.yaml, stages/, baseline/, .gitignore and .dvcignore, "
        "and prints\nwhat to do next. Nothing is overwritten without --force.\n\n"
        "examples:\n"
        "  segmetrics init --images data/images --masks data/masks --model models/unet.onnx .\n"
        "  segmetrics init --images data/images --masks data/masks \\\n"
        "      --predictions predicted --minimal .\n",
    )
    parser.add_argument(
        "target", type=Path, nargs="?", default=Path(), help="the repository (default: this folder)"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="folder of images")
    parser.add_argument(
        "--masks", type=Path, metavar="DIR", help="folder of masks, files named as the images"
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="an ONNX model to run")
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="DIR",
        help="given predictions instead of a model, one subfolder a split (test/)",
    )
    parser.add_argument(
        "--domain",
        choices=_DOMAINS,
        default="balanced",
        help="what matters most (default: balanced)",
    )
    parser.add_argument(
        "--minimal", action="store_true", help="given predictions only: no inference stage"
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.scaffold import Request, init

    request = Request(
        target=arguments.target,
        images=arguments.images,
        masks=arguments.masks,
        model=arguments.model,
        predictions=arguments.predictions,
        domain=arguments.domain,
        minimal=arguments.minimal,
        force=arguments.force,
    )
    print(init(request))
