"""``zkm2m engine``: keep a venue current from a stream of events, look at it, cut books out of it, replay its log."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated, Any, Final

import typer
from rich.console import Console

from cli.engine_cascade import cascade
from cli.engine_feed import Feed, is_socket, open_feed
from cli.engine_queue import queue
from cli.engine_replay import CrashInputs, Scenario, tell_crash
from cli.engine_replica import replica
from cli.engine_top import top
from cli.engine_tune import tune
from cli.files import check_output, read_market, read_params
from cli.options import ForceFlag, JsonFlag, MarketOption, ParamsOption
from cli.progress import counted, stages
from cli.render import console, facts, print_json, table, usd
from rtnet_core.account import Book, BookFormat
from rtnet_core.engine.core import Engine
from rtnet_core.engine.crash_path import CrashTerms
from rtnet_core.engine.cut import write_cut
from rtnet_core.engine.events import event_line
from rtnet_core.engine.ledger import INSURANCE_FUND
from rtnet_core.engine.live import Levels
from rtnet_core.engine.log import EventLog, SqlLog
from rtnet_core.engine.sample import sample_events
from rtnet_core.errors import InputError
from rtnet_core.files import replace_file
from rtnet_core.limits import THRESHOLD_BITS

app = typer.Typer(help="The real-time engine: events in, margins always current.", no_args_is_help=True)

LogOption = Annotated[
    str,
    typer.Option("--log", metavar="LOG", help="The event log: a file (SQLite), or postgresql+psycopg://USER@HOST/DB."),
]
_DEFAULTS: Final = Levels()
_CRASH: Final = CrashTerms()
_LEVEL: Final[dict[str, Any]] = {"min": 1, "max": (1 << THRESHOLD_BITS) - 1}


@app.command("run", epilog="Example: zkm2m engine run --log venue.sqlite --market market.json --events events.jsonl")
def run(
    log: LogOption,
    events: Annotated[
        str, typer.Option("--events", metavar="SOURCE", help="A file, - for standard input, or ws://HOST:PORT/PATH.")
    ] = "-",
    market: Annotated[
        Path | None, typer.Option("--market", metavar="FILE", help="For a new log: the market it begins with.")
    ] = None,
    params: ParamsOption = None,
    book: Annotated[
        Path | None, typer.Option("--book", metavar="BOOK", help="For a new log: a book's folder to begin with.")
    ] = None,
    receipts: Annotated[
        str | None,
        typer.Option("--receipts", metavar="FILE", help="Where receipts are added, one a line; - for standard output."),
    ] = None,
    group: Annotated[
        int, typer.Option("--group", min=1, max=1 << 16, help="Most events that are committed together.")
    ] = 1_024,
    initial_bps: Annotated[
        int, typer.Option("--initial-bps", help="For a new log: initial level, of maintenance margin.", **_LEVEL)
    ] = _DEFAULTS.initial_bps,
    maintenance_bps: Annotated[
        int, typer.Option("--maintenance-bps", help="For a new log: maintenance level.", **_LEVEL)
    ] = _DEFAULTS.maintenance_bps,
    close_out_bps: Annotated[
        int, typer.Option("--close-out-bps", help="For a new log: close-out level.", **_LEVEL)
    ] = _DEFAULTS.close_out_bps,
    as_json: JsonFlag = False,
) -> None:
    """Apply events as they come; each is acknowledged once it is on disk.

    A receipt says applied, repeated (its id was applied before) or refused, with the reason. Stop it at any moment, in
    any way, and start it again: it goes on from the last event that was acknowledged.
    """
    if as_json and receipts == "-":
        raise InputError("--receipts", "must not be - with --json: standard output holds one JSON value")
    if receipts is not None and is_socket(events):
        raise InputError("--receipts", "must be left out: receipts go back through the WebSocket")
    with ExitStack() as stack:
        levels = Levels(initial_bps, maintenance_bps, close_out_bps)
        feed = open_feed(events, group, _receipts(receipts, stack))
        stack.callback(feed.close)
        opened = SqlLog.open(log, create=market is not None)
        stack.callback(opened.close)
        engine = _begun(opened, market, params, book, levels)
        counts, seconds = _feed(engine, feed)
    # Receipts on standard output stand there alone.
    _report(engine, counts, seconds, as_json=as_json, aside=receipts == "-")


app.command("top", epilog="Example: zkm2m engine top --log venue.sqlite")(top)
app.command("queue", epilog="Example: zkm2m engine queue acct-000000 --log venue.sqlite")(queue)
app.command(
    "tune", epilog="Example: zkm2m engine tune models.json --series index.csv --log venue.sqlite --out t.jsonl"
)(tune)
app.command("cascade", epilog="Example: zkm2m engine cascade --log venue.sqlite --shock BTC=-800 --plot cascade.svg")(
    cascade
)


@app.command("cut", epilog="Example: zkm2m engine cut --log venue.sqlite --out cut")
def cut(
    log: LogOption,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Gets market.json, params.json and book.")],
    book_format: Annotated[
        BookFormat, typer.Option("--format", help="Parquet, or JSON lines, which a person can read.")
    ] = "parquet",
    as_json: JsonFlag = False,
) -> None:
    """Freeze the book of the last event committed for an epoch proof, while the engine goes on."""
    with replica(log) as engine:
        about = write_cut(engine, out, format=book_format)
    if as_json:
        print_json({"out": str(out), **about})
        return
    console().print(facts(f"Book cut into {out}", about))
    console().print(
        f"zkm2m prove epoch --book {out}/book --market {out}/market.json --params {out}/params.json --out epochs",
        markup=False,
        soft_wrap=True,
    )


@app.command("replay", epilog="Example: zkm2m engine replay --log venue.sqlite")
def replay(
    log: Annotated[str | None, typer.Option("--log", metavar="LOG", help="The event log to apply again.")] = None,
    scenario: Annotated[
        Scenario | None, typer.Option("--scenario", help="Play a scenario on a sampled venue, rather than a log.")
    ] = None,
    chains: Annotated[
        list[Path] | None,
        typer.Option("--chain", metavar="FILE", help="Scenario: an option chain of the crash, once for each coin."),
    ] = None,
    series: Annotated[
        Path | None,
        typer.Option("--series", metavar="FILE", help="Scenario: index levels and volatilities around it, a CSV."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Scenario: gets the log, crash.json and pictures.")
    ] = None,
    accounts: Annotated[
        int, typer.Option("--accounts", min=2, max=1 << 20, help="Scenario: accounts of the venue.")
    ] = 1_000,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=(1 << 64) - 1, help="Scenario: the same seed, the same venue.")
    ] = 1,
    days_before: Annotated[
        int, typer.Option("--days-before", min=1, max=30, help="Scenario: days before the chain's time.")
    ] = _CRASH.days_before,
    days_after: Annotated[
        int, typer.Option("--days-after", min=1, max=30, help="Scenario: days after it.")
    ] = _CRASH.days_after,
    severity: Annotated[
        float, typer.Option("--severity", min=0.01, max=4, help="Scenario: 1 is what happened, 2 twice its logarithm.")
    ] = _CRASH.severity,
    fund_bps: Annotated[
        int, typer.Option("--fund-bps", min=0, help="Scenario: insurance fund, of all maintenance margin.")
    ] = _CRASH.fund_bps,
    vault_bps: Annotated[
        int, typer.Option("--vault-bps", min=0, help="Scenario: vault, of all maintenance margin.")
    ] = _CRASH.vault_bps,
    backstop_bps: Annotated[
        int, typer.Option("--backstop-bps", min=0, help="Scenario: backstop's capital, of all maintenance margin.")
    ] = _CRASH.backstop_bps,
    clears: Annotated[
        Path | None,
        typer.Option(
            "--clears", metavar="FILE", help="Write what each clear, delivery and tune of the log did, one a line."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Apply a log again from its beginning, and check it; or play a crash, and tell what happened to whom.

    A log's chain is checked, and every state kept beside it. A scenario opens a sampled venue before the crash, moves
    its prices along the series and clears it after each step.
    """
    if scenario is not None:
        if log is not None or clears is not None or not chains or series is None or out is None:
            raise InputError("--scenario", "needs --chain, --series and --out, and neither --log nor --clears")
        terms = CrashTerms(days_before, days_after, fund_bps, vault_bps, backstop_bps, severity)
        tell_crash(CrashInputs(tuple(chains), series, accounts, seed, out, terms), as_json=as_json)
        return
    if log is None or chains or series is not None or out is not None:
        raise InputError("--log", "must be given alone, or --scenario with its options")
    if clears is not None:
        check_output(clears)
    with ExitStack() as stack:
        opened = SqlLog.open(log)
        stack.callback(opened.close)
        begun = time.perf_counter()
        with stages("replaying the log"):
            engine = Engine.open(opened, from_the_beginning=True)
        seconds = time.perf_counter() - begun
    if clears is not None:
        lines = [json.dumps({"sequence": number, **report.to_json()}) for number, report in engine.reports.items()]
        replace_file(check_output(clears), ["".join(f"{text}\n" for text in lines).encode()])
    _report(engine, Counter(applied=engine.sequence), seconds, as_json=as_json)


