"""Every reader of data that comes from outside, with good files to spoil, and the errors by which it may refuse.

Not here: what nobody outside can write to (the venue's store and log), and the databases' own file formats, which
SQLite and PostgreSQL read.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from prover.formats.r1cs import parse_r1cs
from prover.formats.sym import parse_sym
from prover.formats.wtns import parse_wtns
from prover.formats.zkey import parse_zkey
from prover.paths import project_root
from rtnet_core.account import Account, BookHeader, read_accounts
from rtnet_core.book_parquet import parquet_chunks
from rtnet_core.book_source import open_book_source
from rtnet_core.deribit import import_chains
from rtnet_core.document import decode_json
from rtnet_core.engine.events import event_line, parse_event
from rtnet_core.engine.sample import sample_events
from rtnet_core.errors import InputError, Refusal
from rtnet_core.inclusion import Inclusion
from rtnet_core.netting.obligations import Obligations
from rtnet_core.oracle import OracleSet
from rtnet_core.oracle_key import read_oracle_key, write_oracle_key
from rtnet_core.params import Params, default_params
from rtnet_core.record import Record
from rtnet_core.reserves import Reserves
from rtnet_core.snapshot import Snapshot
from rtnet_core.trades import read_trades
from rtnet_core.venue import VenueFile, read_venue
from rtnet_core.venue_key import read_venue_key
from tests.conformance.corpus_files import CORPUS
from tests.fuzz.mutations import Mutation, spoil_bytes, spoil_container, spoil_json, spoil_lines, spoil_table
from tests.support.chains import TIME_MS, calm_chain, three_venues, write_trades
from verifier.bundle import account_bundle, market_bundle
from verifier.ceremony.chain import read_chain
from verifier.ceremony.circuit_key import Circuit
from verifier.ceremony.documents import Attestation, Ceremony
from verifier.ceremony.transcript import read_attestation
from verifier.epoch_files import MARKET_NAME, PARAMS_NAME, PROOFS_NAME, RECORD_NAME, EpochFolder
from verifier.groth16 import Proof, VerificationKey
from verifier.inclusion import verify_inclusion
from verifier.keystore import PinnedKey
from verifier.oracle import verify_signed_snapshot
from verifier.ownership import signature_holds
from verifier.policy import Policy
from verifier.strict_json import parse_json

#: Files of a small circuit, which a test makes once; the last two only where the native module is.
CIRCUIT_FILES: Final = ("toy.r1cs", "toy.sym", "toy.wtns", "toy.zkey", "toy.json", "toy.public.json", "toy.proof.json")

_TYPED: Final = (InputError, Refusal)
#: The native module's errors, as its type stub names them.
_NATIVE: Final = (ValueError, TypeError, OverflowError)
_PUBLISHED: Final = CORPUS / "published"


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader.

    Attributes
    ----------
    read
        Called with the bytes and a folder of its own, where it may put them.
    seeds
        Good files, given the folder with `CIRCUIT_FILES`; each is read without an error.
    spoil
        How they are spoilt.
    refusals
        The errors by which it may refuse.
    """

    read: Callable[[bytes, Path], object]
    seeds: Callable[[Path], list[bytes]]
    spoil: Mutation
    refusals: tuple[type[Exception], ...] = _TYPED


def _corpus(*names: str) -> Callable[[Path], list[bytes]]:
    return lambda _: [(CORPUS / name).read_bytes() for name in names]


def _circuit_file(name: str) -> Callable[[Path], list[bytes]]:
    return lambda folder: [(folder / name).read_bytes()]


def _put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


# --- documents


def _verify_inclusion(data: bytes, _: Path) -> object:
    record, market = Record.from_json(_published(RECORD_NAME)), Snapshot.from_json(_published(MARKET_NAME))
    return verify_inclusion(data, record=record, snapshot=market, policy=Policy(now_ms=record.signed_at_ms))


def _verify_signed_snapshot(data: bytes, _: Path) -> object:
    oracles = OracleSet.from_json((CORPUS / "oracles/oracles.json").read_bytes())
    return verify_signed_snapshot(data, oracles=oracles, policy=Policy(now_ms=1 << 41))


@cache
def _published(name: str) -> bytes:
    return (_PUBLISHED / name).read_bytes()


def _read_record(data: bytes, _: Path) -> object:
    record = Record.from_json(data)
    record.verify_signature()
    return record.digest()


