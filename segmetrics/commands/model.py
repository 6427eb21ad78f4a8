"""`segmetrics model`: bring a registered model into the project."""

from __future__ import annotations

import argparse
from pathlib import Path

from segmetrics.commands.parsing import Commands, add_command

_EPILOG = """\
`pull` writes the model and, beside it, <file>.origin.json: what was asked for, version, run and
SHA-256. `dvc repro` then depends on bytes, not on what an alias points to today, and `promote`
moves the alias to that very version.

ONNX is brought, nothing is loaded. A model whose loading would run code that came with it
(pickles: PyTorch, scikit-learn, joblib) is refused. --opaque brings what another engine runs
(TensorRT, OpenVINO, a folder) as bytes; pickles only where the version carries a passing
evaluation of these very bytes.

examples:
  segmetrics model pull models:/name@challenger
  segmetrics model pull models:/name/3 -o models/unet.onnx
  segmetrics model pull runs:/0123456789abcdef/model
"""


def add(subparsers: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    text = "bring a registered model into models/, with its origin and digest"
    parser = add_command(subparsers, "model", run, text, _EPILOG)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    pull = actions.add_parser("pull", help="bring the model that a URI names")
    pull.add_argument(
        "uri", metavar="URI", help="models:/name@alias, models:/name/3 or runs:/RUN/path"
    )
    pull.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("models"),
        metavar="PATH",
        help="a folder, or a file name with an ending (default: models/)",
    )
    pull.add_argument(
        "--opaque", action="store_true", help="bring models of other engines, as bytes"
    )
    pull.add_argument(
        "--force", action="store_true", help="replace a file that was not pulled before"
    )


def run(arguments: argparse.Namespace) -> None:
    from segmetrics.registry.models import pull_model

    print(
        pull_model(arguments.uri, arguments.output, opaque=arguments.opaque, force=arguments.force)
    )
