"""The engine by its commands: killed at any moment, fed by a WebSocket, cut for a proof, replayed."""

from __future__ import annotations

import doctest
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import typer
from typer.testing import CliRunner
from websockets.sync.server import ServerConnection, serve

from cli.engine import app
from cli.errors import ReportingGroup
from rtnet_core.account import Book
from rtnet_core.engine.core import Engine
from rtnet_core.engine.events import event_line
from rtnet_core.engine.log import MemoryLog, SqlLog
from rtnet_core.engine.sample import sample_events
from rtnet_core.margin_exact import account_margin, account_vector
from rtnet_core.params import Params
from rtnet_core.params_root import margin_params
from rtnet_core.risk_array import build_risk_array
from rtnet_core.snapshot import Snapshot
from rtnet_core.snapshot_hash import snapshot_hash_hex
from tests.support.command_line import ROOT
from tests.support.engines import MARKET, PARAMS, line

STREAM = [event_line(event) for event in sample_events(MARKET, PARAMS, 12, 500, 4)]

#: The engine's commands below a root that reports errors as `zkm2m` does.
root = typer.Typer(cls=ReportingGroup)
root.add_typer(app, name="engine")
ReportingGroup.order = tuple(dict.fromkeys((*ReportingGroup.order, "engine")))


@pytest.fixture
def venue(tmp_path: Path) -> Path:
    """Return a folder with a market and a stream of events."""
    (tmp_path / "market.json").write_bytes(MARKET.to_json_bytes())
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(STREAM))
    return tmp_path


def run(*words: object, exit_code: int = 0) -> Any:
    result = CliRunner().invoke(root, ["engine", *(str(word) for word in words), "--json"])
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout) if result.stdout else None


def begin(venue: Path, *more: object) -> Any:
    words = ("--log", venue / "v.sqlite", "--market", venue / "market.json", "--events", venue / "events.jsonl")
    return run("run", *words, *more)


def expected(lines: Sequence[bytes]) -> Engine:
    engine = Engine.create(MemoryLog(), MARKET, PARAMS)
    for text in lines:
        engine.apply(text)
    engine.commit()
    return engine


def test_a_stream_from_a_file_is_applied_once(venue: Path) -> None:
    first = begin(venue, "--receipts", venue / "receipts.jsonl", "--group", 50)
    assert first["events"]["applied"] > 450
    assert first["digest"] == expected(STREAM).digest().hex()
    receipts = [json.loads(text) for text in (venue / "receipts.jsonl").read_text().splitlines()]
    assert len(receipts) == len(STREAM)
    assert {receipt["status"] for receipt in receipts} <= {"applied", "refused"}
    again = run("run", "--log", venue / "v.sqlite", "--events", venue / "events.jsonl")
    assert "applied" not in again["events"]
    assert again["digest"] == first["digest"]
    assert run("replay", "--log", venue / "v.sqlite")["digest"] == first["digest"]


