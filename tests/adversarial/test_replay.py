"""Old, foreign and repeated proofs: A28 to A30, and A39 for the register of seen statements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtnet_core.errors import Refusal
from rtnet_core.params import default_params
from tests.support.simulated_groth16 import rerandomised
from tests.support.verifier_setting import (
    AS_OF_MS,
    KEY_JSON,
    NOW_MS,
    OTHER_VENUE_KEY,
    TRAPDOOR,
    Setting,
    bundle_of,
    encoded,
    market,
    record_of,
    setting,
)
from verifier import account
from verifier.policy import Policy
from verifier.replay import SeenRegister, statement_digest

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return setting(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def ceremonial(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return setting(tmp_path_factory.mktemp("keys"), development=False, contributions=2, beacon="00")


def refusal_of(situation: Setting, bundle: dict[str, Any]) -> str:
    """Return the code with which the bundle is refused."""
    with pytest.raises(Refusal) as caught:
        situation.verify(encoded(bundle))
    return caught.value.code


# What follows is about time, A28.


def test_a28_a_snapshot_older_than_the_window_is_refused(honest: Setting) -> None:
    situation = honest.with_(policy=Policy(now_ms=AS_OF_MS + 60_001, max_age_ms=60_000))
    assert refusal_of(situation, bundle_of(honest.statement())) == "stale"


def test_a28_production_refuses_a_snapshot_older_than_a_day(ceremonial: Setting) -> None:
    venue = ceremonial.record.venue_public_key
    policy = Policy(production=True, now_ms=AS_OF_MS + DAY_MS + 1, venue_public_key=venue)
    assert refusal_of(ceremonial.with_(policy=policy), bundle_of(ceremonial.statement())) == "stale"


def test_a28_a_snapshot_from_the_future_is_refused_beyond_the_skew(honest: Setting) -> None:
    situation = honest.with_(policy=Policy(now_ms=AS_OF_MS - 300_001))
    assert refusal_of(situation, bundle_of(honest.statement())) == "from_the_future"


@pytest.mark.parametrize("shift_ms", [-1, 1, DAY_MS])
def test_a28_prices_and_book_of_different_times_are_refused(honest: Setting, shift_ms: int) -> None:
    record = record_of(honest.snapshot, honest.params, as_of_ms=AS_OF_MS + shift_ms)
    situation = honest.with_(record=record, policy=Policy(now_ms=NOW_MS + DAY_MS))
    assert refusal_of(situation, bundle_of(situation.statement())) == "time_mismatch"


def test_a28_a_market_of_another_time_is_refused_although_its_prices_are_the_same(honest: Setting) -> None:
    later = market(time_ms=AS_OF_MS + 1)
    record = record_of(later, default_params(later), as_of_ms=AS_OF_MS)
    assert refusal_of(honest.with_(record=record, snapshot=later), bundle_of(honest.statement())) == "time_mismatch"


# A29: shown again, or to another


def test_a29_the_same_statement_shown_twice_is_refused(honest: Setting, tmp_path: Path) -> None:
    situation = honest.with_(seen=SeenRegister(tmp_path / "seen.jsonl"))
    bundle = bundle_of(honest.statement())
    assert situation.verify(encoded(bundle)).accepted
    assert refusal_of(situation, bundle) == "replayed"
    later = honest.with_(seen=SeenRegister(tmp_path / "seen.jsonl"), policy=Policy(now_ms=NOW_MS + 1))
    assert refusal_of(later, bundle) == "replayed"


def test_a29_another_verdict_or_threshold_is_another_statement(honest: Setting, tmp_path: Path) -> None:
    situation = honest.with_(seen=SeenRegister(tmp_path / "seen.jsonl"))
    for verdict, threshold_bps in ((1, 10_000), (0, 10_000), (1, 9_999)):
        assert situation.verify(encoded(bundle_of(honest.statement(verdict, threshold_bps)))).accepted


def test_a29_a_second_showing_is_refused_before_the_pairing(
    honest: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    situation = honest.with_(seen=SeenRegister(tmp_path / "seen.jsonl"))
    bundle = bundle_of(honest.statement())
    assert situation.verify(encoded(bundle)).accepted
    monkeypatch.setattr(account, "verify", None)
    assert refusal_of(situation, bundle) == "replayed"


def test_a29_a_statement_accepted_elsewhere_during_the_pairing_is_refused(
    honest: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "seen.jsonl"

    def accepted_elsewhere(*_: object) -> bool:
        SeenRegister(path).accept(statement_digest(honest.statement().public_signals()), NOW_MS)
        return True

    monkeypatch.setattr(account, "verify", accepted_elsewhere)
    assert refusal_of(honest.with_(seen=SeenRegister(path)), bundle_of(honest.statement())) == "replayed"


def test_a39_a_failed_proof_does_not_reach_the_register(honest: Setting, tmp_path: Path) -> None:
    situation = honest.with_(seen=SeenRegister(tmp_path / "seen.jsonl"))
    statement = honest.statement()
    wrong = {**bundle_of(statement), "proof": bundle_of(honest.statement(verdict=0))["proof"]}
    assert refusal_of(situation, wrong) == "proof_invalid"
    assert not (tmp_path / "seen.jsonl").exists()
    assert situation.verify(encoded(bundle_of(statement))).accepted


def test_a29_a_proof_made_for_another_recipient_is_refused(honest: Setting) -> None:
    elsewhere = honest.with_(challenge="other-lender.example 2026-07-25T12:00Z 6f1c")
    assert refusal_of(honest, bundle_of(elsewhere.statement())) == "wrong_challenge"


@pytest.mark.parametrize("challenge", ["LENDER", "lender ", " lender", "lender\n", "lender\u200b", "lеnder"])
def test_a29_challenges_are_compared_byte_for_byte(honest: Setting, challenge: str) -> None:
    bundle = bundle_of(honest.with_(challenge="lender").statement())
    assert refusal_of(honest.with_(challenge=challenge), bundle) == "wrong_challenge"


def test_a29_one_venues_proof_shown_for_another_is_refused(honest: Setting) -> None:
    """Both venues run the same market and parameters; the proof is of the first venue's book."""
    bundle = bundle_of(honest.statement())
    other_book = record_of(honest.snapshot, honest.params, OTHER_VENUE_KEY, venue="Other", book_root="987")
    assert refusal_of(honest.with_(record=other_book), bundle) == "statement_mismatch"
    same_book = record_of(honest.snapshot, honest.params, OTHER_VENUE_KEY)
    assert refusal_of(honest.with_(record=same_book), bundle) == "wrong_challenge"


