"""What a person watches while a command takes its time: always on standard error, so that output stays clean.

On a terminal it is a bar that disappears when the work is done; elsewhere (a log, a pipe) one line as the work begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn


def _open(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _announce(console: Console, text: str) -> None:
    if not console.is_terminal:
        console.print(f"{text} ...", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def stages(text: str) -> Iterator[Callable[[str], None]]:
    """Show that `text` is going on; the function yielded is told the name of each stage as it begins."""
    console = Console(stderr=True)
    _announce(console, text)
    with _open(console) as bar:
        task = bar.add_task(text, total=None)
        yield lambda stage: bar.update(task, description=f"{text}: {stage}")


@contextmanager
def counted(text: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far `text` has come; the function yielded is told (done, of how many)."""
    console = Console(stderr=True)
    _announce(console, text)
    with _open(console) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def shares(text: str) -> Iterator[Callable[[str, float], None]]:
    """Show how far `text` has come; the function yielded is told (stage, share done from 0 to 1)."""
    console = Console(stderr=True)
    _announce(console, text)
    with _open(console) as bar:
        task = bar.add_task(text, total=1.0)
        yield lambda stage, share: bar.update(task, description=f"{text}: {stage}", completed=share)
