"""What a proof gives away: canary values are searched for in everything that is left behind."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prover.backends import native_available
from prover.paths import build_folder
from rtnet_core.account import Account
from rtnet_core.errors import ZkM2mError
from tests.support.committed_book import CHALLENGE, Committed, commit, sampled

CASH, LOTS, COLLATERAL, NAME = 918_273_645_546_372, 77_713_571, 31_415_926_535, "canary-5d41402abc4b"
CANARIES = [str(CASH), str(LOTS), str(COLLATERAL), NAME]
BACKENDS = [
    pytest.param("native", marks=pytest.mark.skipif(not native_available(), reason="no native prover")),
    "snarkjs",
]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Committed:
    folder = tmp_path_factory.mktemp("canary")
    sample = sampled(folder / "sample", accounts=4)
    canary = Account(
        id=NAME,
        cash_ticks=CASH,
        collateral={sample.snapshot.assets[0].symbol: COLLATERAL},
        positions={sample.snapshot.instruments[0].name: LOTS},
    )
    return commit(folder, sample.snapshot, [*sample.accounts(), canary], sample.params)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a50_no_canary_in_bundle_output_log_or_files(book: Committed, tmp_path: Path, backend: str) -> None:
    market, record, proof = tmp_path / "market.json", tmp_path / "record.json", tmp_path / "proof.json"
    market.write_bytes(book.snapshot.to_json_bytes())
    record.write_bytes(book.record.to_json_bytes())
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = _shared_memory()
    command = [str(Path(sys.executable).with_name("zkm2m")), "prove", "account", "-", "--book", str(book.folder)]
    command += ["--market", str(market), "--threshold-bps", "10000", "--challenge", CHALLENGE]
    command += ["--out", str(proof), "--backend", backend, "--json"]
    environment = os.environ | {"TMPDIR": str(scratch)}
    run = subprocess.run(
        command, input=f"{NAME}\n", capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=600
    )
    assert run.returncode == 0, run.stderr
    secrets = [*CANARIES, *_salts(book)]
    _assert_absent(secrets, run.stdout + run.stderr, "the command's output")
    _assert_absent(secrets, proof.read_text(), "the bundle")
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path not in (market, record, proof)]
    assert left == [], "nothing but the outputs may be left behind"
    assert _shared_memory() <= before, "nothing may be left in shared memory"
    _assert_absent(secrets, "".join(_texts(build_folder() / "keys")), "the key folder")


def test_a50_errors_and_logs_hide_what_they_refuse(
    book: Committed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bad = [
        {"cash_ticks": 1 << 60},
        {"cash_ticks": CASH, "positions": {book.snapshot.instruments[0].name: LOTS << 9}},
        {"cash_ticks": CASH, "positions": {"X-UNLISTED": LOTS}},
        {"cash_ticks": CASH, "collateral": {book.snapshot.assets[0].symbol: -COLLATERAL}},
        {"cash_ticks": CASH, "collateral": {"X": COLLATERAL}},
        {"cash_ticks": f"{CASH}"},
    ]
    for content in bad:
        with pytest.raises(ZkM2mError) as caught:
            _read_and_commit(book, tmp_path, {"id": NAME, **content})
        _assert_absent([*CANARIES, str(LOTS << 9), str(1 << 60)], f"{caught.value}{caught.value.__cause__}", "an error")
    _assert_absent(CANARIES, caplog.text, "the log")


def test_two_accounts_with_one_statement_give_bundles_that_differ_only_in_the_proof(book: Committed) -> None:
    accounts = [account for account, margin in zip(book.accounts(), book.margins(), strict=True) if margin.clears(1)]
    first, second = (json.loads(book.prove(account.id, 1).to_json_bytes()) for account in accounts[:2])
    assert first.pop("proof") != second.pop("proof")
    assert first == second
    again = json.loads(book.prove(accounts[0].id, 1).to_json_bytes())
    again.pop("proof")
    assert again == first


def test_a51_two_proofs_of_one_witness_differ_and_both_verify(book: Committed) -> None:
    bundles = [book.prove(NAME, 10_000).to_json_bytes() for _ in range(2)]
    assert json.loads(bundles[0])["proof"] != json.loads(bundles[1])["proof"]
    verdicts = [book.verify(bundle) for bundle in bundles]
    assert verdicts[0].statement == verdicts[1].statement, "the statement is the identity, not the proof"


def test_secret_files_are_for_their_owner_only(book: Committed) -> None:
    assert (book.folder / "openings.json").stat().st_mode & 0o077 == 0
    assert (book.folder / "accounts.parquet").stat().st_mode & 0o077 == 0
    assert (book.folder.parent / "venue.pem").stat().st_mode & 0o077 == 0


def _read_and_commit(book: Committed, folder: Path, content: dict[str, object]) -> None:
    account = Account.from_json(json.dumps(content).encode(), "account.json")
    commit(folder, book.snapshot, [account], book.params)


def _salts(book: Committed) -> list[str]:
    return list(json.loads((book.folder / "openings.json").read_bytes())["salts"])


def _shared_memory() -> set[str]:
    folder = Path("/dev/shm")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _texts(folder: Path) -> list[str]:
    return [path.read_text() for path in folder.rglob("*.json")]


def _assert_absent(secrets: list[str], text: str, where: str) -> None:
    assert not [number for number, secret in enumerate(secrets) if secret in text], f"a secret stands in {where}"
