"""The venue's store, on SQLite and on a real PostgreSQL: nothing is lost, nothing is kept twice, nothing by halves."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from prover.store import DuplicateAccount, EpochIdentity, Store, StoredProof
from rtnet_core.epoch import level_sizes
from rtnet_core.errors import InputError, ToolError
from rtnet_core.limits import PROFILES
from tests.support.postgres import postgres_database

EPOCH = 17
IDENTITY = EpochIdentity(
    venue_public_key="aa" * 32,
    snapshot_hash="1",
    params_root="2",
    book_fingerprint="bb" * 32,
    threshold_bps=10_000,
    previous="",
    profile="small",
    circuit_versions="batch-small abc, merge-small def",
)
B, M = 4, 4
CANARY = b"canary-5f1e9c"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store may be made."""
    if request.param == "postgresql":
        return postgres_database().url
    return f"sqlite:///{tmp_path}/private/store.sqlite"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An empty store whose epoch is locked."""
    with Store.open(url) as opened, opened.exclusive(EPOCH):
        yield opened


def _digest(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def _load(store: Store, accounts: int, *, refused: int = 0) -> None:
    for batch in range(-(-accounts // B)):
        members = range(batch * B, min(accounts, batch * B + B))
        store.add_batch(EPOCH, batch, b"payload %d" % batch, [_digest(n) for n in members], b"nodes %d" % batch)
    for row in range(refused):
        store.refuse_row(EPOCH, row + 1, "row: cash_ticks: must be an integer")
    store.finish_loading(EPOCH, accounts, refused)


def _record(store: Store, level: int, index: int) -> None:
    store.record_proof(EPOCH, level, index, b"proof %d.%d" % (level, index), b"statement", b"secret")


def test_an_epoch_from_its_book_to_its_record(store: Store) -> None:
    state = store.begin(EPOCH, IDENTITY)
    assert (state.state, state.resumed, state.account_count) == ("loading", False, None)
    _load(store, 4 * B + 1, refused=2)
    assert store.levels(EPOCH) == [5, 2, 1]
    again = store.begin(EPOCH, IDENTITY)
    assert (again.state, again.resumed, again.started_ms) == ("proving", True, state.started_ms)
    assert (again.account_count, again.refused_count) == (17, 2)

    assert store.account(EPOCH, _digest(6)) == (1, 2)
    assert store.account(EPOCH, _digest(17)) is None
    assert store.account(EPOCH + 1, _digest(6)) is None
    assert store.has_account(EPOCH, _digest(16))
    assert list(store.accounts(EPOCH)) == [(n // B, n % B) for n in range(17)]
    assert (store.payload(EPOCH, 4), store.nodes(EPOCH, 0)) == (b"payload 4", b"nodes 0")
    assert list(store.refusals(EPOCH)) == [(row, "row: cash_ticks: must be an integer") for row in (1, 2)]

    for level, count in enumerate((5, 2, 1)):
        for index in reversed(range(count)):
            assert index in store.pending(EPOCH, level)
            attempt = store.start_attempt(EPOCH, level, index, "worker 1")
            _record(store, level, index)
            store.end_attempt(attempt, "proven")
        assert store.done(EPOCH, level) == list(range(count))
        assert store.pending(EPOCH, level) == []
    assert store.proof(EPOCH, 1, 1) == StoredProof(b"proof 1.1", b"statement", b"secret")
    assert [(index, stored.proof) for index, stored in store.proofs(EPOCH, 1)] == [(0, b"proof 1.0"), (1, b"proof 1.1")]

    assert store.record(EPOCH) is None
    store.finish(EPOCH, b"d" * 32, b"{}")
    assert store.record(EPOCH) == (b"d" * 32, b"{}")
    for refused in (lambda: store.begin(EPOCH, IDENTITY), lambda: store.discard(EPOCH)):
        with pytest.raises(InputError, match="epoch 17 is published already"):
            refused()


def test_progress_counts_rows_and_proofs(store: Store, url: str) -> None:
    store.begin(EPOCH, IDENTITY)
    store.add_batch(EPOCH, 0, b"", [_digest(n) for n in range(B)], b"")
    # Another process looks while this one works.
    with Store.open(url, create=False) as onlooker:
        seen = onlooker.progress(EPOCH)
        assert (seen.state, seen.accounts, seen.batches, seen.batches_done, seen.refused) == ("loading", B, 1, 0, 0)
        store.reset_loading(EPOCH)
        assert onlooker.progress(EPOCH).accounts == 0
        _load(store, B * M + 1, refused=1)
        for index in range(3):
            store.start_attempt(EPOCH, 0, index, "worker")
            _record(store, 0, index)
        seen = onlooker.progress(EPOCH)
        assert (seen.state, seen.accounts, seen.refused, seen.batches, seen.batches_done) == ("proving", 17, 1, 5, 3)
        assert (seen.merges, seen.merges_done, seen.attempts) == (3, 0, 3)
        assert seen.started_ms <= (seen.first_proof_ms or 0) <= (seen.last_proof_ms or 0)
        with pytest.raises(InputError, match="epoch 18 is not in the store"):
            onlooker.progress(18)


@pytest.mark.parametrize("accounts", [1, B - 1, B, B + 1, B * M, B * M + 1])
def test_a16_every_account_has_a_batch_and_every_batch_a_proof(store: Store, accounts: int) -> None:
    store.begin(EPOCH, IDENTITY)
    _load(store, accounts)
    assert len(list(store.accounts(EPOCH))) == accounts
    assert store.levels(EPOCH) == level_sizes(-(-accounts // B), PROFILES["small"])


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"snapshot_hash": "3"}, "snapshot_hash"),
        ({"threshold_bps": 9_999, "previous": "cc" * 32}, "threshold_bps, previous"),
        ({"book_fingerprint": "cc" * 32, "circuit_versions": ""}, "book_fingerprint, circuit_versions"),
    ],
)
def test_a_run_with_another_identity_does_not_continue(store: Store, change: dict[str, object], names: str) -> None:
    store.begin(EPOCH, IDENTITY)
    _load(store, 5)
    _record(store, 0, 0)
    other = replace(IDENTITY, **change)  # type: ignore[arg-type]
    with pytest.raises(InputError) as caught:
        store.begin(EPOCH, other)
    assert str(caught.value) == f"epoch: epoch 17 was begun with another {names}; --restart discards it"
    store.discard(EPOCH)
    assert store.begin(EPOCH, other).state == "loading"
    assert list(store.accounts(EPOCH)) == store.levels(EPOCH) == []
    with pytest.raises(ToolError, match="not recorded"):
        store.proof(EPOCH, 0, 0)


def test_an_unknown_profile_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="profile: must be one of small"):
        store.begin(EPOCH, replace(IDENTITY, profile="huge"))


def test_a52_a_proof_is_recorded_once(store: Store) -> None:
    store.begin(EPOCH, IDENTITY)
    _load(store, 5)
    _record(store, 0, 1)
    for level, index in ((0, 1), (0, 2), (2, 0)):
        with pytest.raises(ToolError, match=f"proof {index} of level {level} of epoch 17 is not awaited"):
            store.record_proof(EPOCH, level, index, b"other", CANARY, CANARY)
    assert store.proof(EPOCH, 0, 1).proof == b"proof 0.1"
    with pytest.raises(ToolError, match="proofs to be made"):
        store.finish(EPOCH, b"", b"")
    assert "secret" not in repr(StoredProof(b"", b"", b"secret")).replace("secret=", "")


def test_a52_of_many_threads_with_one_proof_one_records_it(store: Store) -> None:
    store.begin(EPOCH, IDENTITY)
    _load(store, 1)
    outcomes: list[str] = []

    def work() -> None:
        try:
            _record(store, 0, 0)
            outcomes.append("recorded")
        except ToolError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) == {"recorded", "store: proof 0 of level 0 of epoch 17 is not awaited"}
    assert outcomes.count("recorded") == 1


def test_a16_an_account_twice_in_the_book_is_named_by_its_place_and_keeps_nothing(store: Store) -> None:
    store.begin(EPOCH, IDENTITY)
    store.add_batch(EPOCH, 0, b"", [_digest(n) for n in range(4)], b"")
    for digests, position in (
        ([_digest(4), _digest(5), _digest(1), _digest(0)], 2),
        ([_digest(4), _digest(4), _digest(1)], 1),
        ([_digest(3), _digest(4), _digest(4)], 0),
    ):
        with pytest.raises(DuplicateAccount, match="id: must be unique within the book") as caught:
            store.add_batch(EPOCH, 1, b"", digests, b"")
        assert caught.value.position == position
        assert not store.has_account(EPOCH, _digest(4))
    store.add_batch(EPOCH, 1, b"", [_digest(4)], b"")
    # The same account in another epoch is no repetition.
    with store.exclusive(EPOCH + 1):
        store.begin(EPOCH + 1, IDENTITY)
        store.add_batch(EPOCH + 1, 0, b"", [_digest(4)], b"")


def test_many_accounts_in_one_batch_are_looked_for_in_pieces(store: Store) -> None:
    store.begin(EPOCH, IDENTITY)
    digests = [_digest(number) for number in range(1_201)]
    store.add_batch(EPOCH, 0, b"", digests, b"")
    with pytest.raises(DuplicateAccount) as caught:
        store.add_batch(EPOCH, 1, b"", [_digest(number) for number in range(5_000, 6_100)] + digests[:1], b"")
    assert caught.value.position == 1_100


def test_what_does_not_fit_the_state_of_the_epoch_is_an_error(store: Store) -> None:
    for use in (
        lambda: store.add_batch(EPOCH, 0, b"", [], b""),
        lambda: store.refuse_row(EPOCH, 1, "reason"),
        lambda: store.finish_loading(EPOCH, 1, 0),
        lambda: store.reset_loading(EPOCH),
        lambda: _record(store, 0, 0),
        lambda: store.finish(EPOCH, b"", b""),
    ):
        with pytest.raises(ToolError, match="epoch 17 is not there"):
            use()
    store.begin(EPOCH, IDENTITY)
    store.add_batch(EPOCH, 0, b"", [_digest(0)], b"")
    expected: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: store.add_batch(EPOCH, 0, b"", [], b""), ToolError, "not the next one"),
        (lambda: store.add_batch(EPOCH, 2, b"", [], b""), ToolError, "not the next one"),
        (lambda: store.add_batch(EPOCH, 1, b"", [b"short"], b""), ToolError, "has 5 bytes, and not 32"),
        (lambda: store.finish_loading(EPOCH, 0, 0), InputError, "must hold an account"),
        (lambda: store.finish_loading(EPOCH, 2, 0), ToolError, "do not hold its 2 accounts"),
        (lambda: store.finish_loading(EPOCH, 1, 1), ToolError, "refused rows of epoch 17 are not 1"),
        (lambda: _record(store, 0, 0), ToolError, "is loading, and not proving"),
        (lambda: store.payload(EPOCH, 1), ToolError, "epoch 17 has no batch 1"),
        (lambda: store.end_attempt(99, "proven"), ToolError, "attempt 99 is not under way"),
        (lambda: store.begin(EPOCH + 1, IDENTITY), ToolError, "the lock of epoch 18 must be held"),
        (lambda: store.discard(EPOCH + 1), ToolError, "the lock of epoch 18 must be held"),
    ]
    for use, kind, said in expected:
        with pytest.raises(kind, match=said):
            use()
    store.add_batch(EPOCH, 1, b"", [_digest(1)], b"")
    with pytest.raises(ToolError, match="do not hold its 2 accounts"):
        store.finish_loading(EPOCH, 2, 0)
    assert store.record(EPOCH) is None


def test_an_error_of_the_database_holds_no_value(store: Store) -> None:
    store.begin(EPOCH, IDENTITY)
    store.refuse_row(EPOCH, 1, CANARY.decode())
    with pytest.raises(ToolError, match="store: ") as caught:
        store.refuse_row(EPOCH, 1, CANARY.decode())
    assert CANARY.decode() not in str(caught.value)
    assert caught.value.__suppress_context__


def test_large_blobs_come_back_whole(store: Store) -> None:
    store.begin(EPOCH, IDENTITY)
    payload, nodes, secret = (os.urandom(2_000_000) for _ in range(3))
    store.add_batch(EPOCH, 0, payload, [_digest(0)], nodes)
    store.finish_loading(EPOCH, 1, 0)
    store.record_proof(EPOCH, 0, 0, payload, nodes, secret)
    assert (store.payload(EPOCH, 0), store.nodes(EPOCH, 0)) == (payload, nodes)
    assert store.proof(EPOCH, 0, 0) == StoredProof(payload, nodes, secret)


def test_what_is_iterated_is_streamed_and_may_be_left(store: Store) -> None:
    store.begin(EPOCH, IDENTITY)
    for row in range(1, 4):
        store.refuse_row(EPOCH, row, "reason")
    stream = store.refusals(EPOCH)
    assert next(stream) == (1, "reason")
    store.refuse_row(EPOCH, 4, "while it is read")
    stream.close()  # type: ignore[attr-defined]
    assert len(list(store.refusals(EPOCH))) == 4


# --- runs that collide, and runs that die

CHILD = """
import sys, time
from prover.store import *
from tests.unit.prover import test_store as shared
store = Store.open(sys.argv[1])
with store.exclusive(shared.EPOCH):
    store.begin(shared.EPOCH, shared.IDENTITY)
