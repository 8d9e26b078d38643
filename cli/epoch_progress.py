"""How an epoch comes along: a bar for people, one JSON object a line for programs."""

from __future__ import annotations

import json
import time
from types import TracebackType
from typing import Any, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from cli.render import duration
from prover.epoch_events import EpochEvent

#: Between two lines about the same stage in a log or a stream of JSON.
_QUIET_S = 2.0


class EpochDisplay:
    """Shows the events of an epoch on standard error, or with `as_json` as lines on standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(stderr=True, highlight=False)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._stage = ""
        self._stage_began = 0.0
        self._accounts_at_start = 0
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._as_json:
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=32),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def warn(self, text: str) -> None:
        """Show a warning that no one overlooks."""
        if self._as_json:
            self.emit({"event": "warning", "message": text})
        else:
            self._console.print(f"warning: {text}", style="bold yellow", markup=False)

    def emit(self, content: dict[str, Any]) -> None:
        """Print one JSON object on a line."""
        typer.echo(json.dumps(content))

    def observe(self, event: EpochEvent) -> None:
        """Show how far a stage has come."""
        now = time.monotonic()
        begins = event.stage != self._stage
        if begins:
            self._stage, self._stage_began, self._accounts_at_start = event.stage, now, event.accounts_done
        rate, left = self._rate(event, now)
        note = _note(event, rate, left)
        if self._bar is not None:
            if begins or self._task is None:
                if self._task is not None:
                    self._bar.remove_task(self._task)
                self._task = self._bar.add_task(event.stage, total=event.total, note=note)
            self._bar.update(self._task, completed=event.done, total=event.total, note=note)
            return
        if not begins and event.done != event.total and now - self._last_line < _QUIET_S:
            return
        self._last_line = now
        if self._as_json:
            content: dict[str, Any] = {"event": event.stage, "done": event.done, "total": event.total}
            if event.stage == "proving":
                content |= {"accounts_done": event.accounts_done, "accounts_total": event.accounts_total}
                content |= {"accounts_per_second": rate and round(rate, 3), "seconds_left": left and round(left)}
            self.emit(content | ({"detail": event.detail} if event.detail else {}))
        else:
            self._console.print(f"{event.stage}: {note}", markup=False, soft_wrap=True)

    def _rate(self, event: EpochEvent, now: float) -> tuple[float | None, float | None]:
        """Return (accounts a second of this run, seconds left), None while there is nothing to go by."""
        made = event.accounts_done - self._accounts_at_start
        spent = now - self._stage_began
        if event.stage != "proving" or made <= 0 or spent <= 0:
            return None, None
        rate = made / spent
        return rate, (event.accounts_total - event.accounts_done) / rate


def _note(event: EpochEvent, rate: float | None, left: float | None) -> str:
    if event.stage == "loading":
        return f"{event.done:,} rows" + (f" of {event.total:,}" if event.total else "")
    if event.stage == "publishing":
        return "the epoch's folder"
    parts = [f"{event.accounts_done:,} of {event.accounts_total:,} accounts", f"proof {event.done} of {event.total}"]
    if rate is not None and left is not None:
        parts += [f"{rate:.1f} accounts/s", f"{duration(round(left * 1000))} left"]
    return ", ".join(parts)
