"""How commands and stages end: one clear message and an exit code instead of a traceback."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

from segmetrics.errors import ConfigError, SegmetricsError


def run(function: Callable[[], int | None]) -> int:
    """Call `function` and give the process's exit code.

    0 pass, 1 verdict not pass or promotion refused, 2 bad configuration or data, 3 tracking or
    registry failure, 130 interrupted. Errors of the file system (a full disk, no permission) are
    reported like bad data. Anything else is a defect of segmetrics and shows its traceback.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            return function() or 0
        except SegmetricsError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
        except BrokenPipeError:
            # The reader (`| head`) has seen enough; nothing may be flushed into the closed pipe.
            # The status is that of a program which the closed pipe ended: the verdict is lost.
            sys.stdout = None
            return 141
        except OSError as error:
            where = error.filename or "file system"
            print(f"error: {where}: {error.strerror or error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted; finished chunks are kept", file=sys.stderr)
            return 130


def argument(place: int, name: str) -> str:
    """A word of the stage's command line.

    Raises
    ------
    ConfigError
        It is not there.
    """
    if len(sys.argv) <= place:
        raise ConfigError(sys.argv[0], f"needs {name}", "`dvc repro` gives it")
    return sys.argv[place]


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"warning: {message}", file=sys.stderr)
