"""Check the images and masks of a split and list them: `python -m stages.samples SPLIT`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import label_scheme, layout, workers
from segmetrics.data.check import check_samples
from segmetrics.data.sample_list import write_sample_list
from segmetrics.data.samples import check_splits, read_samples, rows_of_split
from segmetrics.data.unlisted import unlisted_note
from segmetrics.entry import argument, run


def main() -> None:
    split = argument(1, "a split")
    settings = load_settings(Path("params.yaml"))
    files = layout(settings)
    listed = read_samples(files.samples)
    check_splits(listed, files.splits, files.samples)
    rows = rows_of_split(listed, split, files.samples)
    samples = check_samples(
        rows, root=files.root, scheme=label_scheme(settings), workers=workers(settings)
    )
    write_sample_list(files.sample_list(split), samples)
    print(f"{split}: {len(samples)} samples checked")
    note = unlisted_note(listed, files.root, files.samples)
    if note and split == settings.data.judge:
        print(f"note: {note}")


if __name__ == "__main__":
    sys.exit(run(main))
