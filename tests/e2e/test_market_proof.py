"""The market proof end to end: signed, proven, verified; and what the verifier must refuse."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from prover.keys import development_keys
from prover.market_proof import prove_market
from prover.paths import build_folder
from rtnet_core.errors import InputError, Refusal
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.market_statement import MarketStatement
from rtnet_core.oracle import OracleSet
from rtnet_core.params import Params, default_params
from rtnet_core.snapshot import Snapshot
from tests.support.command_line import zkm2m, zkm2m_json
from tests.support.oracles import TIME_MS, market, oracle_set, signed_by
from verifier.groth16 import Backend
from verifier.keystore import Keystore
from verifier.market import Ground, MarketVerdict, verify_market
from verifier.policy import Policy

ORACLES = oracle_set(3, 2)
DATA = Path(os.environ.get("ZKM2M_MARKET_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


@dataclass(frozen=True)
class Setting:
    """A proven market and everything that a recipient has."""

    snapshot: Snapshot
    params: Params
    signed: bytes
    bundle: dict[str, Any]
    keys: Keystore

    def verdict(
        self,
        bundle: dict[str, Any] | None = None,
        *,
        signed: bytes | None = None,
        oracles: OracleSet = ORACLES,
        params: Params | None = None,
        policy: Policy | None = None,
        ground: Ground = "proof",
        backend: Backend = "auto",
    ) -> MarketVerdict:
        """Return the verdict, at the market's time unless a policy is given."""
        return verify_market(
            json.dumps(self.bundle if bundle is None else bundle).encode(),
            signed=self.signed if signed is None else signed,
            oracles=oracles,
            params=params or self.params,
            keys=self.keys,
            policy=policy or Policy(now_ms=TIME_MS),
            ground=ground,
            backend=backend,
        )

    def refusal(self, *args: Any, **options: Any) -> str:
        """Return the code of the refusal."""
        with pytest.raises(Refusal) as caught:
            self.verdict(*args, **options)
        return caught.value.code

    def with_signal(self, name: str, value: str) -> dict[str, Any]:
        """Return the bundle with one signal changed."""
        return {**self.bundle, "statement": {**self.bundle["statement"], name: value}}


@cache
def setting() -> Setting:
    """Return a proven market of profile small."""
    snapshot = market(1)
    params = default_params(snapshot)
    signed = signed_by((0, 2), ORACLES, snapshot)
    development_keys("market-small")
    bundle = json.loads(prove_market(signed, ORACLES, params).to_json_bytes())
    return Setting(snapshot, params, signed.to_json_bytes(), bundle, Keystore(build_folder() / "keys"))


@pytest.mark.parametrize("ground", ["proof", "recomputing", "both"])
def test_accepted_by_proof_by_recomputing_and_by_both(ground: Ground) -> None:
    verdict = setting().verdict(ground=ground)
    assert verdict.accepted
    assert verdict.ground == ground
    assert verdict.snapshot.signers == ("oracle-0", "oracle-2")
    assert (verdict.key is None) == (verdict.backend is None) == (ground == "recomputing")
    assurance = {label.figure: label.assurance for label in verdict.labels}
    assert assurance["risk_array"] == ("proven" if ground == "proof" else "recomputed")
    assert json.loads(json.dumps(verdict.to_json()))["statement"] == setting().bundle["statement"]


def test_accepted_by_the_reference_verifier() -> None:
    assert setting().verdict(backend="reference").backend == "reference"


@pytest.mark.parametrize("name", MarketStatement.names())
@pytest.mark.parametrize("step", [1, -1])
def test_a36_each_signal_one_off(name: str, step: int) -> None:
    case = setting()
    changed = case.with_signal(name, str(int(case.bundle["statement"][name]) + step))
    if name == "risk_root":
        assert case.refusal(changed) == "proof_invalid"
        assert case.refusal(changed, ground="recomputing") == "risk_array_mismatch"
        assert case.refusal(changed, ground="both") == "risk_array_mismatch"
    else:
        assert case.refusal(changed) == "statement_mismatch"
        assert case.refusal(changed, ground="recomputing") == "statement_mismatch"


@pytest.mark.parametrize("name", MarketStatement.names())
def test_a33_signals_have_one_spelling(name: str) -> None:
    case = setting()
    honest = int(case.bundle["statement"][name])
    assert case.refusal(case.with_signal(name, str(honest + FIELD_MODULUS))) == "signal_out_of_range"
    assert case.refusal(case.with_signal(name, hex(honest))) == "signal_not_canonical"
    assert case.refusal(case.with_signal(name, f"0{honest}")) == "signal_not_canonical"


def test_a36_a_time_beyond_its_width() -> None:
    assert setting().refusal(setting().with_signal("time_ms", str(1 << 42))) == "signal_out_of_range"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format": "zkm2m/account-proof/v1"}, "malformed_bundle"),
        ({"circuit": "account-small"}, "wrong_circuit"),
        ({"circuit": "market-standard"}, "wrong_circuit"),
        ({"circuit_version": "0" * 64}, "wrong_circuit_version"),
        ({"vk_id": "0" * 64}, "unknown_key"),
        ({"extra": 1}, "malformed_bundle"),
    ],
)
def test_a37_another_form_circuit_version_or_key(change: dict[str, Any], code: str) -> None:
    assert setting().refusal({**setting().bundle, **change}) == code


