"""A replica of a running engine: opened from its log for a look, and let go again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cli.progress import stages
from rtnet_core.engine.core import Engine
from rtnet_core.engine.log import SqlLog


@contextmanager
def replica(log: str) -> Iterator[Engine]:
    """Yield the engine whose log this is, in the state of the last event committed; the one that writes it goes on.

    Raises
    ------
    InputError
        There is no such log.
    """
    opened = SqlLog.open(log)
    try:
        with stages("reading the log"):
            engine = Engine.open(opened)
        yield engine
    finally:
        opened.close()
