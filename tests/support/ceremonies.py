"""A finished ceremony of three on a tiny phase-1 file of its own, and the edits by which one is spoilt."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from cli import ceremony
from cli.errors import ReportingGroup
from prover.compiler import compile_circuit
from prover.formats.binfile import build_container, parse_container
from prover.toolchain import run_tool
from tests.support.toy_circuit import remove, toy
from verifier.ceremony.phase_1 import file_blake2b
from verifier.ceremony.phase_1_hashes import PUBLIC_PHASE_1

DATA = Path(os.environ.get("ZKM2M_MARKET_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
#: Of the public ceremony, of powers 8 and 10.
PUBLIC_8, PUBLIC_10 = (DATA / "ptau" / f"powersOfTau28_hez_final_{power:02}.ptau" for power in (8, 10))
POWER = 6
BEACON = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#: A contribution in a key: three points of G1, one of G2, a hash, its kind, and the length of its parameters.
_FIXED_BYTES = 3 * 64 + 128 + 64
_CIRCUIT_HASH_BYTES = 64

_app = typer.Typer(cls=ReportingGroup, pretty_exceptions_enable=False)
_app.add_typer(ceremony.app, name="ceremony")
_app.callback()(lambda: None)


def run(*words: object) -> Result:
    """Return the result of ``zkm2m ceremony`` with these words."""
    return CliRunner().invoke(_app, ["ceremony", *(str(word) for word in words)], prog_name="zkm2m")


def ran(*words: object) -> Result:
    """Return the result of a command that did its work."""
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result


@dataclass(frozen=True)
class Finished:
    """The files of a finished ceremony; ``folder`` must not be changed, `copy` may be."""

    phase_1: Path
    r1cs: Path
    other_r1cs: Path
    folder: Path

    def copy(self, to: Path, contributions: int | None = None) -> Path:
        """Return a copy of the folder, with so many contributions only where a number is named."""
        shutil.copytree(self.folder, to)
        for path in to.iterdir():
            if contributions is not None and path.stem[-4:].isdigit() and int(path.stem[-4:]) > contributions:
                path.unlink()
        return to

    def key(self, number: int = 4) -> Path:
        """Return the key with that many contributions."""
        return self.folder / f"circuit_{number:04}.zkey"


@pytest.fixture(scope="session")
def finished_ceremony(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A ceremony of Ada, Bob (by snarkjs) and Cy, ended by a beacon; made once for all processes of a test run."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "ceremony"
    place.mkdir(exist_ok=True)
    made = Finished(place / "own.ptau", place / "toy.r1cs", place / "other" / "toy.r1cs", place / "toy")
    with (place / "lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        if not made.folder.exists():
            _make(made)
    return made


@pytest.fixture
def as_public(finished_ceremony: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the tiny phase-1 file stand in the table of public ones."""
    monkeypatch.setitem(PUBLIC_PHASE_1, POWER, file_blake2b(finished_ceremony.phase_1))


def _make(made: Finished) -> None:
    made.other_r1cs.parent.mkdir(exist_ok=True)
    for path, call in ((made.r1cs, "Toy(3)"), (made.other_r1cs, "Toy(4)")):
        name = f"toy-ceremony-{os.getpid()}"
        try:
            shutil.copyfile(compile_circuit(toy(name, call)).r1cs, path)
        finally:
            remove(name)
    raw, contributed = made.phase_1.with_name("raw.ptau"), made.phase_1.with_name("contributed.ptau")
    for arguments in (
        ["new", "bn128", str(POWER), raw],
        ["contribute", raw, contributed, "--name=test", "-e=entropy of a test"],
        ["prepare", "phase2", contributed, made.phase_1],
    ):
        run_tool("snarkjs", ["powersoftau", *arguments], timeout_s=600, show_output=True)
    folder = made.folder.with_name("unfinished")
    ran("new", made.r1cs, "--phase-1", made.phase_1, "--out", folder, "--unknown-phase-1")
    for name, backend in (("Ada", "auto"), ("Bob", "snarkjs"), ("Cy", "auto")):
        ran("contribute", folder, "--name", name, "--entropy", "dice", "--backend", backend)
    ran("beacon", folder, "--beacon", BEACON, "--iterations", 10, "--source", "a test")
    folder.rename(made.folder)


def edited(path: Path, section: int, edit: Callable[[bytes], bytes]) -> None:
    """Replace a section of a file of sections by what `edit` makes of it."""
    data = path.read_bytes()
    kind = data[:4].decode()
    table = parse_container(data, kind, 1, path.name).table
    contents = {number: data[at : at + length] for number, (at, length) in table.items()}
    contents[section] = edit(contents[section])
    path.write_bytes(build_container(kind, 1, contents.items()))


def flipped(at: int) -> Callable[[bytes], bytes]:
    """Return the edit that changes the lowest bit of one byte."""
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at:][1:]


def with_contributions(choose: Callable[[Sequence[bytes]], Sequence[bytes]]) -> Callable[[bytes], bytes]:
    """Return the edit of section 10 that chooses among its contributions."""

    def edit(data: bytes) -> bytes:
        entries = list(choose(list(_contributions(data))))
        return data[:_CIRCUIT_HASH_BYTES] + len(entries).to_bytes(4, "little") + b"".join(entries)

    return edit


def _contributions(data: bytes) -> Iterator[bytes]:
    at = _CIRCUIT_HASH_BYTES + 4
    while at < len(data):
        head = at + _FIXED_BYTES + 8
        length = head - at + int.from_bytes(data[head - 4 : head], "little")
        yield data[at : at + length]
        at += length