def test_a27_another_market_set_or_file() -> None:
    case = setting()
    other = signed_by((0, 2), ORACLES, market(2))
    assert case.refusal(signed=other.to_json_bytes()) == "statement_mismatch"
    assert case.refusal(oracles=oracle_set(3, 3)) == "oracle_set_mismatch"
    assert case.refusal(oracles=oracle_set(3, 2, first=4)) == "oracle_set_mismatch"
    # As many oracles, other keys, and their honest signatures: the proof is of the first set.
    theirs = oracle_set(3, 2, first=4)
    assert case.refusal(signed=signed_by((4, 5), theirs, case.snapshot).to_json_bytes(), oracles=theirs) == (
        "statement_mismatch"
    )


def test_a21_other_parameters() -> None:
    case = setting()
    first, *others = case.params.scenarios
    weaker = case.params.model_copy(update={"scenarios": (first.model_copy(update={"cover_bps": 1}), *others)})
    assert case.refusal(params=weaker) == "statement_mismatch"
    assert case.refusal(params=weaker, ground="recomputing") == "statement_mismatch"


def test_a28_stale_or_from_the_future() -> None:
    case = setting()
    assert case.refusal(policy=Policy(now_ms=TIME_MS + 60_001, max_age_ms=60_000)) == "stale"
    assert case.refusal(policy=Policy(now_ms=TIME_MS - 300_001)) == "from_the_future"
    assert case.verdict(policy=Policy(now_ms=TIME_MS + 60_000, max_age_ms=60_000)).snapshot.age_ms == 60_000


def test_a43_production_refuses_a_development_key_unless_the_array_was_recomputed() -> None:
    case = setting()
    policy = Policy(production=True, now_ms=TIME_MS)
    assert case.refusal(policy=policy) == "development_key"
    assert case.verdict(policy=policy, ground="recomputing").key is None


def test_a_quorum_that_is_not_met_is_not_proven() -> None:
    signed = signed_by((0, 2), ORACLES, market(1))
    one = signed.model_copy(update={"signatures": signed.signatures[:1]})
    with pytest.raises(Refusal, match="2 must"):
        prove_market(one, ORACLES, default_params(market(1)))


def test_a_set_that_does_not_fit_the_circuit_is_bad_input() -> None:
    oracles = oracle_set(5, 3)
    with pytest.raises(InputError, match="2 of 3"):
        prove_market(signed_by((0, 1, 2), oracles, market(1)), oracles, default_params(market(1)))


def sign_by_hand(folder: Path, market_file: Path, count: int, quorum: int) -> tuple[Path, Path]:
    """Return a set of oracles and the market that its first `quorum` signed, made on the command line."""
    entries = []
    for number in range(count):
        made = zkm2m_json("oracle", "keygen", "--name", f"oracle-{number}", "--out", folder / f"{number}.key.json")
        entries.append(f"oracle-{number}={made['public_key']}")
    oracles, signed = folder / "oracles.json", folder / "signed.json"
    zkm2m_json("oracle", "set", "--quorum", quorum, "--out", oracles, *entries)
    signatures = [folder / f"{number}.json" for number in range(quorum)]
    for number, path in enumerate(signatures):
        key = folder / f"{number}.key.json"
        zkm2m_json("oracle", "sign", market_file, "--oracles", oracles, "--key", key, "--out", path)
    zkm2m_json("oracle", "combine", market_file, *signatures, "--oracles", oracles, "--out", signed)
    return oracles, signed


def test_on_the_command_line(tmp_path: Path) -> None:
    market_file = tmp_path / "market.json"
    market_file.write_bytes(market(3).to_json_bytes())
    oracles, signed = sign_by_hand(tmp_path, market_file, 3, 2)
    proof = tmp_path / "market-proof.json"
    given = ("--snapshot", signed, "--oracles", oracles)
    development_keys("market-small")
    made = zkm2m_json("prove", "market", *given, "--out", proof)
    assert made["circuit"] == "market-small"
    for by in ("proof", "recomputing", "both"):
        verdict = zkm2m_json("verify", "market", proof, *given, "--by", by)
        assert verdict["accepted"] and verdict["ground"] == by
        assert verdict["statement"] == made["statement"]
    shown = zkm2m("verify", "market", proof, *given)
    assert shown.exit_code == 0
    assert "the proof shows that the risk array follows" in shown.output
    stale = zkm2m("verify", "market", proof, *given, "--max-age", 1)
    assert stale.exit_code == 1
    assert "older than permitted" in stale.output
    bundle = json.loads(proof.read_text())
    bundle["statement"]["risk_root"] = "1"
    proof.write_text(json.dumps(bundle))
    assert zkm2m("verify", "market", proof, *given, "--by", "recomputing").exit_code == 1
    assert zkm2m("verify", "market", proof, "--snapshot", market_file, "--oracles", oracles).exit_code == 2


@pytest.mark.slow
@pytest.mark.market_data
@pytest.mark.skipif(not DATA.exists(), reason="the real market data are not beside the repository")
@pytest.mark.parametrize("moment", ["20260822T035045Z", "20260205T155132Z"], ids=["calm", "crash"])
def test_real_chains_signed_by_three_of_five_and_proven(moment: str, tmp_path: Path) -> None:
    market_file = tmp_path / "market.json"
    chains = [part for coin in ("btc", "eth") for part in ("--chain", DATA / f"deribit_{coin}_chain_{moment}.csv")]
    zkm2m_json("snapshot", "build", *chains, "--out", market_file)
    oracles, signed = sign_by_hand(tmp_path, market_file, 5, 3)
    development_keys("market-standard")
    proof = tmp_path / "market-proof.json"
    given = ("--snapshot", signed, "--oracles", oracles)
    zkm2m_json("prove", "market", *given, "--out", proof)
    verdict = zkm2m_json("verify", "market", proof, *given, "--by", "both")
    assert verdict["accepted"]
    assert verdict["instruments"] == 64
