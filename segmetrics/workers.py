"""Worker processes that compute for the threads of this one.

Each worker is one process at the two ends of a pipe: a request is a pickled function with its
argument, an answer its pickled result. A worker is forked where that is safe and a fresh
interpreter elsewhere; unlike with `multiprocessing`, the main script is not run again in it, so a
script needs no `if __name__ == "__main__"`.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NoReturn, TypeVar

from segmetrics.errors import SegmetricsError

T = TypeVar("T")
R = TypeVar("R")

_BOOT = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from segmetrics.workers import serve_standard_streams; serve_standard_streams()"
)


class Worker:
    """One process; `call` blocks until the answer is there, without holding the interpreter."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO, wait: Callable[[], int]) -> None:
        self._requests = requests
        self._answers = answers
        self._wait = wait

    def call(self, function: Callable[[T], R], argument: T) -> R:
        """`function(argument)`, computed by the worker; what it raises is raised here.

        Raises
        ------
        SegmetricsError
            The worker died.
        """
        try:
            pickle.dump((function, argument), self._requests, pickle.HIGHEST_PROTOCOL)
            self._requests.flush()
            done, value = pickle.load(self._answers)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise self._died() from error
        if not done:
            kind, arguments, state, text = value
            raised: BaseException = kind.__new__(kind, *arguments)
            raised.__dict__.update(state)
            raised.add_note(text)
            raise raised
        result: R = value
        return result

    def _died(self) -> SegmetricsError:
        code = self._wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return SegmetricsError(
            "worker process",
            f"{how}, possibly for want of memory",
            "use fewer workers (score: --workers 1)",
        )

    def close(self) -> None:
        """Let the process end: it does when there are no more requests."""
        with suppress(OSError):  # it died, and the end of a request was still to be sent
            self._requests.close()

    def join(self) -> None:
        """Wait until the process has ended, after `close`."""
        self._answers.close()
        self._wait()


class Workers:
    """Some workers, each used by one thread at a time.

    Use as a context: at its end the processes have ended.
    """

    def __init__(self, workers: list[Worker]) -> None:
        self._all = workers
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in workers:
            self._idle.put(worker)

    @classmethod
    def start(cls, n: int) -> Workers | None:
        """Start `n` processes; None where this interpreter cannot start any."""
        launch = _fork if _may_fork() else _spawn if sys.executable else None
        if launch is None:
            return None
        started: list[Worker] = []
        try:
            for _ in range(n):
                started.append(launch())
        except OSError:  # too many processes
            Workers(started).__exit__(None, None, None)
            return None
        return cls(started)

    def bind(self, function: Callable[[T], R]) -> Callable[[T], R]:
        """`function`, computed by whichever worker is idle; for as many threads as workers."""

        def call(argument: T) -> R:
            worker = self._idle.get()
            try:
                return worker.call(function, argument)
            finally:
                self._idle.put(worker)

        return call

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A forked worker holds the pipes of those before it, so all are closed before any ends.
        for worker in self._all:
            worker.close()
        for worker in self._all:
            worker.join()


def _may_fork() -> bool:
    """Whether no other thread can hold a lock that a forked copy would wait for."""
    if not sys.platform.startswith("linux") or threading.active_count() > 1:
        return False
    try:
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - threads of libraries, too
    except OSError:
        return False


def _fork() -> Worker:
    request_read, request_write = os.pipe()
    answer_read, answer_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(request_write)
        os.close(answer_read)
        _serve(os.fdopen(request_read, "rb"), os.fdopen(answer_write, "wb"))
    os.close(request_read)
    os.close(answer_write)

    def wait() -> int:
        try:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        except ChildProcessError:  # waited for already
            return 0

    return Worker(os.fdopen(request_write, "wb"), os.fdopen(answer_read, "rb"), wait)


def _spawn() -> Worker:
    # A session of its own: Ctrl-C in the terminal reaches this process alone, which ends the other.
    process = subprocess.Popen(
        [sys.executable, "-c", _BOOT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    if process.stdin is None or process.stdout is None:
        raise OSError("no pipes")
    requests, answers = process.stdin, process.stdout
    pickle.dump([str(Path(p).absolute()) for p in sys.path], requests)
    requests.flush()
    return Worker(requests, answers, process.wait)  # type: ignore[arg-type]


def serve_standard_streams() -> NoReturn:
    """Answer requests from standard input on standard output; what is printed goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _serve(sys.stdin.buffer, answers)


def _serve(requests: BinaryIO, answers: BinaryIO) -> NoReturn:
    """Answer requests until there are no more; the process ends here whatever happens."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides
        while True:
            function, argument = pickle.load(requests)
            pickle.dump(_answer(function, argument), answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
    except (EOFError, BrokenPipeError):
        code = 0
    except BaseException:
        traceback.print_exc()  # the process ends below: its last words
        raise
    finally:
        os._exit(code)


def _answer(function: Callable[[Any], Any], argument: Any) -> tuple[bool, Any]:
    try:
        return True, function(argument)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it was asked for
        text = f"in a worker process:\n{traceback.format_exc()}"
        return False, (type(error), error.args, vars(error), text)
