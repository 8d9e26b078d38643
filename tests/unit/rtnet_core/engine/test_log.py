"""The durable log: what is committed is there again, exactly, and nothing else is."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from rtnet_core.engine import core
from rtnet_core.engine.core import Engine
from rtnet_core.engine.events import event_line
from rtnet_core.engine.log import CHAIN_START, MemoryLog, SqlLog
from rtnet_core.engine.sample import sample_events
from rtnet_core.errors import InputError, ToolError
from tests.support.engines import MARKET, PARAMS, USD, applied, funded, line
from tests.support.postgres import postgres_database

STREAM = [event_line(event) for event in sample_events(MARKET, PARAMS, 8, 120, 1)]


def run(engine: Engine, lines: list[bytes], group: int = 16) -> None:
    for start in range(0, len(lines), group):
        for text in lines[start : start + group]:
            engine.apply(text)
        engine.commit()


def test_an_engine_opened_again_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "venue.sqlite"
    log = SqlLog.open(str(path), create=True)
    engine = Engine.create(log, MARKET, PARAMS)
    run(engine, STREAM)
    log.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    log = SqlLog.open(f"sqlite:///{path}")
    for again in (Engine.open(log), Engine.open(log, from_the_beginning=True)):
        assert (again.digest(), again.sequence, again.chain) == (engine.digest(), engine.sequence, engine.chain)
        assert again.venue.live.below_initial == engine.venue.live.below_initial
    assert again.apply(STREAM[3]).status == "repeated"
    log.close()


def test_groups_of_any_size_leave_the_same_chain_and_state() -> None:
    engines = []
    for group in (1, 7, 1_000):
        engine = Engine.create(MemoryLog(), MARKET, PARAMS)
        run(engine, STREAM, group)
        engines.append(engine)
    assert len({(engine.digest(), engine.chain) for engine in engines}) == 1
    assert engines[0].chain != CHAIN_START


def test_what_was_not_committed_is_gone(tmp_path: Path) -> None:
    log = SqlLog.open(str(tmp_path / "venue.sqlite"), create=True)
    engine = funded("ada", log=log)
    engine.commit()
    before = engine.digest()
    applied(engine, line("deposit", "d", account="ada", asset="USD", amount=5 * USD))
    assert engine.digest() != before
    again = Engine.open(log)
    assert again.digest() == before
    assert again.apply(line("deposit", "d", account="ada", asset="USD", amount=5 * USD)).status == "applied"
    log.close()


def test_a_restart_goes_on_from_the_newest_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "STATE_EVERY", 30)
    log = SqlLog.open(str(tmp_path / "venue.sqlite"), create=True)
    engine = Engine.create(log, MARKET, PARAMS)
    run(engine, STREAM, 10)
    newest, first = log.state(), log.state(first=True)
    assert newest is not None
    assert first is not None
    assert (first.sequence, newest.sequence > 100) == (0, True)
    with sqlite3.connect(tmp_path / "venue.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM zkm2m_engine_states").fetchone() == (3,)
    again = Engine.open(log)
    assert again.digest() == engine.digest()
    assert again.apply(STREAM[0]).status == "repeated"
    log.close()


def test_a_replica_follows_the_log(tmp_path: Path) -> None:
    log = SqlLog.open(str(tmp_path / "venue.sqlite"), create=True)
    engine = Engine.create(log, MARKET, PARAMS)
    replica = Engine.open(SqlLog.open(str(tmp_path / "venue.sqlite")))
    run(engine, STREAM)
    assert replica.catch_up() == engine.sequence
    assert replica.digest() == engine.digest()
    assert replica.catch_up() == 0
    replica.log.close()
    log.close()


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    log = SqlLog.open(str(tmp_path / "venue.sqlite"), create=True)
    Engine.create(log, MARKET, PARAMS)
    one, two = Engine.open(log), Engine.open(log)
    run(one, STREAM[:10])
    with pytest.raises(ToolError, match="another engine writes it"):
        run(two, STREAM[:10])
    with pytest.raises(InputError, match="must be empty"):
        Engine.create(log, MARKET, PARAMS)
    log.close()


@pytest.mark.parametrize("column", ["events", "chain"])
def test_a_log_that_was_changed_is_not_opened(tmp_path: Path, column: str) -> None:
    path = tmp_path / "venue.sqlite"
    log = SqlLog.open(str(path), create=True)
    run(Engine.create(log, MARKET, PARAMS), STREAM)
    with sqlite3.connect(path) as connection:
        (found,) = connection.execute(f"SELECT {column} FROM zkm2m_engine_groups WHERE first = 1").fetchone()  # noqa: S608
        changed = found.replace(b'"amount":', b'"amount":1', 1) if column == "events" else bytes(32)
        connection.execute(f"UPDATE zkm2m_engine_groups SET {column} = ? WHERE first = 1", (changed,))  # noqa: S608
    with pytest.raises(ToolError, match="chain breaks in the group of event 1"):
        Engine.open(log)
    log.close()


def test_a_state_that_was_changed_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "venue.sqlite"
    log = SqlLog.open(str(path), create=True)
    Engine.create(log, MARKET, PARAMS)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE zkm2m_engine_states SET digest = ?", (bytes(32),))
    with pytest.raises(ToolError, match="does not have its digest"):
        Engine.open(log)
    log.close()


def test_a_log_that_is_missing_or_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing"):
        SqlLog.open(str(tmp_path / "none.sqlite"))
    sqlite3.connect(tmp_path / "empty.sqlite").execute("CREATE TABLE other (x)").connection.close()
    with pytest.raises(InputError, match="holds no events"):
        SqlLog.open(str(tmp_path / "empty.sqlite"))
    (tmp_path / "text.sqlite").write_text("this is no database, and is longer than a page of one" * 100)
    with pytest.raises(InputError, match="cannot be opened: file is not a database"):
        SqlLog.open(str(tmp_path / "text.sqlite"))
    log = SqlLog.open(str(tmp_path / "new.sqlite"), create=True)
    with pytest.raises(InputError, match="holds no state"):
        Engine.open(log)
    log.close()


def test_postgresql_keeps_the_same_log() -> None:
    database = postgres_database()
    log = SqlLog.open(database.url, create=True)
    engine = Engine.create(log, MARKET, PARAMS)
    run(engine, STREAM)
    log.close()
    log = SqlLog.open(database.url)
    for again in (Engine.open(log), Engine.open(log, from_the_beginning=True)):
        assert (again.digest(), again.chain) == (engine.digest(), engine.chain)
    with pytest.raises(ToolError, match="another engine writes it"):
        log.append(1, ["x"], [b"{}"], bytes(32))
    log.close()
