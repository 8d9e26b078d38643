"""r1cs, sym and wtns files of a compiled circuit, and damaged ones."""

from __future__ import annotations

import random
import struct

import pytest

from prover.compiler import Build
from prover.formats.r1cs import Constraint, R1cs, Row, parse_r1cs, read_r1cs_header, serialize_r1cs
from prover.formats.sym import Symbols, parse_sym
from prover.formats.wtns import parse_wtns, serialize_wtns
from rtnet_core.errors import InputError
from rtnet_core.limits import FIELD_MODULUS

SMALL = R1cs(
    n_wires=4,
    n_pub_out=1,
    n_pub_in=1,
    n_prv_in=1,
    n_labels=4,
    n_constraints=1,
    constraints=(Constraint(Row((2,), (1,)), Row((3,), (FIELD_MODULUS - 1,)), Row((0, 1), (5, 1))),),
    labels=(0, 1, 2, 3),
)


def test_the_compiled_circuit_has_its_counts(toy_build: Build, toy_system: R1cs) -> None:
    assert (toy_system.n_pub_out, toy_system.n_pub_in, toy_system.n_public) == (1, 2, 3)
    assert len(toy_system.constraints) == toy_system.n_constraints == toy_build.constraints
    assert len(toy_system.labels) == toy_system.n_wires == toy_build.wires
    header = read_r1cs_header(toy_build.r1cs)
    assert (header.n_wires, header.n_constraints) == (toy_system.n_wires, toy_system.n_constraints)


def test_a_constraint_system_survives_the_round_trip(toy_system: R1cs) -> None:
    assert parse_r1cs(serialize_r1cs(toy_system)) == toy_system
    assert parse_r1cs(serialize_r1cs(SMALL)) == SMALL


@pytest.mark.parametrize(
    ("constraints", "public", "domain"), [(0, 0, 2), (1, 0, 2), (2, 0, 4), (61, 2, 64), (61, 3, 128)]
)
def test_the_domain_holds_every_constraint_and_public_wire(constraints: int, public: int, domain: int) -> None:
    system = R1cs(public + 1, 0, public, 0, public + 1, constraints, (), ())
    assert system.domain_size == domain


@pytest.mark.parametrize("length", range(0, len(serialize_r1cs(SMALL)), 3))
def test_every_truncated_constraint_system_is_refused(length: int) -> None:
    with pytest.raises(InputError):
        parse_r1cs(serialize_r1cs(SMALL)[:length])


def test_damaged_constraint_systems_are_read_or_refused_but_never_crash() -> None:
    whole = serialize_r1cs(SMALL)
    draw = random.Random(7)
    for _ in range(3000):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            damaged[draw.randrange(len(damaged))] = draw.choice((0, 1, 127, 255))
        try:
            parse_r1cs(bytes(damaged))
        except InputError:
            continue


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (Row((4,), (1,)), "must name wires below 4"),
        (Row((1,), (FIELD_MODULUS,)), "coefficients below the field modulus"),
    ],
)
def test_rows_stay_inside_the_system(row: Row, rule: str) -> None:
    damaged = R1cs(4, 1, 1, 1, 4, 1, (Constraint(row, row, row),), (0, 1, 2, 3))
    with pytest.raises(InputError, match=rule):
        parse_r1cs(serialize_r1cs(damaged))


def test_a_row_that_claims_more_terms_than_the_file_has_is_refused() -> None:
    whole = serialize_r1cs(SMALL)
    start = whole.index(struct.pack("<II", 1, 3) + (FIELD_MODULUS - 1).to_bytes(32, "little"))  # the second row
    with pytest.raises(InputError, match="too short for a row of 4294967295 terms"):
        parse_r1cs(whole[:start] + struct.pack("<I", 0xFFFFFFFF) + whole[start + 4 :])


def test_another_field_is_refused() -> None:
    whole = serialize_r1cs(SMALL).replace(
        FIELD_MODULUS.to_bytes(32, "little"), (FIELD_MODULUS - 2).to_bytes(32, "little")
    )
    with pytest.raises(InputError, match="BN254 scalar field"):
        parse_r1cs(whole)


def test_symbols_name_wires_and_eliminated_signals(toy_symbols: Symbols, toy_build: Build) -> None:
    assert toy_symbols.wires["main.verdict"] == 1
    assert toy_symbols.wires["main.unused"] == -1
    assert toy_symbols.name_of(0) == "one"
    assert toy_symbols.name_of(2) == "main.total"
    assert toy_symbols.name_of(10**6) == "wire 1000000"
    assert dict(toy_build.inputs) == {"total": (), "bound": (), "values": (3,), "grid": (2, 2), "unused": ()}
    assert toy_build.public == ("verdict", "total", "bound")


@pytest.mark.parametrize(
    "line",
    [
        *("1,1,1", "x,1,1,main.a", "1,-2,1,main.a", "1,1,1,main a", "1,1,1,", "1,1,1,main.a\n1,2,1,main.b"),
        f"{'9' * 5_000},1,1,main.a",
    ],
)
def test_malformed_symbol_lines_are_refused(line: str) -> None:
    with pytest.raises(InputError):
        parse_sym(line.encode())


def test_symbols_refuse_incomplete_arrays_and_foreign_signals() -> None:
    symbols = parse_sym(b"1,1,0,main.a[0]\n2,2,0,main.a[2]\n3,3,1,main.sub.b\n")
    with pytest.raises(InputError, match="every element of a once"):
        symbols.main_signals(1, 2)
    with pytest.raises(InputError, match="as a signal of main"):
        symbols.main_signals(3, 1)
    with pytest.raises(InputError, match="as a signal of main"):
        symbols.main_signals(4, 1)


def test_a_witness_survives_the_round_trip_byte_for_byte(toy_witness_file: bytes, toy_witness: list[int]) -> None:
    assert serialize_wtns(toy_witness) == toy_witness_file


def test_witness_values_are_checked_and_not_shown(toy_witness: list[int]) -> None:
    for bad in (FIELD_MODULUS, -1, True, 1.0):
        with pytest.raises(InputError) as caught:
            serialize_wtns([1, bad])  # type: ignore[list-item]
        assert not caught.value.has_value
    damaged = serialize_wtns([1, 2]).replace((2).to_bytes(32, "little"), FIELD_MODULUS.to_bytes(32, "little"))
    with pytest.raises(InputError, match="below the field modulus on wire 1") as caught:
        parse_wtns(damaged)
    assert str(FIELD_MODULUS) not in str(caught.value)


@pytest.mark.parametrize("length", range(0, 140, 3))
def test_every_truncated_witness_is_refused(length: int) -> None:
    with pytest.raises(InputError):
        parse_wtns(serialize_wtns([1, 2])[:length])
