"""The public folder of an epoch, read strictly and in bounded memory: what a venue puts there is believed in nothing.

``proofs.jsonl`` holds the batch proofs in order, then the merge proofs level by level. How many there are follows from
the account count of the signed record, so nothing can be left out, added or moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from rtnet_core.document import MAX_DOCUMENT_BYTES
from rtnet_core.epoch import MARKET_NAME, PARAMS_NAME, PROOFS_NAME, RECORD_NAME, batch_sizes, level_sizes
from rtnet_core.errors import InputError
from rtnet_core.limits import PROFILES, Profile
from rtnet_core.params import Params
from rtnet_core.record import Record
from rtnet_core.snapshot import Snapshot
from verifier.canonical import exact_object
from verifier.groth16 import read_signal
from verifier.reasons import refuse
from verifier.strict_json import parse_json, read_bounded

#: Most bytes of a record; an honest one has less than 64 KiB.
MAX_RECORD_BYTES: Final = 1 << 20
#: Most bytes of a line of ``proofs.jsonl``; an honest one has less than 2 KiB.
MAX_LINE_BYTES: Final = 8192
#: Most names of unknown files that a verdict lists.
MAX_UNCHECKED: Final = 64

_READ: Final = frozenset({RECORD_NAME, MARKET_NAME, PARAMS_NAME, PROOFS_NAME})
_KEYS: Final = ("circuit", "level", "number", "totals", "proof")


@dataclass(frozen=True, slots=True)
class ProofLine:
    """One line of ``proofs.jsonl``. All of it is the venue's claim; the proof is not read as points yet."""

    circuit: str
    level: int
    number: int
    batch_root: int | None  #: of a batch only
    totals: int
    proof: Any

    @property
    def name(self) -> str:
        """What a refusal calls it: ``batch-small 17``, ``merge-small 0 of level 2``."""
        return proof_name(self.circuit, self.level, self.number)


def proof_name(circuit: str, level: int, number: int) -> str:
    """Return what a person calls a proof of an epoch."""
    return f"{circuit} {number}" + (f" of level {level}" if level else "")


def circuit_of(level: int, profile: str) -> str:
    """Return the circuit whose proofs stand at `level`."""
    return f"merge-{profile}" if level else f"batch-{profile}"


class EpochFolder:
    """An epoch's folder. Record, market and parameters are read at once, the proofs as often as they are asked for.

    Parameters
    ----------
    path
        ``EPOCHS/<number>``.

    Raises
    ------
    InputError
        The folder or a file in it is missing or unreadable, or is no document of its format.
    Refusal
        ``malformed_json``: a file is larger than it may be.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise InputError(str(path), "must be the folder of an epoch")
        self.path = path
        self.record = read_record(path / RECORD_NAME)
        self.snapshot = read_market(path / MARKET_NAME)
        self.params = Params.from_json(read_bounded(path / PARAMS_NAME, MAX_DOCUMENT_BYTES), str(path / PARAMS_NAME))

    def unchecked(self) -> tuple[str, ...]:
        """Return the names of what else lies in the folder, which no check looks at; at most `MAX_UNCHECKED`."""
        others = (entry.name for entry in self.path.iterdir() if entry.name not in _READ)
        return tuple(sorted(islice(others, MAX_UNCHECKED)))

    @property
    def sizes(self) -> Profile:
        """The sizes of the profile that the record names."""
        return PROFILES[self.record.profile]

    def proof_count(self) -> int:
        """Return how many proofs the record's account count calls for."""
        return sum(level_sizes(len(batch_sizes(self.record.account_count, self.sizes)), self.sizes))

    def proofs(self) -> Iterator[ProofLine]:
        """Yield every proof that the record's account count calls for, and nothing else.

        Raises
        ------
        InputError
            The file cannot be read.
        Refusal
            ``malformed_json``, ``malformed_proofs``: a line is none; ``signal_not_canonical``,
            ``signal_out_of_range``; ``wrong_proofs``: a proof is missing, added, repeated or out of its place;
            ``wrong_circuit``: the line at its place names another circuit.
        """
        profile = self.record.profile
        path = self.path / PROOFS_NAME
        try:
            with path.open("rb") as file:
                for level, number in _places(self.record.account_count, self.sizes):
                    line = file.readline(MAX_LINE_BYTES + 1)
                    if not line:
                        missing = proof_name(circuit_of(level, profile), level, number)
                        raise refuse("wrong_proofs", f"{missing} is missing")
                    yield _read_line(line, level, number, profile)
                if file.read(1):
                    raise refuse("wrong_proofs", "the file goes on behind the last proof")
        except OSError as error:
            raise InputError(str(path), f"must be a readable file: {error.strerror}") from error


def read_record(path: Path) -> Record:
    """Return the record in a file; its signature is not checked here.

    Raises
    ------
    InputError
        The file is missing, unreadable, or no record.
    Refusal
        ``malformed_json``: it is larger than a record may be.
    """
    return Record.from_json(read_bounded(path, MAX_RECORD_BYTES), str(path))


def read_market(path: Path) -> Snapshot:
    """Return the snapshot in a file; whether it is the one that was signed is not checked here.

    Raises
    ------
    InputError
        The file is missing, unreadable, or no market file.
    Refusal
        ``malformed_json``: it is larger than a market file may be.
    """
    return Snapshot.from_json(read_bounded(path, MAX_DOCUMENT_BYTES), str(path))


def _places(account_count: int, sizes: Profile) -> Iterator[tuple[int, int]]:
    """Yield (level, number) of every proof of a book, in the order of ``proofs.jsonl``."""
    for level, count in enumerate(level_sizes(len(batch_sizes(account_count, sizes)), sizes)):
        for number in range(count):
            yield level, number


def _read_line(line: bytes, level: int, number: int, profile: str) -> ProofLine:
    circuit = circuit_of(level, profile)
    where = proof_name(circuit, level, number)
    if not line.endswith(b"\n"):
        rule = f"longer than {MAX_LINE_BYTES} bytes" if len(line) > MAX_LINE_BYTES else "the line has no end"
        raise refuse("malformed_proofs", f"{where}: {rule}")
    value = parse_json(line, where, max_bytes=MAX_LINE_BYTES)
    members = exact_object(value, where, _KEYS, "malformed_proofs", optional=("batch_root",))
    place = (members["level"], members["number"])
    if type(place[0]) is not int or type(place[1]) is not int:
        raise refuse("malformed_proofs", f"{where}: level and number must be integers")
    if place != (level, number):
        raise refuse("wrong_proofs", f"{where} is not at its place")
    if members["circuit"] != circuit:
        raise refuse("wrong_circuit", f"{where}: its line names another")
    if ("batch_root" in members) == (level > 0):
        raise refuse("malformed_proofs", f"{where}: a batch names its batch_root, a merge has none")
    return ProofLine(
        circuit=circuit,
        level=level,
        number=number,
        batch_root=None if level else read_signal(members["batch_root"], f"{where}.batch_root"),
        totals=read_signal(members["totals"], f"{where}.totals"),
        proof=members["proof"],
    )