"""


@pytest.fixture
def child(url: str) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a process that holds the epoch's lock and does what a program says; it is to print a line and stay."""
    root = Path(__file__).resolve().parents[3]
    processes: list[subprocess.Popen[str]] = []

    def start(program: str) -> subprocess.Popen[str]:
        lines = "".join(f"    {line}\n" for line in program.splitlines())
        words = [sys.executable, "-c", CHILD + lines + "    print('ready', flush=True)\n    time.sleep(600)\n", url]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=root)
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def _wait_for_lock(store: Store) -> None:
    """Take the lock once: a server needs a moment to see that its client is gone."""
    for _ in range(100):
        try:
            with store.exclusive(EPOCH):
                return
        except InputError:
            threading.Event().wait(0.05)
    pytest.fail("the lock of a dead run is held")


def test_two_runs_on_one_epoch_do_not_collide(store: Store, url: str) -> None:
    with Store.open(url) as other:
        with pytest.raises(InputError, match="epoch: another run works on epoch 17"), other.exclusive(EPOCH):
            pytest.fail("two runs hold one lock")
        with other.exclusive(EPOCH + 1):
            pass
    with pytest.raises(InputError, match="another run works on epoch 17"), store.exclusive(EPOCH):
        pytest.fail("one run holds a lock twice")


