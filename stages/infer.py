"""Predict the images of a split: `python -m stages.infer SPLIT`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import label_scheme, layout, preprocessing, runtime
from segmetrics.entry import argument, run
from segmetrics.inference.predict import infer_split


def main() -> None:
    split = argument(1, "a split")
    settings = load_settings(Path("params.yaml"))
    files = layout(settings)
    chosen = files.chosen(split)
    manifest = infer_split(
        chosen.samples,
        split=split,
        source=files.source,
        command=settings.infer.command,
        out=files.predictions(split),
        how=preprocessing(settings),
        scheme=label_scheme(settings),
        runtime=runtime(settings),
        others=chosen.others,
    )
    print(f"{split}: {chosen} predictions ({manifest.kind})")


if __name__ == "__main__":
    sys.exit(run(main))
