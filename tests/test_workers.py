"""Work over processes: order, exceptions, a worker that dies, and how workers are started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from segmetrics import parallel, workers
from segmetrics.errors import DataError, Problem, SegmetricsError
from segmetrics.parallel import chunk_map, item_map
from segmetrics.workers import Workers


def doubled(items):
    return [2 * item for item in items]


def process(_items):
    return os.getpid()


def refuse(items):
    if 7 in items:
        raise DataError.of([Problem("a", "x"), Problem("b", "y")], "two files")
    return items


def die(items):
    if 7 in items:
        os.kill(os.getpid(), signal.SIGKILL)
    return items


def stop(items):
    if 7 in items:
        os._exit(3)
    return items


def talk(items):
    print("printed by a worker")
    return items


@pytest.fixture
def processes(monkeypatch):
    """Every work is worth processes."""
    monkeypatch.setattr(parallel, "_WORTH_PROCESSES_S", 0.0)
    monkeypatch.setattr(parallel, "_MOST_PER_CHUNK", 5)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 40])
def test_the_order_and_the_results_are_those_of_map(processes, workers, n):
    chunks = list(chunk_map(doubled, range(n), workers=workers))
    assert [value for chunk in chunks for value in chunk] == [2 * i for i in range(n)]


@pytest.mark.parametrize("worth", [0.0, 99.0])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("n", [0, 1, 3, 40])
def test_items_are_mapped_in_order_too(processes, monkeypatch, worth, workers, n):
    monkeypatch.setattr(parallel, "_WORTH_PROCESSES_S", worth)
    assert list(item_map(str, range(n), workers=workers)) == [str(i) for i in range(n)]


def test_little_work_starts_no_process():
    assert set(chunk_map(process, range(100), workers=2)) == {os.getpid()}


def test_processes_do_the_work_where_it_is_worth_it(processes):
    pids = list(chunk_map(process, range(100), workers=2))
    assert os.getpid() not in pids[2:]
    assert 1 <= len(set(pids[2:])) <= 2


def test_without_processes_threads_do_it(processes, monkeypatch):
    monkeypatch.setattr(Workers, "start", lambda _n: None)
    assert set(chunk_map(process, range(30), workers=2)) == {os.getpid()}


def test_an_error_of_the_work_is_the_same_one_here(processes):
    with pytest.raises(DataError) as caught:
        list(chunk_map(refuse, range(40), workers=2))
    assert caught.value.problems == (Problem("a", "x"), Problem("b", "y"))
    assert str(caught.value).startswith("two files: 2 problems")
    assert "in refuse" in caught.value.__notes__[0]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_worker_that_is_killed_is_a_clear_error(processes):
    with pytest.raises(SegmetricsError) as caught:
        list(chunk_map(die, range(40), workers=2))
    assert str(caught.value) == (
        "worker process: was killed by signal 9, possibly for want of memory; "
        "use fewer workers (score: --workers 1)"
    )


def test_a_worker_that_ends_is_a_clear_error(processes):
    with pytest.raises(SegmetricsError, match="worker process: ended with exit code 3"):
        list(chunk_map(stop, range(40), workers=2))


def test_what_a_worker_prints_does_not_end_up_among_the_answers(processes):
    found = list(chunk_map(talk, range(20), workers=2))
    assert [i for chunk in found for i in chunk] == list(range(20))


def test_results_that_are_not_taken_leave_no_process(processes):
    results = chunk_map(process, range(1000), workers=2)
    pids = {next(results) for _ in range(4)} - {os.getpid()}
    results.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_process_with_several_threads_is_not_forked(monkeypatch):
    monkeypatch.setattr(workers.threading, "active_count", lambda: 2)
    assert not workers._may_fork()


SCRIPT = """
    import os, sys, time
    from segmetrics import parallel, workers
    parallel._WORTH_PROCESSES_S = 0.0
    parallel._MOST_PER_CHUNK = 5
    from builtins import sum
    forks = workers._may_fork()
    print(sum(parallel.chunk_map(sum, range(100), workers=2)), forks, flush=True)
    from test_workers import slow
    if "wait" in sys.argv:
        list(parallel.chunk_map(slow, range(10**6), workers=2))
"""


def slow(items):
    time.sleep(0.02)
    return items


def script(tmp_path: Path, **environment: str) -> tuple[list[str], dict[str, str]]:
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT))
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent)])
    return [sys.executable, str(path)], os.environ | {"PYTHONPATH": paths} | environment


def test_a_script_needs_no_guard_and_a_single_thread_forks(tmp_path):
    words, environment = script(tmp_path)
    done = subprocess.run(
        words, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["4950", str(sys.platform.startswith("linux"))]
    assert done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_the_workers_too(tmp_path):
    words, environment = script(tmp_path)
    running = subprocess.Popen(
        [*words, "wait"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    assert running.stdout.readline().startswith("4950")
    time.sleep(0.5)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, errors = running.communicate(timeout=60)  # the pipes end only when the workers do, too
    assert running.returncode in (-signal.SIGINT, 130)
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")
