"""A progress bar for what takes longer than two seconds; silent when not a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 2.0


def progress(items: Iterable[T], *, total: int, text: str) -> Iterator[T]:
    """Yield the items; on a terminal, show a bar on stderr once two seconds have passed."""
    if not sys.stderr.isatty():
        yield from items
        return
    # Imported here: most runs never show a bar.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn(text),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(text, total=total)
    start = time.monotonic()
    shown = False
    try:
        for item in items:
            yield item
            bar.advance(task)
            if not shown and time.monotonic() - start > PATIENCE_S:
                bar.start()
                shown = True
    finally:
        if shown:
            bar.stop()