def _read_params(data: bytes, _: Path) -> object:
    params, market = Params.from_json(data), Snapshot.from_json(_published(MARKET_NAME))
    return params.of_underlyings(market), params.of_assets(market)


def _read_reserves(data: bytes, _: Path) -> object:
    """Read a reserves file, and look at each signature in it: libraries of other people see what stands there."""
    reserves = Reserves.from_json(data)
    return [
        signature_holds(entry.chain, reserves.message(entry), entry.address, entry.signature)
        for asset in reserves.assets
        for entry in asset.entries
        if entry.chain != "other" and entry.signature is not None
    ]


def _reserves(_: Path) -> list[bytes]:
    """Return a reserves file with signatures of both chains that do not hold, and one with none."""
    plain = (CORPUS / "epoch/reserves-cover.reserves.json").read_bytes()
    content = json.loads(plain)
    ethereum = {"chain": "ethereum", "address": "0x" + "ab" * 20, "balance": "5", "signature": "0x" + "11" * 65}
    bitcoin = {
        "chain": "bitcoin",
        "address": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "balance": "5",
        "signature": "IO" + "A" * 85 + "=",
    }
    content["assets"][0]["entries"] = [ethereum, bitcoin]
    return [plain, json.dumps(content).encode()]


def _read_proofs(data: bytes, folder: Path) -> object:
    for name in (RECORD_NAME, MARKET_NAME, PARAMS_NAME):
        _put(folder, name, _published(name))
    _put(folder, PROOFS_NAME, data)
    return [Proof.from_json(line.proof) for line in EpochFolder(folder).proofs()]


def _read_lock(data: bytes, folder: Path) -> object:
    shutil.copy(CORPUS / "keys/ceremonial/account-small/verification_key.json", folder)
    _put(folder, "keys.lock.json", data)
    return PinnedKey.load(folder)


def _read_toml_venue(data: bytes, folder: Path) -> object:
    _put(folder, "venue.key", _pem())
    return read_venue(_put(folder, "VENUE.toml", data))


@cache
def _pem() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _toml_seeds(_: Path) -> list[bytes]:
    return [VenueFile(name="Example", key_file="venue.key", insurance_fund_ticks=5).to_toml().encode()]


def _oracle_key_seeds(folder: Path) -> list[bytes]:
    path = folder / "oracle.key"
    write_oracle_key(path, "fuzzed", force=True)
    return [path.read_bytes()]


# --- books, chains, events


def _example_book() -> bytes:
    return (project_root() / "examples" / "book" / "accounts.jsonl").read_bytes()


def _read_rows(suffix: str, data: bytes, folder: Path) -> object:
    """Read a book's accounts; a row that is none is an error that is yielded, and is looked at like one."""
    return [str(row) for row in read_accounts(_put(folder, f"accounts{suffix}", data))]


def _parquet_seeds(_: Path) -> list[bytes]:
    rows = [json.loads(line) for line in _example_book().splitlines()]
    return [b"".join(parquet_chunks(rows))]


def _read_sql_book(data: bytes, folder: Path) -> object:
    """Read a database of which every cell is a stranger's: the lines are put there as they are, of any type."""
    path = folder / "book.sqlite"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE accounts (id, cash_ticks, collateral, positions)")
        database.executemany("INSERT INTO accounts VALUES (?, ?, ?, ?)", [_cells(line) for line in data.splitlines()])
    database.close()
    return [row.reason for row in open_book_source(f"sqlite:///{path}").rows()]


def _cells(line: bytes) -> list[Any]:
    """Return four cells made of a line: its own values where it is an account still, else pieces of it."""
    try:
        row = decode_json(line, "line")
        cells = [row["id"], row["cash_ticks"], json.dumps(row["collateral"]), json.dumps(row["positions"])]
    except (InputError, KeyError, TypeError):
        cells = [line, line[:8], line[8:], line.decode("utf-8", "replace")]
    known = (int, float, bytes)
    return [
        cell
        if isinstance(cell, known) and (not isinstance(cell, int) or abs(cell) < 1 << 63)
        else str(cell).encode("utf-8", "surrogatepass")
        for cell in cells
    ]


def _chain_seeds(folder: Path) -> list[bytes]:
    return [b"\n".join(calm_chain(folder / "chain.csv").read_bytes().splitlines()[:12]) + b"\n"]


