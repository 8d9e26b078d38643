"""The main job by the command line, at the small profile: market, book, record, margin, proof, verdict, exit code."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prover.keys import development_keys
from rtnet_core.account import Book, write_book
from tests.support.command_line import zkm2m, zkm2m_json, zkm2m_process
from verifier.reasons import REASONS

CHALLENGE = "lender.example, 2026-11-21, 7f3a"


@dataclass(frozen=True)
class Desk:
    """A folder with a market, a committed book, the venue's key, and two proofs about one account."""

    folder: Path
    account: str
    ratio_bps: int

    def path(self, name: str) -> Path:
        """Return a file of the folder."""
        return self.folder / name

    def prove(self, threshold_bps: int, out: str, *words: object) -> Any:
        """Return what ``prove account --json`` prints."""
        return zkm2m_json(
            *("prove", "account", self.account, "--book", self.path("book"), "--market", self.path("market.json")),
            *("--threshold-bps", threshold_bps, "--challenge", CHALLENGE, "--out", self.path(out), *words),
        )

    def verify(self, proof: str, *words: object, challenge: str = CHALLENGE, exit_code: int = 0) -> Any:
        """Return what ``verify --json`` prints."""
        return zkm2m_json("verify", *self.verify_words(proof, challenge), *words, exit_code=exit_code)

    def verify_words(self, proof: str, challenge: str = CHALLENGE) -> tuple[object, ...]:
        """Return the words behind ``verify``."""
        return (
            *(self.path(proof), "--market", self.path("market.json"), "--record", self.path("record.json")),
            *("--challenge", challenge),
        )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The small circuit and its keys are made if they are not there yet."""
    development_keys("account-small")
    folder = tmp_path_factory.mktemp("desk with a blank")
    market, book = folder / "market.json", folder / "book"
    zkm2m_json("market", "sample", "--seed", 11, "--profile", "small", "--out", market)
    zkm2m_json("book", "sample", "--market", market, "--accounts", 12, "--seed", 4, "--out", book)
    public = zkm2m_json("keys", "venue", "--out", folder / "venue.pem")["venue_public_key"]
    record = zkm2m_json(
        *("book", "commit", book, "--market", market, "--key", folder / "venue.pem", "--out", folder / "record.json")
    )
    assert record["venue_public_key"] == public
    (folder / "venue.hex").write_text(public)
    for number in range(12):
        name = f"acct-{number:06d}"
        margin = zkm2m_json("margin", name, "--book", book, "--market", market)
        if margin["ratio_bps"] is not None and 10_000 < margin["ratio_bps"] < 100_000:
            break
    made = Desk(folder, name, margin["ratio_bps"])
    assert made.prove(made.ratio_bps, "clears.json")["clears"] is True
    assert made.prove(made.ratio_bps + 1, "below.json")["clears"] is False
    return made


def test_an_account_at_its_ratio_clears_and_one_basis_point_above_it_does_not(desk: Desk) -> None:
    accepted = desk.verify("clears.json")
    assert (accepted["accepted"], accepted["clears"]) == (True, True)
    assert accepted["threshold_bps"] == desk.ratio_bps
    assert accepted["key"]["development"] is True
    below = desk.verify("below.json", exit_code=3)
    assert (below["accepted"], below["clears"]) == (True, False)


@pytest.mark.parametrize("words", [("verify",), ("verify", "account")])
def test_the_verdict_is_readable_and_warns(desk: Desk, words: tuple[str, ...]) -> None:
    result = zkm2m(*words, *desk.verify_words("clears.json"))
    assert result.exit_code == 0
    assert "accepted: the account clears" in result.stdout
    assert "development key" in result.stdout
    assert "venue key not given" in result.stdout
    below = zkm2m(*words, *desk.verify_words("below.json"))
    assert below.exit_code == 3
    assert "accepted: the account is below" in below.stdout


def test_options_may_stand_before_the_proof(desk: Desk) -> None:
    proof, *rest = desk.verify_words("clears.json")
    assert zkm2m("verify", "--json", *rest, proof).exit_code == 0


def test_the_recipient_works_in_a_process_and_folder_of_its_own(desk: Desk, tmp_path: Path) -> None:
    for name in ("clears.json", "market.json", "record.json"):
        shutil.copy(desk.path(name), tmp_path)
    words = ("--market", "market.json", "--record", "record.json")
    public = desk.path("venue.hex").read_text()
    pinned = ("--venue-key", public, "--threshold-bps", desk.ratio_bps)
    accepted = zkm2m_process(
        "verify", "clears.json", *words, "--challenge", CHALLENGE, *pinned, "--json", folder=tmp_path
    )
    assert accepted.returncode == 0, accepted.stderr
    assert json.loads(accepted.stdout)["venue_pinned"] is True
    refused = zkm2m_process("verify", "clears.json", *words, "--challenge", "another", folder=tmp_path)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "refused: wrong_challenge: " in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("development_key", ("--production",)),
        ("threshold_mismatch", ("--threshold-bps", "1")),
        ("wrong_venue", ("--venue-key", "ab" * 32)),
        ("stale", ("--max-age", "0")),
    ],
)
def test_each_condition_refuses_with_its_reason(desk: Desk, reason: str, words: tuple[str, ...]) -> None:
    refused = desk.verify("clears.json", *words, exit_code=1)
    assert refused["accepted"] is False
    assert refused["reason"] == reason
    assert refused["message"].startswith(REASONS[reason])


def test_a29_a_proof_for_another_recipient_is_refused(desk: Desk) -> None:
    assert desk.verify("clears.json", challenge="someone else", exit_code=1)["reason"] == "wrong_challenge"


def test_a29_a_proof_shown_twice_is_refused_by_the_register(desk: Desk, tmp_path: Path) -> None:
    seen = tmp_path / "seen.jsonl"
    desk.verify("clears.json", "--seen", seen)
    assert desk.verify("clears.json", "--seen", seen, exit_code=1)["reason"] == "replayed"


def test_a_changed_market_or_parameters_are_refused(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "market.json"
    zkm2m_json("market", "sample", "--seed", 12, "--profile", "small", "--out", other)
    assert desk.verify("clears.json", "--market", other, exit_code=1)["reason"] == "snapshot_mismatch"
    params = tmp_path / "params.json"
    zkm2m_json("market", "params", desk.path("market.json"), "--out", params)
    assert desk.verify("clears.json", "--params", params)["accepted"] is True
    content = json.loads(params.read_bytes())
    content["underlyings"][0]["delta_rate_bps"] += 1
    params.write_text(json.dumps(content))
    assert desk.verify("clears.json", "--params", params, exit_code=1)["reason"] == "params_mismatch"


def test_a_recipient_without_the_key_refuses(desk: Desk, tmp_path: Path) -> None:
    assert desk.verify("clears.json", "--keys", tmp_path, exit_code=1)["reason"] == "unknown_key"


@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_both_verdicts_hold_on_every_backend(desk: Desk, backend: str) -> None:
    assert desk.verify("clears.json", "--backend", backend)["clears"] is True
    assert desk.verify("below.json", "--backend", backend, exit_code=3)["clears"] is False


def test_snarkjs_proves_the_same(desk: Desk) -> None:
    made = desk.prove(desk.ratio_bps, "snarkjs.json", "--backend", "snarkjs")
    assert made["backend"] == "snarkjs"
    one, other = (json.loads(desk.path(name).read_bytes()) for name in ("clears.json", "snarkjs.json"))
    assert one.pop("proof") != other.pop("proof")
    assert one == other
    desk.verify("snarkjs.json")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("acct-000099", "--threshold-bps", 1), "is not in the book"),
        (("acct-000000", "--threshold-bps", 1 << 20), "--threshold-bps"),
        (("acct-000000", "--threshold-bps", 1, "--challenge", ""), "challenge"),
        (("acct-000000", "--threshold-bps", 1, "--backend", "other"), "--backend"),
        (("acct-000000", "--threshold-bps", 1, "--out", "absent/proof.json"), "its folder does not exist"),
        (("acct-000000", "--threshold-bps", 1, "--market", "absent.json"), "absent.json: cannot be read"),
    ],
)
def test_bad_input_to_the_prover_ends_with_2_and_leaves_no_proof(
    desk: Desk, tmp_path: Path, words: tuple[object, ...], said: str
) -> None:
    out = tmp_path / "proof.json"
    start = ("prove", "account", "--book", desk.path("book"), "--market", desk.path("market.json"))
    result = zkm2m(*start, "--challenge", CHALLENGE, "--out", out, *words)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert not out.exists()


def test_an_uncommitted_or_changed_book_is_bad_input(desk: Desk, tmp_path: Path) -> None:
    book = tmp_path / "book"
    shutil.copytree(desk.path("book"), book)
    words = ("prove", "account", desk.account, "--book", book, "--market", desk.path("market.json"))
    words += ("--threshold-bps", 1, "--challenge", CHALLENGE, "--out", tmp_path / "proof.json")
    first, *others = Book(book)
    raised = first.model_copy(update={"cash_ticks": first.cash_ticks + 1})
    write_book(book, [raised, *others], Book(book).header.market, overwrite=True)
    changed = zkm2m(*words)
    assert changed.exit_code == 2
    (book / "openings.json").unlink()
    uncommitted = zkm2m(*words)
    assert uncommitted.exit_code == 2
    assert "zkm2m book commit" in uncommitted.stderr


@pytest.mark.parametrize("name", ["clears.json", "market.json", "record.json"])
def test_a_file_that_is_no_json_is_refused_without_a_traceback(desk: Desk, tmp_path: Path, name: str) -> None:
    for other in ("clears.json", "market.json", "record.json"):
        shutil.copy(desk.path(other), tmp_path)
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf{")
    result = zkm2m(
        *("verify", tmp_path / "clears.json", "--market", tmp_path / "market.json"),
        *("--record", tmp_path / "record.json", "--challenge", CHALLENGE),
    )
    assert result.exit_code == (1 if name == "clears.json" else 2)
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", ["market", "record", "params"])
def test_a35_a_nesting_bomb_ends_with_2_and_not_with_a_crash(desk: Desk, tmp_path: Path, name: str) -> None:
    bomb = tmp_path / "bomb.json"
    bomb.write_bytes(b"[" * 200_000 + b"]" * 200_000)
    result = zkm2m_process("verify", *desk.verify_words("clears.json"), f"--{name}", bomb, folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")


def test_a50_nothing_of_the_account_is_in_the_proof_file(desk: Desk) -> None:
    bundle = desk.path("clears.json").read_text()
    openings = json.loads((desk.path("book") / "openings.json").read_bytes())
    assert desk.account not in bundle
    assert not any(secret in bundle for secret in (*openings["salts"], *openings["leaves"]))
