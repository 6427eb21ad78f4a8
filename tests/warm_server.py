"""Runs `python`, `dvc` and `segmetrics` in children of one process that has imported everything.

`python warm_server.py SOCKET`: listens there until its standard input ends. See `warm.py`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

# What commands and stages import and what takes long. Not ONNX Runtime: it starts threads, which a
# fork would lose.
SLOW = (
    "dvc.cli", "dvc.commands.commit", "dvc.commands.freeze", "dvc.commands.metrics",
    "dvc.commands.repro", "dvc.repo", "dvc.repo.reproduce", "dvc.stage.cache", "dvc_data.hashfile",
    "mlflow", "mlflow.onnx", "mlflow.pyfunc", "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store", "mlflow.tracking.fluent", "numpy.random", "onnx",
    "PIL.Image", "PIL.PngImagePlugin", "pyarrow.parquet", "pydantic", "rich.console",
    "rich.progress", "rich.table", "scipy.ndimage", "scipy.optimize", "scipy.spatial",
    "scipy.special", "scipy.stats", "segmetrics.cli", "segmetrics.config.build",
    "segmetrics.evaluate", "segmetrics.inference", "segmetrics.judge", "segmetrics.leakage",
    "segmetrics.measure", "segmetrics.record", "segmetrics.registry.promotion",
    "segmetrics.tracking.writing", "yaml",
)  # fmt: skip


def serve(address: str) -> None:
    """Answer every connection in a child of its own."""
    for name in SLOW:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as missing:
            print(f"not warm: {missing}", file=sys.stderr, flush=True)
    signal.signal(signal.SIGCHLD, _reap)
    gc.collect()
    gc.freeze()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address + "-new")
    listening.listen(64)
    os.rename(address + "-new", address)  # noqa: PTH104  (whoever finds it finds it ready)
    # Nobody writes to standard input: it ends with the process that runs the tests.
    while listening in select.select([listening, sys.stdin], [], [])[0]:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(connection)
        connection.close()


def _reap(*_: object) -> None:
    """Take note of children that ended, so that their time counts as this process's."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _answer(connection: socket.socket) -> None:
    """Run what is asked for in one more child, and tell how it ended."""
    header, files, _, _ = socket.recv_fds(connection, 4, 3)
    (size,) = struct.unpack("!I", header)
    text = b""
    while len(text) < size:
        text += connection.recv(size - len(text))
    child = os.fork()
    if child == 0:
        connection.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        _end(_status(**json.loads(text)))
    if hasattr(os, "pidfd_open"):
        end = os.pidfd_open(child)
        if end not in select.select([connection, end], [], [])[0]:
            os.kill(child, signal.SIGKILL)  # as whoever asked was
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(struct.pack("!i", status))
    os._exit(0)


def _status(**asked: Any) -> int:
    """The exit code that the interpreter gives."""
    try:
        _become(**asked)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001  (that is what an interpreter does)
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """What an interpreter does at its end, without taking a thousand modules apart first."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)


def _become(name: str, words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Do what the program does, in this process."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [name, *words]
    if name == "dvc":
        from dvc.cli import main

        sys.exit(main(words))
    if name == "segmetrics":
        from segmetrics.cli import main

        sys.exit(main(words))
    first, *rest = words
    if first == "-m":
        sys.path[0] = folder
        sys.argv = rest
        sys.modules.pop(rest[0], None)  # as in a new process: runpy warns of what is there already
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.path[0] = ""
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), sys.modules["__main__"].__dict__)
    else:
        sys.path[0] = str(Path(first).resolve().parent)
        sys.argv = words
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    serve(sys.argv[1])
