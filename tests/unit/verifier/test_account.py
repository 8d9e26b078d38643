"""The verdict on an account proof: what an honest one says, and the order of what refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.errors import InputError, Refusal
from rtnet_core.statement import Statement
from tests.support import verifier_setting as support
from tests.support.verifier_setting import NOW_MS, Setting, bundle_of, encoded, market, record_of, setting
from verifier import account, groth16
from verifier.policy import Policy
from verifier.replay import SeenRegister, statement_digest


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return setting(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def no_pairing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a pairing is asked for."""

    def fail(*_: object) -> bool:
        raise AssertionError("paired before everything else was compared")

    monkeypatch.setattr(account, "verify", fail)


def refusal_of(situation: Setting, bundle: dict[str, Any]) -> Refusal:
    """Return the refusal that the bundle meets."""
    with pytest.raises(Refusal) as caught:
        situation.verify(encoded(bundle))
    return caught.value


def test_an_honest_proof_is_accepted_with_all_its_figures(honest: Setting, tmp_path: Path) -> None:
    seen = SeenRegister(tmp_path / "seen.jsonl")
    statement = honest.statement()
    verdict = honest.with_(seen=seen).verify(encoded(bundle_of(statement)))
    assert verdict.to_json() == {
        "accepted": True,
        "clears": True,
        "threshold_bps": 10_000,
        "venue": "Example Exchange",
        "venue_public_key": honest.record.venue_public_key.hex(),
        "venue_pinned": False,
        "epoch": 4,
        "as_of_ms": honest.snapshot.time_ms,
        "age_ms": 60_000,
        "challenge": honest.challenge,
        "statement": statement_digest(statement.public_signals()).hex(),
        "key": {"vk_id": support.VK_ID, "development": True, "contributions": 0},
        "circuit": "account-small",
        "backend": groth16.chosen_backend("auto"),
        "labels": json.loads(json.dumps(verdict.to_json()["labels"])),
    }
    assert len(seen.path.read_bytes().splitlines()) == 1


def test_a_proof_of_breach_is_accepted_and_does_not_clear(honest: Setting) -> None:
    pinned = honest.with_(policy=Policy(now_ms=NOW_MS, venue_public_key=honest.record.venue_public_key))
    verdict = pinned.verify(encoded(bundle_of(pinned.statement(verdict=0, threshold_bps=12_500))))
    assert (verdict.accepted, verdict.clears, verdict.threshold_bps) == (True, False, 12_500)
    assert verdict.venue_pinned
    assert {label.figure: label.assurance for label in verdict.labels}["book_root"] == "signed"


def test_under_production_a_ceremonial_key_and_a_pinned_venue_are_accepted(tmp_path: Path) -> None:
    situation = setting(tmp_path, development=False, contributions=2, beacon="0123")
    policy = Policy(production=True, now_ms=NOW_MS, venue_public_key=situation.record.venue_public_key)
    verdict = situation.with_(policy=policy).verify(encoded(bundle_of(situation.statement())))
    assert (verdict.key.development, verdict.key.contributions) == (False, 2)


def test_labels_without_a_pinned_venue_call_nothing_signed(honest: Setting) -> None:
    labels = account.account_labels(venue_pinned=False)
    assert {label.assurance for label in labels} == {"proven", "recomputed", "stated"}
    assert [label.figure for label in labels if label.assurance == "proven"] == ["clears", "threshold_bps", "challenge"]


def test_a_proof_that_does_not_hold_is_refused_and_not_registered(honest: Setting, tmp_path: Path) -> None:
    seen = SeenRegister(tmp_path / "seen.jsonl")
    statement = honest.statement(verdict=0)
    bundle = bundle_of(statement)
    bundle["statement"]["verdict"] = "1"
    assert refusal_of(honest.with_(seen=seen), bundle).code == "proof_invalid"
    assert not seen.path.exists()


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize("name", ["risk_root", "params_root", "book_root"])
def test_a_signal_other_than_the_rebuilt_one_is_named(honest: Setting, name: str) -> None:
    statement = honest.statement()
    changed = Statement(**{**{n: getattr(statement, n) for n in Statement.names()}, name: 7})
    refusal = refusal_of(honest, bundle_of(changed))
    assert (refusal.code, name in refusal.message) == ("statement_mismatch", True)


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"risk_root": "5"}, "risk_root_mismatch"),
        ({"params_root": "5"}, "params_mismatch"),
        ({"snapshot_hash": "5"}, "snapshot_mismatch"),
        ({"profile": "standard"}, "profile_mismatch"),
        ({"as_of_ms": support.AS_OF_MS - 1}, "time_mismatch"),
        ({"signed_at_ms": NOW_MS + 300_001}, "from_the_future"),
    ],
)
def test_a_record_that_states_something_else_than_recomputed_is_refused(
    honest: Setting, changes: dict[str, Any], code: str
) -> None:
    situation = honest.with_(record=record_of(honest.snapshot, honest.params, **changes))
    assert refusal_of(situation, bundle_of(honest.statement())).code == code


@pytest.mark.usefixtures("no_pairing")
def test_parameters_other_than_the_signed_ones_are_refused(honest: Setting) -> None:
    milder = [scenario.model_copy(update={"cover_bps": 1}) for scenario in honest.params.scenarios]
    params = honest.params.model_copy(update={"scenarios": tuple(milder)})
    assert refusal_of(honest.with_(params=params), bundle_of(honest.statement())).code == "params_mismatch"


@pytest.mark.usefixtures("no_pairing")
def test_a_market_other_than_the_signed_one_is_refused(honest: Setting) -> None:
    dearer = market(underlyings=[{"symbol": "BTC", "lot": "0.0001", "index_ticks": 7_860_555}])
    assert refusal_of(honest.with_(snapshot=dearer), bundle_of(honest.statement())).code == "snapshot_mismatch"


@pytest.mark.usefixtures("no_pairing")
def test_a_record_changed_after_signing_is_refused(honest: Setting) -> None:
    record = honest.record.model_copy(update={"number": 5})
    assert refusal_of(honest.with_(record=record), bundle_of(honest.statement())).code == "record_signature_invalid"


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (Policy(now_ms=NOW_MS, threshold_bps=10_001), "threshold_mismatch"),
        (Policy(now_ms=NOW_MS, max_age_ms=59_999), "stale"),
        (Policy(now_ms=support.AS_OF_MS - 300_001), "from_the_future"),
        (Policy(now_ms=NOW_MS, venue_public_key=b"\x01" * 32), "wrong_venue"),
    ],
)
def test_the_policy_is_applied_before_the_pairing(honest: Setting, policy: Policy, code: str) -> None:
    assert refusal_of(honest.with_(policy=policy), bundle_of(honest.statement())).code == code


def test_production_without_a_pinned_venue_is_refused(tmp_path: Path) -> None:
    situation = setting(tmp_path, development=False, contributions=2, beacon="00")
    situation = situation.with_(policy=Policy(production=True, now_ms=NOW_MS))
    assert refusal_of(situation, bundle_of(situation.statement())).code == "venue_key_not_pinned"


def test_an_empty_challenge_is_an_input_error(honest: Setting) -> None:
    with pytest.raises(InputError, match="challenge"):
        honest.with_(challenge="").verify(encoded(bundle_of(honest.statement())))
