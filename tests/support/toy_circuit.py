"""A circuit that compiles in about a second: squares, a comparison, a product, two public inputs and one output."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from prover.compiler import Build, Circuit, compile_circuit
from prover.formats.r1cs import R1cs, read_r1cs
from prover.formats.sym import Symbols, read_sym
from prover.formats.wtns import parse_wtns
from prover.keys import Keys, make_development_keys
from prover.paths import build_folder, built_circuit_folder
from prover.witness import WitnessCalculator

SOURCE = """pragma circom 2.1.6;

include "circomlib/circuits/bitify.circom";

template Square() {
    signal input in;
    signal output out;
    out <== in * in;
}

// verdict = 1 exactly if values[0] >= bound; total is the sum of the squares; both products of grid are equal.
template Toy(N) {
    signal output verdict;
    signal input total;
    signal input bound;
    signal input values[N];
    signal input grid[2][2];
    signal input unused;
    component square[N];
    var sum = 0;
    for (var i = 0; i < N; i++) {
        square[i] = Square();
        square[i].in <== values[i];
        sum += square[i].out;
    }
    sum === total;
    component bits = Num2Bits(33);
    bits.in <== values[0] - bound + (1 << 32);
    verdict <== bits.out[32];
    signal product <== grid[0][0] * grid[0][1];
    log("product", product);
    product === grid[1][0] * grid[1][1];
}
"""

#: Inputs that satisfy it, large enough to be found by a search wherever they leak.
INPUTS = {
    "total": 910203041**2 + 5 * 5 + 7 * 7,
    "bound": 2,
    "values": [910203041, 5, 7],
    "grid": [[740404741, 6], [1480809482, 3]],
    "unused": 11,
}
#: The secret numbers of INPUTS as they would be printed.
CANARIES = ("910203041", "740404741", "1480809482")
SEED = bytes(range(32))


def toy(name: str, call: str = "Toy(3)") -> Circuit:
    """Return the toy circuit under a name; its source is written to the build folder of that name."""
    folder = build_folder() / f"tmp-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "toy.circom"
    if not source.exists():
        source.write_text(SOURCE)
    return Circuit(name=name, include=f"build/tmp-{name}/toy.circom", call=call, public=("bound", "total"))


def remove(name: str) -> None:
    """Remove everything that a toy circuit of that name left in the build folder."""
    shutil.rmtree(build_folder() / f"tmp-{name}", ignore_errors=True)
    shutil.rmtree(built_circuit_folder(name), ignore_errors=True)
    (build_folder() / "main" / f"{name}.circom").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def toy_build() -> Iterator[Build]:
    """The toy circuit, built."""
    name = f"toy-{os.getpid()}"
    yield compile_circuit(toy(name))
    remove(name)


@pytest.fixture(scope="session")
def other_build() -> Iterator[Build]:
    """The same template with another size: as many public signals, another constraint system."""
    name = f"toy-other-{os.getpid()}"
    yield compile_circuit(toy(name, "Toy(4)"))
    remove(name)


@pytest.fixture(scope="session")
def toy_system(toy_build: Build) -> R1cs:
    """The toy's constraint system."""
    return read_r1cs(toy_build.r1cs)


@pytest.fixture(scope="session")
def toy_symbols(toy_build: Build) -> Symbols:
    """The toy's signal names."""
    return read_sym(toy_build.sym)


@pytest.fixture(scope="session")
def toy_witness_file(toy_build: Build) -> bytes:
    """The witness for INPUTS as a .wtns file."""
    with WitnessCalculator(toy_build.wasm) as calculator:
        return calculator.calculate(INPUTS)


@pytest.fixture(scope="session")
def toy_witness(toy_witness_file: bytes) -> list[int]:
    """The witness for INPUTS."""
    return parse_wtns(toy_witness_file)


@pytest.fixture(scope="session")
def toy_keys(toy_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Development keys of the toy from a fixed seed; tests must not write to their folder."""
    return make_development_keys(tmp_path_factory.mktemp("keys") / "toy", toy_build, seed=SEED)
