"""Interpreters that are warm: `dvc repro` in 3 s instead of 20.

Most of the time of a small pipeline goes into new interpreters: fifteen stages import NumPy,
pyarrow and MLflow, each anew, and so does every `segmetrics promote`. Here `python`, `dvc` and
`segmetrics` on the PATH of a test are a few lines that hand their arguments, environment, working
directory and open files to one process which has imported all that already. It forks a child that
does the work and whose exit code is passed on. DVC, stages and commands are the real ones, files
and stores, too; only the start of the interpreter is left out. The first run of the project that
most tests begin with starts new interpreters, and with `SEGMETRICS_TESTS_COLD=1` all tests do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SERVER = Path(__file__).with_name("warm_server.py")

# Without `site` and the rest: it starts in 15 ms. Its status is that of the child, also a signal.
_CLIENT = """#!{python} -ISE
import json, os, sys
import _socket
name = os.path.basename(sys.argv[0])
asked = json.dumps({{"name": name, "words": sys.argv[1:], "folder": os.getcwd(),
                    "environment": dict(os.environ)}}).encode()
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect({address!r})
files = b"".join(n.to_bytes(4, sys.byteorder) for n in (0, 1, 2))
server.sendmsg([len(asked).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
server.sendall(asked)
answer = server.recv(4, _socket.MSG_WAITALL)
status = int.from_bytes(answer, "big", signed=True) if answer else 70
if status < 0:
    os.kill(os.getpid(), -status)
os._exit(status)
"""


class Warm:
    """The process that is warm, and the folder of programs that use it."""

    def __init__(self, environment: dict[str, str]) -> None:
        # Not below pytest's folder: the name of a socket has at most 107 characters.
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        folder = Path(self._folder.name)
        self.programs = folder / "bin"
        self.programs.mkdir()
        address = folder / "socket"
        client = _CLIENT.format(python=sys.executable, address=str(address))
        for name in ("python", "dvc", "segmetrics"):
            (self.programs / name).write_text(client)
            (self.programs / name).chmod(0o755)
        # Standard output that is no terminal: what its children write is buffered as usual.
        with (folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                [sys.executable, str(SERVER), str(address)],
                cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        while not address.exists():
            assert self._server.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)

    def close(self) -> None:
        self._server.communicate()  # closes its standard input
        self._folder.cleanup()


_warm: list[Warm] = []


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """`folder`, made by the first process of the tests that wants it; the others wait for it."""
    from filelock import FileLock

    whole = folder.with_name(f"{folder.name}.whole")
    with FileLock(f"{folder}.lock"):
        if not whole.exists():
            make(folder)
            whole.touch()
    return folder


def shared(factory: pytest.TempPathFactory) -> Path:
    """The folder of all processes of a run of the tests; that of this one without pytest-xdist."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def search_path(environment: dict[str, str], *, cold: bool = False) -> str:
    """The PATH of a test: warm programs first unless `cold`, then those that run the tests."""
    folders = [str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]
    if not (cold or os.environ.get("SEGMETRICS_TESTS_COLD") or not hasattr(os, "fork")):
        if not _warm:
            _warm.append(Warm(environment))
        folders.insert(0, str(_warm[0].programs))
    return os.pathsep.join(folders)


def close() -> None:
    """End the process that is warm, if there is one."""
    while _warm:
        _warm.pop().close()
