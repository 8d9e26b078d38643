"""What an observer of an epoch is told while it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EpochEvent:
    """What an observer is told: how far a stage has come.

    Attributes
    ----------
    stage
        ``loading`` (rows), ``proving`` (proofs), or ``publishing``.
    done, total
        Of the stage; the total of loading may be unknown.
    accounts_done, accounts_total
        While proving: accounts in proven batches, and of the book.
    detail
        What happened, without any secret: ``batch 17``, ``batch 17: a worker process died``.
    """

    stage: str
    done: int
    total: int | None
    accounts_done: int = 0
    accounts_total: int = 0
    detail: str = ""


Observer = Callable[[EpochEvent], None]