@app.command("sample", epilog="Example: zkm2m engine sample --market market.json --out events.jsonl")
def sample(
    market: MarketOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write, one event a line.")],
    params: ParamsOption = None,
    accounts: Annotated[int, typer.Option("--accounts", min=2, max=1 << 20, help="How many owners trade.")] = 1_000,
    count: Annotated[int, typer.Option("--events", min=0, help="How many events follow the opening ones.")] = 100_000,
    seed: Annotated[int, typer.Option("--seed", min=0, max=(1 << 64) - 1, help="The same seed, the same stream.")] = 1,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a generated stream of events for trials: accounts open, pay in and trade, prices walk."""
    if check_output(out).exists() and not force:
        raise InputError(str(out), "is there already; --force replaces it")
    snapshot = read_market(market)
    stream = sample_events(snapshot, read_params(params, snapshot), accounts, count, seed)
    written = 0
    with counted("drawing events") as progress, out.open("wb") as file:
        for written, event in enumerate(stream, start=1):
            file.write(event_line(event) + b"\n")
            if written % 10_000 == 0:
                progress(written, count + 2 * accounts)
    if as_json:
        print_json({"events": str(out), "count": written})
        return
    console().print(f"{written:,} events written to {out}", markup=False)


def _begun(log: EventLog, market: Path | None, params: Path | None, book: Path | None, levels: Levels) -> Engine:
    """Return the engine of a log, or a new one where it has none."""
    if log.state() is None:
        if market is None:
            raise InputError("--market", "is missing: the log is new")
        snapshot = read_market(market)
        return Engine.create(log, snapshot, read_params(params, snapshot), levels, Book(book) if book else ())
    given = {"--market": market is not None, "--params": params is not None, "--book": book is not None}
    given["--initial-bps, --maintenance-bps, --close-out-bps"] = levels != _DEFAULTS
    for option, is_given in given.items():
        if is_given:
            raise InputError(option, "must be left out: the log is there already, and knows")
    return Engine.open(log)


def _receipts(name: str | None, stack: ExitStack) -> IO[str] | None:
    if name is None:
        return None
    if name == "-":
        return sys.stdout
    return stack.enter_context(check_output(Path(name)).open("a", encoding="utf-8"))


def _feed(engine: Engine, feed: Feed) -> tuple[Counter[str], float]:
    """Apply a feed to its end, and return what became of the events and the seconds that took."""
    counts: Counter[str] = Counter()
    begun = time.perf_counter()
    for lines in feed.batches():
        done = [engine.apply(line) for line in lines]
        engine.commit()
        feed.answer(done)
        counts.update(f"refused: {receipt.reason}" if receipt.reason else receipt.status for receipt in done)
    engine.keep_state()
    return counts, time.perf_counter() - begun


def _report(engine: Engine, counts: Counter[str], seconds: float, *, as_json: bool, aside: bool = False) -> None:
    ledger, live = engine.venue.ledger, engine.venue.live
    total = sum(counts.values())
    if as_json:
        print_json(
            {
                "events": dict(counts),
                "seconds": round(seconds, 3),
                "sequence": engine.sequence,
                "digest": engine.digest().hex(),
                "chain": engine.chain.hex(),
                "accounts": ledger.count,
                "below_initial": len(live.below_initial),
                "below_maintenance": len(live.below_maintenance),
                "below_close_out": len(live.below_close_out),
                "insurance_fund_ticks": str(ledger.pool_cash[-INSURANCE_FUND - 1]),
            }
        )
        return
    out = Console(stderr=True, highlight=False) if aside else console()
    if counts:
        out.print(table("Events", ("what became of them", ">how many"), sorted(counts.items())))
    rows = {
        "events a second": f"{total / seconds:,.0f}" if seconds else "-",
        "events in the log": f"{engine.sequence:,}",
        "state": engine.digest().hex(),
        "chain": engine.chain.hex(),
        "accounts": f"{ledger.count:,}",
        "below initial, maintenance, close-out": f"{len(live.below_initial):,}, {len(live.below_maintenance):,}, "
        f"{len(live.below_close_out):,}",
        "insurance fund": f"{usd(ledger.pool_cash[-INSURANCE_FUND - 1])} USD",
    }
    out.print(facts("Engine", rows))
