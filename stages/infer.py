"""Predict the images of a split: `python -m stages.infer SPLIT`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import label_scheme, layout, preprocessing, runtime
from segmetrics.data.sample_list import read_sample_list
from segmetrics.entry import argument, run
from segmetrics.inference.predict import infer_split


def main() -> None:
    split = argument(1, "a split")
    settings = load_settings(Path("params.yaml"))
    files = layout(settings)
    manifest = infer_split(
        read_sample_list(files.sample_list(split)),
        split=split,
        source=files.source,
        command=settings.infer.command,
        out=files.predictions(split),
        how=preprocessing(settings),
        scheme=label_scheme(settings),
        runtime=runtime(settings),
    )
    print(f"{split}: {len(manifest.entries)} predictions ({manifest.kind})")


if __name__ == "__main__":
    sys.exit(run(main))