@pytest.mark.parametrize("acknowledged", [1, 60, 333])
def test_killed_at_any_moment_the_engine_is_where_its_log_is(venue: Path, acknowledged: int) -> None:
    """Kill -9 once so many events were acknowledged: each of those is there, and the state is that of the log."""
    program = [sys.executable, "-c", "from cli.engine import app; app()", "run", "--receipts", "-", "--group", "7"]
    words = ["--log", str(venue / "v.sqlite"), "--market", str(venue / "market.json")]
    process = subprocess.Popen(
        [*program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    writer = Thread(target=_write, args=(process.stdin, b"\n".join(STREAM) + b"\n"))
    writer.start()
    answers = []
    for answer in process.stdout:
        answers.append(json.loads(answer))
        if sum(one["status"] == "applied" for one in answers) == acknowledged:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.stdout.close()
    process.wait()
    writer.join()
    assert process.returncode == -signal.SIGKILL
    log = SqlLog.open(str(venue / "v.sqlite"))
    engine = Engine.open(log)
    # What was on its way when it was killed may be kept without having been acknowledged; never the other way.
    assert engine.sequence >= acknowledged
    reference = Engine.create(MemoryLog(), MARKET, PARAMS)
    left = iter(STREAM)
    while reference.sequence < engine.sequence:
        reference.apply(next(left))
    assert engine.digest() == reference.digest()
    assert engine.venue.live.below_initial == reference.venue.live.below_initial
    for text in STREAM:
        engine.apply(text)
    engine.commit()
    assert engine.digest() == expected(STREAM).digest()
    log.close()


def _write(stream: Any, data: bytes) -> None:
    try:
        stream.write(data)
        stream.close()
    except OSError:
        pass  # the reader was killed, which is the point


def test_events_come_through_a_websocket_and_receipts_go_back(venue: Path) -> None:
    receipts: list[dict[str, Any]] = []

    def feed(connection: ServerConnection) -> None:
        for text in [*STREAM[:100], b"no event"]:
            connection.send(text.decode())
        while len(receipts) < 101:
            receipts.extend(json.loads(text) for text in str(connection.recv()).splitlines())

    with serve(feed, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        words = ("--log", venue / "v.sqlite", "--market", venue / "market.json")
        done = run("run", *words, "--events", url)
        kept = venue / "receipts.jsonl"
        assert run("run", "--log", venue / "v.sqlite", "--events", url, "--receipts", kept, exit_code=2) is None
        assert not kept.exists()
        server.shutdown()
        thread.join()
    assert done["digest"] == expected(STREAM[:100]).digest().hex()
    assert [receipt["id"] for receipt in receipts[:2]] == ["event-00000001", "event-00000002"]
    assert receipts[-1]["reason"] == "bad_event"
    assert run("run", "--log", venue / "v.sqlite", "--events", url, exit_code=2) is None  # no one listens any more


def test_a_cut_has_the_engines_margins_in_the_exact_engine(venue: Path) -> None:
    begin(venue)
    about = run("cut", "--log", venue / "v.sqlite", "--out", venue / "cut")
    engine = expected(STREAM)
    assert about["digest"] == engine.digest().hex()
    snapshot = Snapshot.from_json((venue / "cut" / "market.json").read_bytes())
    params = Params.from_json((venue / "cut" / "params.json").read_bytes())
    book = Book(venue / "cut" / "book")
    assert book.header.market == snapshot_hash_hex(snapshot)
    risk, published = build_risk_array(snapshot, params), margin_params(params, snapshot)
    net: dict[str, int] = {}
    for account in book:
        exact = account_margin(account_vector(account, snapshot), risk, published)
        margin = engine.venue.live.margin(engine.venue.ledger.row(account.id))
        assert tuple(margin) == (exact.nlv_e4, exact.maintenance_e4)
        for name, lots in account.positions.items():
            net[name] = net.get(name, 0) + lots
    assert net
    assert not any(net.values())
    assert run("cut", "--log", venue / "v.sqlite", "--out", venue / "cut", exit_code=2) is None
    # A cut is what a new engine can begin with.
    words = ("--market", venue / "cut" / "market.json", "--params", venue / "cut" / "params.json")
    (venue / "none.jsonl").write_bytes(b"")
    more = ("--book", venue / "cut" / "book", "--events", venue / "none.jsonl")
    assert run("run", "--log", venue / "next.sqlite", *words, *more)["accounts"] == about["accounts"]


def test_top_shows_the_weakest_accounts_first(venue: Path) -> None:
    begin(venue, "--initial-bps", 1_000_000)
    shown = run("top", "--log", venue / "v.sqlite", "--rows", 5)
    ratios = [account["ratio"] for account in shown["weakest"] if account["ratio"] is not None]
    assert len(ratios) > 1
    assert ratios == sorted(ratios)
    assert shown["pools_ticks"]["insurance_fund"] == str(10**12)
    screen = CliRunner().invoke(root, ["engine", "top", "--log", str(venue / "v.sqlite"), "--once"])
    assert shown["weakest"][0]["id"] in screen.output


def test_a_log_and_its_options_must_fit(venue: Path) -> None:
    for words in (
        ("run", "--log", venue / "none.sqlite"),
        ("run", "--log", venue / "v.sqlite", "--market", venue / "market.json", "--events", venue / "none.jsonl"),
        ("run", "--log", venue / "v.sqlite", "--market", venue / "market.json", "--initial-bps", 5_000),
        ("run", "--log", venue / "v.sqlite", "--market", venue / "market.json", "--receipts", "-"),
        ("top", "--log", venue / "none.sqlite"),
    ):
        assert run(*words, exit_code=2) is None
    begin(venue)
    assert begin_again(venue).exit_code == 2


def begin_again(venue: Path) -> Any:
    words = ("run", "--log", venue / "v.sqlite", "--market", venue / "market.json", "--events", venue / "events.jsonl")
    return CliRunner().invoke(root, ["engine", *map(str, words)])


def test_a_sample_is_a_stream_of_events(venue: Path) -> None:
    words = ("--market", venue / "market.json", "--accounts", 5, "--events", 50, "--out", venue / "more.jsonl")
    assert run("sample", *words)["count"] > 60
    assert run("sample", *words, exit_code=2) is None
    done = run("run", "--log", venue / "m.sqlite", "--market", venue / "market.json", "--events", venue / "more.jsonl")
    assert not any(reason.endswith("bad_event") for reason in done["events"])


def test_a_line_that_is_too_long_is_refused_and_the_next_one_applied(venue: Path) -> None:
    opening = line("open", "o", account="ada", owner="ada")
    (venue / "events.jsonl").write_bytes(b"x" * (1 << 20) + b"\n\n" + opening)
    done = begin(venue)
    assert done["events"]["applied"] == 1
    assert done["events"]["refused: bad_event"] >= 1


def test_the_pages_example_runs() -> None:
    results = doctest.testfile(str(ROOT / "docs" / "engine.md"), module_relative=False)
    assert results.attempted > 10
    assert not results.failed