def _trade_seeds(folder: Path) -> list[bytes]:
    return [write_trades(folder / "trades.csv", three_venues(TIME_MS)[:9]).read_bytes()]


def _event_seeds(_: Path) -> list[bytes]:
    snapshot = Snapshot.from_json((project_root() / "examples" / "market.json").read_bytes())
    lines = [event_line(event) for event in sample_events(snapshot, default_params(snapshot), 4, 60, seed=1)]
    # One of each kind: the first three letters behind the type tell kinds apart.
    return list({line[:14]: line for line in lines}.values())


# --- the native module


def _native(call: Callable[[Any, bytes, Path], object], data: bytes, folder: Path) -> object:
    return call(importlib.import_module("zkm2m_native"), data, folder)


def _native_prove(module: Any, data: bytes, folder: Path) -> object:
    return module.Prover(_put(folder, "fuzzed.zkey", data)).n_public


def _native_contribute(module: Any, data: bytes, folder: Path) -> object:
    return module.contribute(_put(folder, "fuzzed.zkey", data), folder / "next.zkey", "fuzz", b"entropy")


def _native_system(module: Any, data: bytes, folder: Path) -> object:
    return module.ConstraintSystem(_put(folder, "fuzzed.r1cs", data)).n_vars


def _native_setup(module: Any, data: bytes, folder: Path) -> object:
    return module.dev_setup(_put(folder, "fuzzed.r1cs", data), folder / "made.zkey", seed=bytes(32))


def _native_proof(circuit: Path, module: Any, data: bytes, _: Path) -> object:
    key, public = (circuit / "toy.json").read_text(), json.loads((circuit / "toy.public.json").read_text())
    return module.verify(key, public, data.decode("utf-8", "replace"))


def _native_key(circuit: Path, module: Any, data: bytes, _: Path) -> object:
    proof, public = (circuit / "toy.proof.json").read_text(), json.loads((circuit / "toy.public.json").read_text())
    return module.verify(data.decode("utf-8", "replace"), public, proof)


def _native_witness(circuit: Path, module: Any, data: bytes, _: Path) -> object:
    module.ConstraintSystem(circuit / "toy.r1cs").first_violation(data)
    return module.Prover(circuit / "toy.zkey").prove(data)


def _native_readers(circuit: Path) -> dict[str, Reader]:
    def reader(call: Callable[[Any, bytes, Path], object], name: str, spoil: Mutation) -> Reader:
        return Reader(partial(_native, call), _circuit_file(name), spoil, _NATIVE)

    return {
        "native zkey": reader(_native_prove, "toy.zkey", spoil_container),
        "native contribution": reader(_native_contribute, "toy.zkey", spoil_container),
        "native r1cs": reader(_native_system, "toy.r1cs", spoil_container),
        "native set-up": reader(_native_setup, "toy.r1cs", spoil_container),
        "native wtns": reader(partial(_native_witness, circuit), "toy.wtns", spoil_container),
        "native proof": reader(partial(_native_proof, circuit), "toy.proof.json", spoil_json),
        "native key": reader(partial(_native_key, circuit), "toy.json", spoil_json),
    }


