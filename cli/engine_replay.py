"""``zkm2m engine replay --scenario``: what a crash does to a sampled venue, step by step, with pictures."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final

from cli.engine_plot import paint_crash
from cli.files import read_bytes, write_public
from cli.picture import write_picture
from cli.progress import stages
from cli.render import console, facts, print_json, table, usd
from rtnet_core.deribit import import_chains
from rtnet_core.engine.crash_path import CrashTerms
from rtnet_core.engine.log import SqlLog
from rtnet_core.engine.scenario import BANDS, Crash, Step, Story, replay_crash
from rtnet_core.errors import InputError
from rtnet_core.risk.index_series import parse_index_series
from rtnet_core.snapshot import TICKS_PER_USD

#: What a replay leaves in its folder: the engine's log, the tale as JSON, and pictures.
LOG_NAME: Final = "venue.sqlite"
REPORT_NAME: Final = "crash.json"
PICTURES: Final = ("crash.png", "crash.svg")
WORST: Final = 20


class Scenario(StrEnum):
    """What can be replayed beside a log."""

    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class CrashInputs:
    """What a replay is made from, and where it goes."""

    chains: tuple[Path, ...]
    series: Path
    accounts: int
    seed: int
    out: Path
    terms: CrashTerms


def tell_crash(inputs: CrashInputs, *, as_json: bool) -> None:
    """Replay the crash, write its folder, and print what happened to whom.

    Raises
    ------
    InputError
        A file cannot be used, or the folder holds a replay already.
    """
    log_path = inputs.out / LOG_NAME
    if log_path.exists():
        raise InputError(str(inputs.out), "must not hold a replay already")
    series = parse_index_series(read_bytes(inputs.series).decode("utf-8", "replace"), inputs.series.name)
    with stages("reading the chains"):
        chain, _ = import_chains(inputs.chains)
    try:
        inputs.out.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(str(inputs.out), f"cannot be made: {error.strerror or error}") from None
    log = SqlLog.open(str(log_path), create=True)
    try:
        with stages("replaying the crash"):
            crash = replay_crash(chain, series, inputs.accounts, inputs.seed, log, inputs.terms)
    except BaseException:
        log.close()
        log_path.unlink()
        raise
    log.close()
    content = _content(crash)
    write_public(inputs.out / REPORT_NAME, (json.dumps(content, indent=2) + "\n").encode())
    for name in PICTURES:
        write_picture(inputs.out / name, partial(paint_crash, crash=crash), height=9.0)
    if as_json:
        print_json({"out": str(inputs.out), **content})
        return
    _print(crash, inputs.out)


def _content(crash: Crash) -> dict[str, object]:
    return {
        "symbols": list(crash.symbols),
        "bands": list(BANDS),
        "steps": [asdict(step) for step in crash.steps],
        "worst": [asdict(story) | {"lost_ticks": story.lost_ticks} for story in crash.worst(WORST)],
        "totals": _totals(crash),
        "clears": [report.to_json() for report in crash.reports],
    }


def _totals(crash: Crash) -> dict[str, int]:
    names = ("cleared", "liquidated_ticks", "penalty_ticks", "deficit_ticks", "fund_paid_ticks", "vault_paid_ticks")
    more = ("deleveraged", "deleveraged_ticks", "socialised_ticks")
    totals = {name: sum(getattr(step, name) for step in crash.steps) for name in names + more}
    return totals | {"liquidated_accounts": sum(story.liquidations > 0 for story in crash.stories)}


def _print(crash: Crash, out: Path) -> None:
    screen = console()
    columns = ("time", *(f">{symbol}" for symbol in crash.symbols), ">well", ">called", ">below", ">broke")
    columns += (">closed", ">waiting", ">fund", ">ADL", ">shared")
    title = "Steps: accounts before each clear; closed, insurance fund and shared loss in thousands of USD"
    screen.print(table(title, columns, [_step(step) for step in crash.steps]))
    heads = ("account", "standing", ">lost USD", ">times", ">closed", ">charged", ">deficit", ">borne for others")
    screen.print(table(f"The {WORST} accounts that lost most", heads, [_story(s) for s in crash.worst(WORST)]))
    totals = _totals(crash)
    shown = {
        "accounts liquidated": f"{totals['liquidated_accounts']:,} of {len(crash.stories):,}",
        "positions closed": f"{usd(totals['liquidated_ticks'])} USD",
        "penalties to the insurance fund": f"{usd(totals['penalty_ticks'])} USD",
        "deficits of bankrupt accounts": f"{usd(totals['deficit_ticks'])} USD",
        "paid by insurance fund, vault": f"{usd(totals['fund_paid_ticks'])}, {usd(totals['vault_paid_ticks'])} USD",
        "borne by deleveraged, by all": f"{usd(totals['deleveraged_ticks'])}, {usd(totals['socialised_ticks'])} USD",
        "written": ", ".join(str(out / name) for name in (LOG_NAME, REPORT_NAME, *PICTURES)),
    }
    screen.print(facts("The crash", shown))


def _step(step: Step) -> tuple[object, ...]:
    moment = datetime.fromtimestamp(step.time_ms / 1_000, UTC).strftime("%m-%d %H:%M")
    indices = tuple(f"{level:,.0f}" for level in step.index_usd)
    states = (step.healthy, step.called, step.below_maintenance, step.bankrupt)
    money = (_thousands(step.liquidated_ticks), step.waiting, _thousands(step.insurance_fund_ticks))
    return (moment, *indices, *states, *money, step.deleveraged, _thousands(step.socialised_ticks))


def _story(story: Story) -> tuple[object, ...]:
    borne = story.deleveraged_ticks + story.socialised_ticks
    amounts = (story.closed_ticks, story.charged_ticks, story.deficit_ticks, borne)
    return (story.account, story.standing, usd(round(story.lost_ticks)), story.liquidations, *map(usd, amounts))


def _thousands(ticks: int) -> str:
    return f"{ticks / TICKS_PER_USD / 1_000:,.0f}"
