"""``python -m verifier``: verdicts as JSON, from an installation that has nothing but the verifier.

``zkm2m verify`` says the same with tables and colours, and needs the extra ``cli``. Exit codes are the same:
0 accepted; 3 accepted, and below the threshold or not covered; 1 refused, with a reason; 2 bad input.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from rtnet_core.document import MAX_DOCUMENT_BYTES
from rtnet_core.epoch import MARKET_NAME, RECORD_NAME
from rtnet_core.errors import InputError, Refusal, ZkM2mError
from rtnet_core.oracle import OracleSet, SignedSnapshot
from rtnet_core.params import Params, default_params
from rtnet_core.reserves import Reserves
from rtnet_core.snapshot import Snapshot
from verifier.account import verify_account
from verifier.bundle import MAX_BUNDLE_BYTES
from verifier.chain import verify_chain
from verifier.epoch import verify_epoch
from verifier.epoch_files import EpochFolder, read_market, read_record
from verifier.given import epoch_pins, keystore_of, pin_of, policy_of, previous_record
from verifier.inclusion import verify_inclusion
from verifier.market import verify_market
from verifier.policy import Policy
from verifier.replay import SeenRegister
from verifier.strict_json import read_bounded

_ACCEPTED: Final = 0
_REFUSED: Final = 1
_BAD_INPUT: Final = 2
_BELOW: Final = 3
#: The verdict as JSON, and the exit code.
_Answer = tuple[dict[str, Any], int]


def main(words: Sequence[str] | None = None) -> int:
    """Verify what the command line names, print the verdict, and return the exit code.

    Raises
    ------
    SystemExit
        With code 2 after wrong usage, with 0 after ``--help``.
    """
    given = _parser().parse_args(words)
    verify: Callable[[argparse.Namespace], _Answer] = given.verify
    try:
        verdict, code = verify(given)
    except Refusal as refusal:
        verdict, code = {"accepted": False, "reason": refusal.code, "message": refusal.message}, _REFUSED
    except (ZkM2mError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - this is the command line
        return _BAD_INPUT
    print(json.dumps(verdict, indent=2, ensure_ascii=False))  # noqa: T201
    return code


def _account(given: argparse.Namespace) -> _Answer:
    data = read_bounded(given.proof, MAX_BUNDLE_BYTES)
    snapshot = read_market(given.market)
    verdict = verify_account(
        data,
        snapshot=snapshot,
        params=_params(given, snapshot),
        record=read_record(given.record),
        challenge=given.challenge,
        keys=keystore_of(given.keys, pin_of("account", snapshot.profile, given.vk_id)),
        policy=_policy(given),
        seen=None if given.seen is None else SeenRegister(given.seen),
    )
    return verdict.to_json(), _ACCEPTED if verdict.clears else _BELOW


def _market(given: argparse.Namespace) -> _Answer:
    data = read_bounded(given.proof, MAX_BUNDLE_BYTES)
    signed = read_bounded(given.snapshot, MAX_DOCUMENT_BYTES)
    snapshot = SignedSnapshot.from_json(signed, str(given.snapshot)).snapshot
    verdict = verify_market(
        data,
        signed=signed,
        oracles=OracleSet.from_json(read_bounded(given.oracles, MAX_DOCUMENT_BYTES), str(given.oracles)),
        params=_params(given, snapshot),
        keys=keystore_of(given.keys, pin_of("market", snapshot.profile, given.vk_id)),
        policy=_policy(given),
        ground=given.by,
    )
    return verdict.to_json(), _ACCEPTED


def _epoch(given: argparse.Namespace) -> _Answer:
    folder = EpochFolder(given.epoch)
    verdict = verify_epoch(
        folder,
        keys=keystore_of(given.keys, epoch_pins(given.vk_id, folder.record.profile)),
        policy=_policy(given),
        previous=previous_record(given.epoch, folder.record, given.previous),
        reserves=None if given.reserves is None else _reserves(given.reserves),
    )
    return verdict.to_json(), _BELOW if verdict.covered is False else _ACCEPTED


def _chain(given: argparse.Namespace) -> _Answer:
    return verify_chain(given.epochs, _policy(given)).to_json(), _ACCEPTED


def _inclusion(given: argparse.Namespace) -> _Answer:
    verdict = verify_inclusion(
        read_bounded(given.file, MAX_DOCUMENT_BYTES),
        record=read_record(given.epoch / RECORD_NAME),
        snapshot=read_market(given.epoch / MARKET_NAME),
        policy=_policy(given),
    )
    return verdict.to_json(), _ACCEPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m verifier", description="Verify, and print the verdict as JSON.")
    kinds = parser.add_subparsers(required=True, metavar="KIND", title="what to verify")

    account = _kind(kinds, "account", _account, "one account's margin proof")
    account.add_argument("proof", type=Path, metavar="PROOF")
    account.add_argument("--market", type=Path, required=True, metavar="FILE", help="the published market")
    account.add_argument("--record", type=Path, required=True, metavar="FILE", help="the venue's signed record")
    account.add_argument("--challenge", required=True, metavar="TEXT", help="what you asked the prover to bind to")
    account.add_argument("--seen", type=Path, metavar="FILE", help="register: a statement shown again is refused")
    account.add_argument("--threshold-bps", type=int, metavar="BPS", help="the threshold the proof must be for")
    _add_keys(account)
    _add_params(account)

    market = _kind(kinds, "market", _market, "a signed market and the risk array that follows from it")
    market.add_argument("proof", type=Path, metavar="PROOF")
    market.add_argument("--snapshot", type=Path, required=True, metavar="FILE", help="the signed snapshot")
    market.add_argument("--oracles", type=Path, required=True, metavar="FILE", help="the oracles and their quorum")
    market.add_argument("--by", choices=("proof", "recomputing", "both"), default="proof", help="what it is to rest on")
    _add_keys(market)
    _add_params(market)

    epoch = _kind(kinds, "epoch", _epoch, "a whole book: every proof, its totals, the record before it")
    epoch.add_argument("epoch", type=Path, metavar="EPOCH", help="the epoch's folder")
    epoch.add_argument("--reserves", type=Path, metavar="FILE", help="the venue's reserves")
    epoch.add_argument("--previous", type=Path, metavar="FILE", help="the record before; left out: ../N-1/record.json")
    epoch.add_argument("--threshold-bps", type=int, metavar="BPS", help="the threshold accounts must be counted by")
    epoch.add_argument("--vk-id", action="append", default=[], metavar="CIRCUIT=HEX", help="id of a verifying key")
    epoch.add_argument("--keys", type=Path, required=True, metavar="FOLDER", help="your verifying keys")

    chain = _kind(kinds, "chain", _chain, "that every record names the one before it")
    chain.add_argument("epochs", type=Path, metavar="EPOCHS", help="the folder of epochs")

    inclusion = _kind(kinds, "inclusion", _inclusion, "a customer's own account in the book")
    inclusion.add_argument("file", type=Path, metavar="FILE", help="the file that the venue handed to you")
    inclusion.add_argument("--epoch", type=Path, required=True, metavar="EPOCH", help="the epoch's folder")

    for kind in (account, epoch, chain, inclusion):
        kind.add_argument("--venue-key", metavar="HEX", help="the venue's public key, from a source of your own")
    for kind in (account, market, epoch, inclusion):
        kind.add_argument("--max-age", type=int, metavar="SECONDS", help="refuse data older than this")
    return parser


def _kind(kinds: Any, name: str, verify: Callable[[argparse.Namespace], _Answer], text: str) -> argparse.ArgumentParser:
    kind: argparse.ArgumentParser = kinds.add_parser(name, help=text, description=f"Verify {text}.")
    kind.set_defaults(verify=verify, venue_key=None, max_age=None, threshold_bps=None)
    kind.add_argument("--production", action="store_true", help="refuse development keys and unpinned venues")
    return kind


def _add_keys(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--keys", type=Path, required=True, metavar="FOLDER", help="your verifying keys")
    kind.add_argument("--vk-id", metavar="HEX", help="the verifying key's id, from a source of your own")


def _add_params(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--params", type=Path, metavar="FILE", help="the margin parameters; left out: the defaults")


def _params(given: argparse.Namespace, snapshot: Snapshot) -> Params:
    if given.params is None:
        return default_params(snapshot)
    return Params.from_json(read_bounded(given.params, MAX_DOCUMENT_BYTES), str(given.params))


def _reserves(path: Path) -> Reserves:
    return Reserves.from_json(read_bounded(path, MAX_DOCUMENT_BYTES), str(path))


def _policy(given: argparse.Namespace) -> Policy:
    if given.max_age is not None and given.max_age < 0:
        raise InputError("--max-age", "must not be negative", given.max_age)
    return policy_of(
        production=given.production,
        max_age=given.max_age,
        venue_key=given.venue_key,
        threshold_bps=given.threshold_bps,
    )


if __name__ == "__main__":
    sys.exit(main())
