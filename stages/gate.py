"""End with 1 unless the verdict passes: `python -m stages.gate`. The last stage."""

import sys
from pathlib import Path

from segmetrics.config import load_settings
from segmetrics.config.build import layout, result_settings
from segmetrics.data.samples import read_samples
from segmetrics.entry import run
from segmetrics.evidence import check_receipt, read_current_verdict
from segmetrics.record import Names, outgoing, project_key, with_hidden
from segmetrics.texts import print_verdict, terminal, write_step_summary
from segmetrics.tracking import store_root


def main() -> int:
    settings = load_settings(Path("params.yaml"))
    files, results = layout(settings), result_settings(settings)
    verdict = read_current_verdict(files, results)
    check_receipt(files, results)
    print_verdict(verdict, terminal())
    names = Names(settings.tracking.upload.ids, project_key(store_root()))
    names = with_hidden(names, read_samples(files.samples), results)
    write_step_summary(outgoing(verdict, names))
    if verdict["decision"] == "pass":
        return 0
    if not settings.gate.enforce:
        print("gate.enforce is false: dvc repro goes on, promotion stays refused")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(run(main))
