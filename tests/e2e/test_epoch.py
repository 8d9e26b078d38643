"""A whole book, from its rows to a folder that a stranger verifies; small profile, real proofs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from prover.account_proof import included_account, prove_account
from prover.epoch_events import EpochEvent
from prover.inclusions import InclusionExporter
from prover.keys import development_keys
from prover.paths import build_folder
from prover.store import Store
from prover.workers import LocalWorkers
from rtnet_core.account import Account
from rtnet_core.book_sample import sample_book
from rtnet_core.commitments import EMPTY_LEAF, node
from rtnet_core.errors import InputError
from rtnet_core.market_sample import sample_market
from rtnet_core.params import default_params
from tests.support.command_line import ROOT, zkm2m
from tests.support.epochs import House, house, record_of
from verifier.account import verify_account
from verifier.epoch import verify_epoch
from verifier.epoch_files import EpochFolder
from verifier.epoch_verdict import EpochVerdict
from verifier.inclusion import verify_inclusion
from verifier.keystore import Keystore

BATCH = 4  # of the small profile


def accepted(epoch: Path) -> EpochVerdict:
    """Return the verdict on an epoch that is accepted."""
    verdict = verify_epoch(EpochFolder(epoch), keys=Keystore(build_folder() / "keys"))
    assert verdict.accepted
    return verdict


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> House:
    """21 accounts: six batches, two merges, and one over them."""
    made = house(tmp_path_factory.mktemp("venue"))
    made.prove(made.book(21))
    return made


def test_an_epoch_is_accepted_and_adds_up_to_its_book(proven: House) -> None:
    assert accepted(proven.epochs / "1").account_count == 21
    accounts = list(sample_book(proven.snapshot, default_params(proven.snapshot), 21, 5))
    totals = record_of(proven.epochs / "1").require_proven().totals
    assert int(totals.cash_ticks) == sum(account.cash_ticks for account in accounts)
    for symbol, units in totals.collateral.items():
        assert int(units) == sum(account.collateral.get(symbol, 0) for account in accounts)
    assert totals.net_lots == {}


def test_every_customer_finds_their_account_and_a26_no_leaf_is_seen_twice(proven: House) -> None:
    record = record_of(proven.epochs / "1")
    with Store.open(proven.store_url) as store:
        files = list(InclusionExporter(store, record).all())
        again = InclusionExporter(store, record).one(files[17].account.id)
    assert again == files[17]
    assert [entry.index for entry in files] == list(range(21))
    for entry in files:
        assert verify_inclusion(entry.to_json_bytes(), record=record, snapshot=proven.snapshot).accepted
    assert len({entry.salt for entry in files}) == 21


def test_a_customer_proves_their_account_with_the_inclusion_file_alone(proven: House) -> None:
    development_keys("account-small")
    epoch = proven.epochs / "1"
    record = record_of(epoch)
    with Store.open(proven.store_url) as store:
        mine = InclusionExporter(store, record).one("acct-000002")
    params = default_params(proven.snapshot)
    bundle = prove_account(lambda: included_account(mine, record, proven.snapshot, params), 10_000, "lender, 1")
    verdict = verify_account(
        bundle.to_json_bytes(),
        snapshot=proven.snapshot,
        params=params,
        record=record,
        challenge="lender, 1",
        keys=Keystore(build_folder() / "keys"),
    )
    assert verdict.accepted
    assert verdict.epoch == 1
    richer = mine.account.model_copy(update={"cash_ticks": mine.account.cash_ticks + 1})
    for changed in ({"account": richer}, {"index": mine.index ^ 1}, {"siblings": mine.siblings[:-1]}):
        with pytest.raises(InputError, match="must lead to the book root"):
            included_account(mine.model_copy(update=changed), record, proven.snapshot, params)
    with pytest.raises(InputError, match="must be of epoch 1 as its record states it"):
        included_account(mine.model_copy(update={"record": "0" * 64}), record, proven.snapshot, params)


def test_a26_an_unchanged_book_shares_no_commitment_with_the_epoch_before(tmp_path: Path) -> None:
    venue = house(tmp_path)
    first = venue.prove(venue.book(6))
    venue.snapshot = venue.later()
    second = venue.prove(venue.book(6), previous=first.record)
    assert second.record.number == 2
    assert second.record.previous == first.record.digest().hex()
    seen: list[set[str]] = []
    for number in (1, 2):
        lines = [json.loads(line) for line in (venue.epochs / str(number) / "proofs.jsonl").read_text().splitlines()]
        seen.append({line[name] for line in lines for name in ("batch_root", "totals") if name in line})
        with Store.open(venue.store_url) as store:
            nodes = b"".join(store.nodes(number, batch) for batch in range(2))
        seen[-1] |= {nodes[at : at + 32].hex() for at in range(0, len(nodes), 32)} - {"00" * 32}
    empty_subtree = node(EMPTY_LEAF, EMPTY_LEAF).to_bytes(32, "big").hex()
    assert seen[0] & seen[1] == {empty_subtree}


@pytest.mark.parametrize("accounts", [1, BATCH - 1, BATCH, BATCH + 1])
def test_a16_every_size_around_a_batch(tmp_path: Path, accounts: int) -> None:
    _require_size(tmp_path, accounts)


@pytest.mark.slow
def test_a16_sixty_four_batches_and_one_account(tmp_path: Path) -> None:
    _require_size(tmp_path, 64 * BATCH + 1)


def _require_size(folder: Path, accounts: int) -> None:
    venue = house(folder)
    if accounts == 1:  # a book in which every long has its short: one account alone holds nothing
        book = venue.book([Account.from_json({"id": "only", "cash_ticks": 5, "collateral": {}, "positions": {}})])
    else:
        book = venue.book(accounts)
    result = venue.prove(book)
    assert accepted(result.folder).account_count == accounts
    with Store.open(venue.store_url) as store:
        entries = list(InclusionExporter(store, result.record).all())
    assert len({entry.account.id for entry in entries}) == accounts


def test_a16_rows_are_proven_or_refused_with_a_reason_and_counted(tmp_path: Path) -> None:
    venue = house(tmp_path)
    book = venue.book(6) / "accounts.parquet"
    lines = [account.to_line() for account in sample_book(venue.snapshot, default_params(venue.snapshot), 6, 5)]
    broken = [
        b'{"id": "cash", "cash_ticks": 1.5, "collateral": {}, "positions": {}}\n',
        lines[0],
        b'{"id": "unlisted", "cash_ticks": 1, "collateral": {}, "positions": {"NO-SUCH": 987654}}\n',
    ]
    book.unlink()
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_bytes(b"".join([*lines[:4], *broken, *lines[4:]]))
    with pytest.raises(InputError, match="3 rows break a rule, the first is row 5") as caught:
        venue.prove(mixed)
    assert "987654" not in str(caught.value)
    assert not venue.epochs.exists()
    result = venue.prove(mixed, count_refused=True)
    assert result.record.account_count == 6
    assert result.proven.refused_rows == 3
    with Store.open(venue.store_url) as store:
        reasons = dict(store.refusals(1))
    assert set(reasons) == {5, 6, 7}
    assert "unique" in reasons[6]
    listed = zkm2m("epoch", "refused", venue.epochs / "1", "--json")
    assert [json.loads(line)["row"] for line in listed.stdout.splitlines()] == [5, 6, 7]
    assert "3 rows refused" in zkm2m("epoch", "refused", venue.epochs / "1").stdout


def test_a_long_without_its_short_is_refused_before_any_proof(tmp_path: Path) -> None:
    venue = house(tmp_path)
    name = venue.snapshot.instruments[0].name
    account = {"id": "alone", "cash_ticks": 10**12, "collateral": {}, "positions": {name: 7}}
    with pytest.raises(InputError, match=f"the net position is not zero in {name}$"):
        venue.prove(venue.book([Account.from_json(account)]))
    assert not venue.epochs.exists()


def test_a_deficit_beyond_the_insurance_fund_is_refused_before_any_proof(tmp_path: Path) -> None:
    venue = house(tmp_path, fund_ticks=99)
    owing = Account.from_json({"id": "owing", "cash_ticks": -100, "collateral": {}, "positions": {}})
    with pytest.raises(InputError, match="insurance_fund_ticks: must cover the deficits"):
        venue.prove(venue.book([owing]))
    covered = house(tmp_path, fund_ticks=100)
    result = covered.prove(covered.book([owing]), restart=True)
    totals = result.proven.totals
    assert (totals.deficit_accounts, totals.deficit_ticks, totals.cash_ticks) == (1, "100", "-100")
    assert totals.below_threshold == 1


def test_a_published_epoch_is_not_proven_again(proven: House) -> None:
    with pytest.raises(InputError, match="exists already"):
        proven.prove(proven.folder / "book")


def test_a52_two_runs_do_not_work_on_one_epoch(tmp_path: Path) -> None:
    venue = house(tmp_path)
    book = venue.book(6)
    with (
        Store.open(venue.store_url) as other,
        other.exclusive(1),
        pytest.raises(InputError, match="another run works on epoch 1"),
    ):
        venue.prove(book)
    assert venue.prove(book).record.number == 1


def test_a52_an_epoch_begun_with_another_book_is_not_continued(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(event: EpochEvent) -> None:
        if event.stage == "proving" and event.done == 1:
            raise Stop

    venue = house(tmp_path)
    with pytest.raises(Stop):
        venue.prove(venue.book(9), observe=stop)
    other = venue.book(9, seed=6, name="other")
    with pytest.raises(InputError, match="book_fingerprint; --restart discards it"):
        venue.prove(other)
    assert venue.prove(other, restart=True).proofs_made == 3 + 1


def test_a52_a_worker_killed_in_mid_proof_is_replaced(tmp_path: Path) -> None:
    venue = house(tmp_path)
    workers = LocalWorkers(2)
    killed: list[int] = []
    told: list[str] = []
    pools: list[object] = []

    def kill_one(event: EpochEvent) -> None:
        told.append(event.detail)
        if workers._pool is not None and workers._pool not in pools:
            pools.append(workers._pool)
        if event.stage == "proving" and event.done == 1 and not killed:
            assert workers._pool is not None
            killed.append(next(iter(workers._pool._processes)))
            os.kill(killed[0], signal.SIGKILL)

    result = venue.prove(venue.book(21), workers, kill_one)
    assert killed
    # It had a job, which is told and done again, or it died between two jobs, and new workers take the next one.
    assert any("a worker process died" in detail for detail in told) or len(pools) > 1
    accepted(result.folder)


def command(venue: House, book: Path) -> list[str]:
    words = ("--book", str(book), "--market", "market.json", "--out", "epochs", "--workers", "1", "--json")
    return [sys.executable, "-m", "cli", "prove", "epoch", *words]


def events_until(process: subprocess.Popen[str], done: int) -> list[dict[str, Any]]:
    """Return the events of a run up to `done` proofs, or all of them."""
    assert process.stdout is not None
    found = []
    for line in process.stdout:
        found.append(json.loads(line))
        if found[-1].get("event") == "proving" and found[-1]["done"] >= done:
            break
    return found


def test_a52_a_run_killed_at_any_moment_goes_on_where_it_was(tmp_path: Path) -> None:
    venue = house(tmp_path)
    book = venue.book(21)
    (tmp_path / "market.json").write_bytes(venue.snapshot.to_json_bytes())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed_after = []
    for done in (0, 1):
        process = subprocess.Popen(
            command(venue, book), cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
        )
        found = events_until(process, done)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        killed_after.append(found[-1]["done"])
        assert not (tmp_path / "epochs" / "1").exists()
    ended = subprocess.run(
        command(venue, book), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    last = json.loads(ended.stdout.splitlines()[-1])
    assert last["event"] == "published"
    assert last["proofs_made"] <= 9 - killed_after[-1]
    accepted(tmp_path / "epochs" / "1")
    lines = [json.loads(line) for line in (tmp_path / "epochs" / "1" / "proofs.jsonl").read_text().splitlines()]
    assert len({(line["level"], line["number"]) for line in lines}) == len(lines) == 9
    _require_no_process_below(tmp_path)


def _require_no_process_below(folder: Path) -> None:
    """Workers of a killed run end with it."""
    deadline = time.monotonic() + 30
    while left := _processes_in(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def _processes_in(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                inside = (entry / "cwd").readlink() == folder
            except OSError:
                continue
            if inside:
                found.append(int(entry.name))
    return found


def test_a50_nothing_secret_is_published_printed_or_left(tmp_path: Path) -> None:
    venue = house(tmp_path)
    canaries = ("canary-customer", "31337000111222", "27182818")
    name = venue.snapshot.instruments[0].name
    secret = {
        "id": canaries[0],
        "cash_ticks": int(canaries[1]),
        "collateral": {},
        "positions": {name: int(canaries[2])},
    }
    other = {"id": "other", "cash_ticks": 888_888_888_888_888, "collateral": {}, "positions": {name: -int(canaries[2])}}
    book = venue.book([Account.from_json(secret), Account.from_json(other)])
    (tmp_path / "market.json").write_bytes(venue.snapshot.to_json_bytes())
    ended = subprocess.run(
        command(venue, book),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    published = "".join(file.read_text() for file in (tmp_path / "epochs").rglob("*") if file.is_file())
    for text in (published, ended.stdout, ended.stderr):
        assert not [canary for canary in canaries if canary in text]
    private = tmp_path / "epochs.private"
    assert private.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in private.iterdir())


@pytest.mark.slow
def test_an_epoch_at_the_full_profile(tmp_path: Path) -> None:
    venue = House(tmp_path, sample_market(7, "standard"))
    result = venue.prove(venue.book(65))
    verdict = accepted(result.folder)
    assert verdict.account_count == 65
    assert {line.circuit: line.proofs for line in verdict.circuits} == {"batch-standard": 2, "merge-standard": 1}
