"""Run a case of the corpus through this software's verifier, from nothing but the corpus's files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

from rtnet_core.errors import InputError, Refusal
from rtnet_core.oracle import OracleSet
from rtnet_core.params import Params
from rtnet_core.record import Record
from rtnet_core.reserves import Reserves
from rtnet_core.snapshot import Snapshot
from tests.conformance.corpus_files import CORPUS, INDEX_NAME
from verifier.account import verify_account
from verifier.chain import verify_chain
from verifier.epoch import verify_epoch
from verifier.epoch_files import EpochFolder
from verifier.groth16 import Backend
from verifier.inclusion import verify_inclusion
from verifier.keystore import Keystore
from verifier.market import verify_market
from verifier.oracle import verify_signed_snapshot
from verifier.policy import Policy
from verifier.replay import SeenRegister

#: Codes that no file alone brings about, each with the reason.
NO_CASE: Final = {
    "price_jump": "a venue meets it when it builds a snapshot from quotes; no verifier does",
    "surface_arbitrage": "a venue meets it when it fits a surface to quotes; no verifier does",
    "oracle_other_snapshot": "met when signatures are put together; in a signed snapshot such a one does not hold",
}


def cases() -> list[dict[str, Any]]:
    """Return the cases of the index."""
    index = json.loads((CORPUS / INDEX_NAME).read_bytes())
    found: list[dict[str, Any]] = index["cases"]
    return found


def outcome(case: dict[str, Any], backend: Backend, scratch: Path) -> dict[str, Any]:
    """Return what the verifier says of a case, in the form of its expectation.

    Parameters
    ----------
    case
        Of the index.
    backend
        What checks the pairing.
    scratch
        An empty folder: epochs and chains are put together there, and a register may be written.
    """
    try:
        return {"outcome": "accepted", **_VERDICTS[case["kind"]](case["given"], backend, scratch)}
    except Refusal as refusal:
        return {"outcome": "refused", "code": refusal.code}
    except InputError:
        return {"outcome": "bad_input"}


def _account(given: dict[str, Any], backend: Backend, scratch: Path) -> dict[str, Any]:
    seen = given.get("seen")
    verdict = verify_account(
        _bytes(given["bundle"]),
        snapshot=Snapshot.from_json(_bytes(given["market"])),
        params=Params.from_json(_bytes(given["params"])),
        record=Record.from_json(_bytes(given["record"])),
        challenge=given["challenge"],
        keys=_keys(given),
        policy=_policy(given),
        backend=backend,
        seen=None if seen is None else SeenRegister(Path(shutil.copy(CORPUS / seen, scratch))),
    )
    return {"clears": verdict.clears}


def _snapshot(given: dict[str, Any], _backend: Backend, _scratch: Path) -> dict[str, Any]:
    verdict = verify_signed_snapshot(_bytes(given["signed"]), oracles=_oracles(given), policy=_policy(given))
    return {"signers": list(verdict.signers), "age_ms": verdict.age_ms}


def _market(given: dict[str, Any], backend: Backend, _scratch: Path) -> dict[str, Any]:
    verdict = verify_market(
        _bytes(given["bundle"]),
        signed=_bytes(given["signed"]),
        oracles=_oracles(given),
        params=Params.from_json(_bytes(given["params"])),
        keys=_keys(given),
        policy=_policy(given),
        ground=given["ground"],
        backend=backend,
    )
    return {"risk_root": str(verdict.statement.risk_root)}


def _epoch(given: dict[str, Any], backend: Backend, scratch: Path) -> dict[str, Any]:
    for name, path in given["epoch"].items():
        shutil.copy(CORPUS / path, scratch / name)
    previous, reserves = given.get("previous"), given.get("reserves")
    verdict = verify_epoch(
        EpochFolder(scratch),
        keys=_keys(given),
        policy=_policy(given),
        previous=None if previous is None else Record.from_json(_bytes(previous)),
        reserves=None if reserves is None else Reserves.from_json(_bytes(reserves)),
        backend=backend,
    )
    return {
        "account_count": verdict.account_count,
        "below_threshold": verdict.below_threshold,
        "covered": verdict.covered,
    }


def _chain(given: dict[str, Any], _backend: Backend, scratch: Path) -> dict[str, Any]:
    for folder, path in given["records"].items():
        (scratch / folder).mkdir()
        shutil.copy(CORPUS / path, scratch / folder / "record.json")
    verdict = verify_chain(scratch, _policy(given))
    return {"first": verdict.links[0].number, "last": verdict.links[-1].number}


def _inclusion(given: dict[str, Any], _backend: Backend, _scratch: Path) -> dict[str, Any]:
    verdict = verify_inclusion(
        _bytes(given["inclusion"]),
        record=Record.from_json(_bytes(given["record"])),
        snapshot=Snapshot.from_json(_bytes(given["market"])),
        policy=_policy(given),
    )
    return {"account": verdict.account_id}


_VERDICTS = {
    "account": _account,
    "snapshot": _snapshot,
    "market": _market,
    "epoch": _epoch,
    "chain": _chain,
    "inclusion": _inclusion,
}


def _bytes(path: str) -> bytes:
    return (CORPUS / path).read_bytes()


def _oracles(given: dict[str, Any]) -> OracleSet:
    return OracleSet.from_json(_bytes(given["oracles"]))


def _keys(given: dict[str, Any]) -> Keystore:
    return Keystore(CORPUS / given["keys"], given.get("pins"), given.get("versions"))


def _policy(given: dict[str, Any]) -> Policy:
    policy = dict(given["policy"])
    if "venue_public_key" in policy:
        policy["venue_public_key"] = bytes.fromhex(policy["venue_public_key"])
    return Policy(**policy)
