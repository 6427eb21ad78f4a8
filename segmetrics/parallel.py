"""Ordered work over threads or worker processes, with a bounded number of items in flight."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from segmetrics.workers import Workers

T = TypeVar("T")
R = TypeVar("R")

# Worker processes take a quarter of a second to start where they cannot be forked.
_WORTH_PROCESSES_S = 1.0
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
    item_s = 0.0
    for i in range(min(2, len(items))):
        start = time.perf_counter()
        yield function(items[i : i + 1])
        item_s = time.perf_counter() - start
    rest = len(items) - 2
    if rest <= 0:
        return
    size = max(1, min(_MOST_PER_CHUNK, int(_CHUNK_S / max(item_s, 1e-9)), -(-rest // workers)))
    chunks = (items[i : i + size] for i in range(2, len(items), size))
    if workers > 1 and item_s * rest > _WORTH_PROCESSES_S:
        started = Workers.start(workers)
        if started is not None:
            with started:
                call = started.bind(function)
                yield from ordered_map(call, chunks, workers=workers)
            return
    yield from ordered_map(function, chunks, workers=workers)