def test_a_lock_is_free_after_the_block_however_it_ends(url: str) -> None:
    with Store.open(url) as store:
        with pytest.raises(ZeroDivisionError), store.exclusive(EPOCH):
            raise ZeroDivisionError
        with store.exclusive(EPOCH):
            pass


@pytest.mark.parametrize("forks", [False, True])
def test_a52_a_killed_run_leaves_its_lock_free(
    url: str, child: Callable[[str], subprocess.Popen[str]], forks: bool
) -> None:
    """Also where a worker that it forked lives on."""
    worker = "import os\nif os.fork() == 0:\n    os.close(1)\n    time.sleep(20)\n    os._exit(0)\n"
    process = child(worker if forks else "")
    with Store.open(url) as store:
        with pytest.raises(InputError, match="another run works on epoch 17"), store.exclusive(EPOCH):
            pytest.fail("two runs hold one lock")
        _kill(process)
        _wait_for_lock(store)


def test_a52_a_run_killed_in_a_batch_leaves_none_of_it(url: str, child: Callable[[str], subprocess.Popen[str]]) -> None:
    process = child(
        "store.add_batch(shared.EPOCH, 0, b'', [shared._digest(n) for n in range(4)], b'')\n"
        "from prover import store as module\n"
        "def stop(*_):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(600)\n"
        "module.insert = lambda table: stop() if table.name == 'zkm2m_accounts' else insert(table)\n"
        "from sqlalchemy import insert\n"
        "store.add_batch(shared.EPOCH, 1, b'', [shared._digest(n) for n in range(4, 8)], b'')"
    )
    _kill(process)
    with Store.open(url) as store:
        _wait_for_lock(store)
        seen = store.progress(EPOCH)
        assert (seen.state, seen.batches, seen.accounts) == ("loading", 1, 4)
        with store.exclusive(EPOCH):
            state = store.begin(EPOCH, IDENTITY)
            assert (state.state, state.resumed) == ("loading", True)
            assert list(store.accounts(EPOCH)) == []
            _load(store, 5)


