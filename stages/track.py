"""Log the evaluation to MLflow, also a failed one: `python -m stages.track`."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import layout, result_settings
from segmetrics.config.judging import keeping
from segmetrics.entry import run
from segmetrics.record import Names, project_key, read_record
from segmetrics.tracking import log_evaluation, store_root, write_receipt


def main() -> None:
    settings = load_settings(Path("params.yaml"))
    files, upload = layout(settings), settings.tracking.upload
    record = read_record(
        files,
        result_settings(settings),
        keeping=keeping(settings, Path(), files.results),
        experiment=settings.tracking.experiment,
        names=Names(upload.ids, project_key(store_root())),
        images=upload.images,
    )
    run_id = log_evaluation(record, files)
    write_receipt(files.receipt, record.eval_id)
    print(f"MLflow run {run_id} in the experiment {record.experiment}")


if __name__ == "__main__":
    sys.exit(run(main))