def test_a29_a_record_of_another_venue_is_refused_where_the_venue_is_pinned(honest: Setting) -> None:
    other = honest.with_(
        record=record_of(honest.snapshot, honest.params, OTHER_VENUE_KEY),
        policy=Policy(now_ms=NOW_MS, venue_public_key=honest.record.venue_public_key),
    )
    assert refusal_of(other, bundle_of(other.statement())) == "wrong_venue"


def test_a29_a_proof_of_an_earlier_record_of_the_same_book_is_refused(honest: Setting) -> None:
    earlier = honest.with_(record=record_of(honest.snapshot, honest.params, number=3))
    assert refusal_of(honest, bundle_of(earlier.statement())) == "wrong_challenge"


# A30: other bytes, same statement


def test_a30_a_rerandomised_proof_of_an_accepted_statement_is_a_replay(honest: Setting, tmp_path: Path) -> None:
    situation = honest.with_(seen=SeenRegister(tmp_path / "seen.jsonl"))
    bundle = bundle_of(honest.statement())
    other = {**bundle, "proof": rerandomised(bundle["proof"], KEY_JSON, 1_234_567, 89)}
    assert other["proof"] != bundle["proof"]
    assert honest.verify(encoded(other)).accepted, "without a register it holds by itself"
    assert situation.verify(encoded(bundle)).accepted
    assert refusal_of(situation, other) == "replayed"
    assert (
        refusal_of(
            situation,
            bundle_of(honest.statement(), proof=TRAPDOOR.proof_json(honest.statement().public_signals(), seed="fresh")),
        )
        == "replayed"
    )