def test_a52_a_run_killed_among_proofs_continues_where_it_stopped(
    url: str, child: Callable[[str], subprocess.Popen[str]]
) -> None:
    process = child(
        "shared._load(store, 9, refused=1)\n"
        "ended = store.start_attempt(shared.EPOCH, 0, 0, 'worker')\n"
        "shared._record(store, 0, 0)\n"
        "store.end_attempt(ended, 'proven')\n"
        "store.start_attempt(shared.EPOCH, 0, 1, 'worker')\n"
    )
    _kill(process)
    with Store.open(url) as store:
        _wait_for_lock(store)
        with store.exclusive(EPOCH):
            state = store.begin(EPOCH, IDENTITY)
            assert (state.state, state.account_count, state.refused_count) == ("proving", 9, 1)
            assert (store.done(EPOCH, 0), store.pending(EPOCH, 0)) == ([0], [1, 2])
            assert [attempt.outcome for attempt in store.attempts(EPOCH)] == ["proven", "interrupted"]
            assert store.payload(EPOCH, 2) == b"payload 2"


# --- opening


def test_another_schema_version_is_refused(url: str) -> None:
    from sqlalchemy import update

    from prover.store_schema import store_version

    with Store.open(url) as store, store._writer.begin() as connection:
        connection.execute(update(store_version).values(version=99))
    for create in (True, False):
        with pytest.raises(InputError, match=r"store: must be of schema version 1 \(found 99\)"):
            Store.open(url, create=create)


