"""Check the images and masks of a split and list them: `python -m stages.samples SPLIT`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import label_scheme, layout, workers
from segmetrics.data.check import check_samples
from segmetrics.data.samples import read_samples, rows_of_split, write_sample_list
from segmetrics.entry import run


def main() -> None:
    split = sys.argv[1]
    settings = load_settings(Path("params.yaml"))
    files = layout(settings)
    rows = rows_of_split(read_samples(files.samples), split, files.samples)
    samples = check_samples(
        rows, root=files.root, scheme=label_scheme(settings), workers=workers(settings)
    )
    write_sample_list(files.sample_list(split), samples)
    print(f"{split}: {len(samples)} samples checked")


if __name__ == "__main__":
    sys.exit(run(main))
