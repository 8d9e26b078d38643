"""``zkm2m verify market``: the verdict on a signed market and the risk array that follows from it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.files import read_bytes, read_params
from cli.options import JsonFlag, ParamsOption
from cli.oracle import OraclesOption, read_set
from cli.progress import stages
from cli.render import console, duration, facts, print_json, utc
from cli.verify_options import (
    BackendOption,
    KeysOption,
    MaxAgeOption,
    VerifierBackend,
    VkIdOption,
    grounds_table,
    own_keys,
)
from rtnet_core.oracle import SignedSnapshot
from verifier.bundle import MAX_BUNDLE_BYTES
from verifier.given import pin_of, policy_of
from verifier.market import MarketVerdict, verify_market
from verifier.strict_json import read_bounded


class MarketGround(StrEnum):
    """What the risk array is to rest on."""

    PROOF = "proof"
    RECOMPUTING = "recomputing"
    BOTH = "both"


def market(
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="The market proof.")],
    snapshot: Annotated[Path, typer.Option("--snapshot", metavar="FILE", help="The signed snapshot it is about.")],
    oracles: OraclesOption,
    params: ParamsOption = None,
    by: Annotated[
        MarketGround, typer.Option("--by", help="Check the proof, compute the risk array again and compare, or both.")
    ] = MarketGround.PROOF,
    max_age: MaxAgeOption = None,
    keys: KeysOption = None,
    vk_id: VkIdOption = None,
    backend: BackendOption = VerifierBackend.AUTO,
    production: Annotated[
        bool, typer.Option("--production", help="Refuse development keys and a snapshot older than a day.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check that a quorum of the oracles signed this market, and that the risk array follows from it.

    Exit code 0: accepted; 1: refused, with a reason; 2: bad input.
    """
    data, signed = read_bounded(proof, MAX_BUNDLE_BYTES), read_bytes(snapshot)
    market_data = SignedSnapshot.from_json(signed, str(snapshot)).snapshot
    pins = pin_of("market", market_data.profile, vk_id)
    with stages("checking the market"):
        verdict = verify_market(
            data,
            signed=signed,
            oracles=read_set(oracles),
            params=read_params(params, market_data),
            keys=own_keys(keys, pins),
            policy=policy_of(production=production, max_age=max_age, venue_key=None),
            ground=by.value,
            backend=backend.value,
        )
    if as_json:
        print_json(verdict.to_json())
        return
    _print(verdict, max_age)


def _print(verdict: MarketVerdict, max_age: int | None) -> None:
    said = {
        "proof": "accepted: the proof shows that the risk array follows from what a quorum signed",
        "recomputing": "accepted: the risk array was computed again here, from what a quorum signed",
        "both": "accepted: the risk array follows from what a quorum signed, by the proof and computed again here",
    }
    out = console()
    out.print(said[verdict.ground], style="bold green")
    vouched = verdict.snapshot
    rows: dict[str, object] = {
        "snapshot": vouched.snapshot_hash,
        "as of": f"{utc(vouched.as_of_ms)}, {duration(vouched.age_ms)} ago",
        "signed by": f"{', '.join(vouched.signers)} ({vouched.quorum} of {vouched.oracle_count} must)",
        "instruments": verdict.instruments,
        "risk root": verdict.statement.risk_root,
        "params root": verdict.statement.params_root,
    }
    if verdict.key is not None:
        rows["circuit"] = f"{verdict.circuit}, key {verdict.key.vk_id[:16]}"
        rows["checked by"] = verdict.backend
    rows["seconds"] = f"{verdict.seconds:.2f}"
    out.print(facts("Verdict", rows))
    out.print(grounds_table(verdict.labels))
    if verdict.key is not None and verdict.key.development:
        out.print("development key: whoever made it can forge proofs; --production refuses it", style="yellow")
    if max_age is None:
        out.print("age not limited (--max-age): an old snapshot with true signatures is accepted", style="yellow")
