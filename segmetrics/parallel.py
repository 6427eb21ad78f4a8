"""Ordered work over threads or worker processes, with a bounded number of items in flight."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TypeVar

from segmetrics.workers import Workers

T = TypeVar("T")
R = TypeVar("R")

# Worker processes take a quarter of a second to start where they cannot be forked.
_WORTH_PROCESSES_S = 0.4
_CHUNK_S = 0.1
_MOST_PER_CHUNK = 256


def available_cores() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], *, workers: int, ahead: int = 2
) -> Iterator[R]:
    """`map` over threads, in order.

    At most `workers * ahead` results wait to be taken, so that memory does not grow with the
    number of items. Pillow and numpy release the interpreter lock while they decode and count.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= workers * ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def chunk_map(
    function: Callable[[Sequence[T]], R], items: Sequence[T], *, workers: int
) -> Iterator[R]:
    """`function` of consecutive chunks of `items`, in order; over processes where that pays.

    The first two items are chunks of their own, done here and timed: the second says how many
    items make a chunk of a tenth of a second, and whether the rest is worth worker processes.
    Little work is done over threads.

    Parameters
    ----------
    function
        Gives the same for an item whatever chunk it is in; it and what it takes and gives can be
        pickled. An exception comes where its chunk would.
    workers
        Processes or threads; 1: everything is done here.

    Raises
    ------
    SegmetricsError
        A worker process died.
    """
    workers = min(workers, max(1, len(items)))
    item_s = 0.0
    for i in range(min(2, len(items))):
        start = time.perf_counter()
        result = function(items[i : i + 1])
        item_s = time.perf_counter() - start
        yield result
    chunks = _chunks(items, 2, item_s, workers)
    yield from _over_processes(function, chunks, item_s * (len(items) - 2), workers) or ordered_map(
        function, chunks, workers=workers
    )


def item_map(function: Callable[[T], R], items: Sequence[T], *, workers: int) -> Iterator[R]:
    """As `chunk_map`, item by item: without processes, an error spoils no item before it."""
    workers = min(workers, max(1, len(items)))
    item_s = 0.0
    for item in items[:2]:
        start = time.perf_counter()
        result = function(item)
        item_s = time.perf_counter() - start
        yield result
    chunks = _chunks(items, 2, item_s, workers)
    several = partial(_each, function)
    results = _over_processes(several, chunks, item_s * (len(items) - 2), workers)
    if results is None:
        yield from ordered_map(function, items[2:], workers=workers)
    else:
        yield from chain.from_iterable(results)


def _each(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [function(item) for item in items]


def _chunks(items: Sequence[T], start: int, item_s: float, workers: int) -> Iterator[Sequence[T]]:
    """The items from `start` on in chunks of a tenth of a second."""
    share = -(-(len(items) - start) // max(workers, 1))
    size = max(1, min(_MOST_PER_CHUNK, int(_CHUNK_S / max(item_s, 1e-9)), share))
    return (items[i : i + size] for i in range(start, len(items), size))


def _over_processes(
    function: Callable[[Sequence[T]], R],
    chunks: Iterator[Sequence[T]],
    work_s: float,
    workers: int,
) -> Iterator[R] | None:
    """The results by worker processes; None where they are not worth it or not to be had."""
    started = Workers.start(workers) if workers > 1 and work_s > _WORTH_PROCESSES_S else None
    return _by(started, function, chunks, workers) if started else None


def _by(
    started: Workers,
    function: Callable[[Sequence[T]], R],
    chunks: Iterator[Sequence[T]],
    workers: int,
) -> Iterator[R]:
    with started:
        yield from ordered_map(started.bind(function), chunks, workers=workers)
