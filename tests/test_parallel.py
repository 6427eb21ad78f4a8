"""Ordered work over threads, with a bounded number of items in flight."""

from __future__ import annotations

import os
import threading

import pytest

from segmetrics import parallel
from segmetrics.parallel import available_cores, ordered_map
from segmetrics.progress import progress


@pytest.mark.parametrize("workers", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("n", [0, 1, 5, 40])
def test_the_order_and_the_results_are_those_of_map(workers, n):
    found = list(ordered_map(lambda x: x * x, iter(range(n)), workers=workers))
    assert found == [x * x for x in range(n)]


def test_a_later_item_that_is_done_first_still_comes_later():
    second_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_done.wait(timeout=30)
        else:
            second_done.set()
        return item

    assert list(ordered_map(work, [0, 1], workers=2)) == [0, 1]


@pytest.mark.parametrize("workers", [2, 4])
def test_no_more_items_are_taken_than_may_wait(workers):
    taken = []

    def items():
        for i in range(100):
            taken.append(i)
            yield i

    results = ordered_map(lambda x: x, items(), workers=workers, ahead=3)
    assert next(results) == 0
    assert len(taken) <= workers * 3
    results.close()


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_comes_where_its_item_would(workers):
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("item 3")
        return item

    results = ordered_map(work, range(50), workers=workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="item 3"):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_after_an_error_what_has_not_begun_is_not_done():
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 0:
            raise ValueError("stop")
        return item

    with pytest.raises(ValueError, match="stop"):
        list(ordered_map(work, range(1000), workers=2))
    assert len(begun) <= 4


def test_available_cores():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


def test_progress_hands_every_item_on_and_is_silent_without_a_terminal(capsys):
    assert list(progress(iter("abc"), total=3, text="working")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("mapped", [parallel.chunk_map, parallel.item_map])
def test_no_more_workers_start_than_there_are_items(mapped, monkeypatch):
    asked = []

    def none_to_be_had(n):
        asked.append(n)

    monkeypatch.setattr(parallel, "_WORTH_PROCESSES_S", -1)
    monkeypatch.setattr(parallel.Workers, "start", none_to_be_had)
    list(mapped(list, [[]] * 9, workers=1000))
    assert asked == [9]