def test_looking_makes_no_store(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"store: is missing|store: holds no epochs"):
        Store.open(url, create=False)
    assert list(tmp_path.iterdir()) == []


def test_a50_a_store_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "private" / "store.sqlite"
    with Store.open(f"sqlite:///{path}") as store, store.exclusive(EPOCH):
        store.begin(EPOCH, IDENTITY)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        names = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
    assert set(names.values()) == {0o600}
    assert {"store.sqlite", "store.sqlite-wal", "store.sqlite.17.lock"} <= set(names)
    path.chmod(0o644)
    Store.open(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "store: must name a file"),
        ("store.sqlite", "store: must be a SQLAlchemy URL"),
        ("mysql://venue:hunter2@host/store", "store: must be a URL of sqlite or postgresql"),
        ("postgresql://venue:hunter2@localhost/store?host=/nonexistent", "store: cannot be opened"),
        ("sqlite:////proc/none/store.sqlite", "cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_opened_is_bad_input(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        Store.open(url)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"not a database " * 100)
    path.chmod(0o644)
    with pytest.raises(InputError, match="file is not a database"):
        Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == b"not a database " * 100
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_sqlite_keeps_what_it_said_it_kept(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/store.sqlite") as store, store._engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    connection = sqlite3.connect(tmp_path / "store.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