def python_readers() -> Mapping[str, Reader]:
    """Return the readers written in Python, by name."""
    account = Account.from_json
    return {
        "strict JSON": Reader(lambda data, _: parse_json(data, "file"), _corpus("account/honest.json"), spoil_json),
        "account bundle": Reader(lambda d, _: account_bundle(d), _corpus("account/honest.json"), spoil_json),
        "market bundle": Reader(lambda d, _: market_bundle(d), _corpus("oracles/proof.json"), spoil_json),
        "record": Reader(_read_record, _corpus("published/record.json"), spoil_json),
        "snapshot": Reader(lambda d, _: Snapshot.from_json(d), _corpus("published/market.json"), spoil_json),
        "params": Reader(_read_params, _corpus("published/params.json"), spoil_json),
        "reserves": Reader(_read_reserves, _reserves, spoil_json),
        "proofs of an epoch": Reader(_read_proofs, _corpus("published/proofs.jsonl"), spoil_lines),
        "inclusion": Reader(_verify_inclusion, _corpus("inclusion/honest-0.json"), spoil_json),
        "inclusion alone": Reader(lambda d, _: Inclusion.from_json(d), _corpus("inclusion/honest-3.json"), spoil_json),
        "oracle set": Reader(lambda d, _: OracleSet.from_json(d).root(), _corpus("oracles/oracles.json"), spoil_json),
        "signed snapshot": Reader(_verify_signed_snapshot, _corpus("oracles/signed.json"), spoil_json),
        "key lock": Reader(_read_lock, _corpus("keys/ceremonial/account-small/keys.lock.json"), spoil_json),
        "verification key": Reader(
            lambda d, _: VerificationKey.from_json(parse_json(d, "key")),
            _corpus("keys/ceremonial/account-small/verification_key.json"),
            spoil_json,
        ),
        "obligations": Reader(lambda d, _: Obligations.from_json(d).network(), _obligations, spoil_json),
        "venue": Reader(_read_toml_venue, _toml_seeds, spoil_bytes),
        "venue key": Reader(lambda d, f: read_venue_key(_put(f, "v.key", d)), lambda _: [_pem()], spoil_bytes),
        "oracle key": Reader(lambda d, f: read_oracle_key(_put(f, "o.key", d)), _oracle_key_seeds, spoil_json),
        "account": Reader(lambda d, _: account(d), lambda _: _example_book().splitlines()[:3], spoil_json),
        "book header": Reader(
            lambda d, _: BookHeader.from_json(d),
            lambda _: [(project_root() / "examples/book/book.json").read_bytes()],
            spoil_json,
        ),
        "book in lines": Reader(partial(_read_rows, ".jsonl"), lambda _: [_example_book()], spoil_lines),
        "book in Parquet": Reader(partial(_read_rows, ".parquet"), _parquet_seeds, spoil_bytes),
        "book in SQL": Reader(_read_sql_book, lambda _: [_example_book()], spoil_lines),
        "option chain": Reader(
            lambda d, f: import_chains([_put(f, "chain.csv", d)], profile="small"), _chain_seeds, spoil_table
        ),
        "trades": Reader(lambda d, f: read_trades(_put(f, "trades.csv", d)), _trade_seeds, spoil_table),
        "engine event": Reader(lambda d, _: parse_event(d), _event_seeds, spoil_json),
        "r1cs": Reader(lambda d, _: parse_r1cs(d), _circuit_file("toy.r1cs"), spoil_container),
        "sym": Reader(lambda d, _: parse_sym(d), _circuit_file("toy.sym"), spoil_table),
        "wtns": Reader(lambda d, _: parse_wtns(d), _circuit_file("toy.wtns"), spoil_container),
        "zkey": Reader(lambda d, _: parse_zkey(d), _circuit_file("toy.zkey"), spoil_container),
        "ceremony": Reader(lambda d, _: Ceremony.from_json(d), lambda _: [_ceremony()], spoil_json),
        "attestation": Reader(
            lambda d, f: read_attestation(_put(f, "a.txt", d)), lambda _: [_attestation()], spoil_bytes
        ),
        "key of a ceremony": Reader(
            lambda d, f: read_chain(_put(f, "c.zkey", d)), _circuit_file("toy.zkey"), spoil_container
        ),
        "constraints of a ceremony": Reader(
            lambda d, f: Circuit.open(_put(f, "c.r1cs", d)), _circuit_file("toy.r1cs"), spoil_container
        ),
    }


def _ceremony() -> bytes:
    hashes = dict.fromkeys(("r1cs_sha256", "first_key_sha256"), 64 * "0")
    long_hashes = dict.fromkeys(("phase_1_blake2b_512", "circuit_hash"), 128 * "0")
    return Ceremony(circuit="toy", phase_1_power=8, **hashes, **long_hashes).to_json_bytes()


def _attestation() -> bytes:
    return Attestation("toy", 1, "Ada", "00", "11", "22", "snarkjs", "2026-11-21").text().encode()


def _obligations(_: Path) -> list[bytes]:
    owed = [{"debtor": a, "creditor": b, "amount_ticks": 5} for a, b in ("AB", "BC", "CA")]
    return [json.dumps({"format": "zkm2m/obligations/v1", "obligations": owed}).encode()]


def readers(circuit: Path, *, native: bool) -> Mapping[str, Reader]:
    """Return every reader by name; `circuit` holds `CIRCUIT_FILES`."""
    return {**python_readers(), **(_native_readers(circuit) if native else {})}
