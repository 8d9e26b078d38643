"""Proofs verified together: one that does not hold is refused and named wherever it stands (A38)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from py_ecc.optimized_bn128.optimized_curve import G1, add, multiply, neg

from rtnet_core.errors import InputError, Refusal, ToolError
from tests.support.simulated_groth16 import (
    Trapdoor,
    g1_json,
    g1_point,
    rerandomised,
)
from verifier import groth16
from verifier.groth16 import (
    Backend,
    Proof,
    VerificationKey,
    native_available,
    verify,
    verify_many,
)
from verifier.points import SCALAR_MODULUS

TRAPDOOR = Trapdoor.of(2)
KEY_JSON = TRAPDOOR.key_json()
KEY = VerificationKey.from_json(KEY_JSON)
PUBLICS = [(i, SCALAR_MODULUS - 1 - i * i) for i in range(5)]
PROOFS = [TRAPDOOR.proof_json(public) for public in PUBLICS]

NEEDS_NATIVE = pytest.mark.skipif(not native_available(), reason="native module not built")
BACKENDS = ["reference", pytest.param("native", marks=NEEDS_NATIVE)]
#: Two of three proofs; the slow backend is asked about one pair.
PAIRS = [
    (1, 2, "reference"),
    *(pytest.param(*pair, "native", marks=NEEDS_NATIVE) for pair in ((0, 1), (1, 2), (0, 2))),
]
#: (count of proofs, place of the wrong one)
PLACES = [(count, place) for count in (1, 2, 5) for place in range(count)]

Claims = tuple[list[tuple[int, ...]], list[dict[str, Any]]]


def honest(count: int) -> Claims:
    """Return the signals and proofs of `count` statements."""
    return [*PUBLICS[:count]], [*PROOFS[:count]]


def read(values: list[dict[str, Any]]) -> list[Proof]:
    """Return proofs from their JSON."""
    return [Proof.from_json(value) for value in values]


def first_failure(claims: Claims, backend: Backend) -> int | None:
    """Return the answer of a backend."""
    publics, values = claims
    return verify_many(KEY, publics, read(values), backend)


def shifted(proof: dict[str, Any], by: int) -> dict[str, Any]:
    """Return the proof with a multiple of the generator added to C."""
    return proof | {"pi_c": g1_json(add(g1_point(proof["pi_c"]), multiply(G1, by % SCALAR_MODULUS)))}


def _other_signal(claims: Claims, place: int) -> None:
    claims[0][place] = (claims[0][place][0] + 1, claims[0][place][1])


def _exchanged_signals(claims: Claims, place: int) -> None:
    claims[0][place] = claims[0][place][::-1]


def _proof_of_another_statement(claims: Claims, place: int) -> None:
    claims[1][place] = TRAPDOOR.proof_json((7, 7))


def _proof_of_another_circuit(claims: Claims, place: int) -> None:
    claims[1][place] = Trapdoor.of(2, "another circuit").proof_json(claims[0][place])


def _shifted_c(claims: Claims, place: int) -> None:
    claims[1][place] = shifted(claims[1][place], 1)


def _opposite_a(claims: Claims, place: int) -> None:
    proof = claims[1][place]
    claims[1][place] = proof | {"pi_a": g1_json(neg(g1_point(proof["pi_a"])))}


WRONGS = [
    _other_signal,
    _exchanged_signals,
    _proof_of_another_statement,
    _proof_of_another_circuit,
    _shifted_c,
    _opposite_a,
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_honest_proofs_hold_together(count: int, backend: Backend) -> None:
    assert first_failure(honest(count), backend) is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_repeated_and_rerandomised_proofs_hold_together(backend: Backend) -> None:
    claims = [PUBLICS[0]] * 3, [PROOFS[0], PROOFS[0], rerandomised(PROOFS[0], KEY_JSON, 5, 7)]
    assert first_failure(claims, backend) is None


@NEEDS_NATIVE
@pytest.mark.parametrize("spoil", WRONGS)
@pytest.mark.parametrize(("count", "place"), PLACES)
def test_a38_a_wrong_proof_is_named_at_every_position_native(
    count: int, place: int, spoil: Callable[[Claims, int], None]
) -> None:
    claims = honest(count)
    spoil(claims, place)
    assert first_failure(claims, "native") == place


@pytest.mark.parametrize(
    ("count", "place", "spoil"),
    [(count, place, WRONGS[i % len(WRONGS)]) for i, (count, place) in enumerate(PLACES)],
)
def test_a38_a_wrong_proof_is_named_at_every_position_reference(
    count: int, place: int, spoil: Callable[[Claims, int], None]
) -> None:
    claims = honest(count)
    spoil(claims, place)
    assert verify_many(KEY, claims[0], [Proof.from_json(value) for value in claims[1]], "reference") == place


@pytest.mark.parametrize(("first", "second", "backend"), PAIRS)
def test_a38_swapped_proofs_are_refused(first: int, second: int, backend: Backend) -> None:
    publics, proofs = honest(3)
    proofs[first], proofs[second] = proofs[second], proofs[first]
    assert first_failure((publics, proofs), backend) == first


@pytest.mark.parametrize(("first", "second", "backend"), PAIRS)
def test_a38_errors_that_cancel_under_equal_coefficients_are_found(first: int, second: int, backend: Backend) -> None:
    publics, proofs = honest(3)
    proofs[first], proofs[second] = shifted(proofs[first], 12_345), shifted(proofs[second], -12_345)
    assert first_failure((publics, proofs), backend) == first


@pytest.mark.parametrize("backend", BACKENDS)
def test_a38_errors_that_cancel_under_small_multiples_are_found(backend: Backend) -> None:
    publics, proofs = honest(3)
    proofs = [shifted(proof, by) for proof, by in zip(proofs, (1, -2, 1), strict=True)]
    assert first_failure((publics, proofs), backend) == 0


def test_equal_coefficients_would_not_find_them() -> None:
    publics, values = honest(2)
    proofs = [Proof.from_json(value) for value in (shifted(values[0], 9), shifted(values[1], -9))]
    assert groth16._all_hold_reference(KEY, publics, proofs, [1, 1])
    assert not any(verify(KEY, public, proof, "reference") for public, proof in zip(publics, proofs, strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a38_of_several_wrong_proofs_the_first_is_named(backend: Backend) -> None:
    claims = honest(4)
    for place in (1, 3):
        _other_signal(claims, place)
    assert first_failure(claims, backend) == 1
    claims = honest(3)
    for place in range(3):
        _shifted_c(claims, place)
    assert first_failure(claims, backend) == 0


def test_coefficients_are_drawn_afresh_and_the_first_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []

    def record(_key: object, _publics: object, _proofs: object, coefficients: list[int]) -> bool:
        seen.append(coefficients)
        return True

    monkeypatch.setattr(groth16, "_all_hold_reference", record)
    proofs = [Proof.from_json(value) for value in PROOFS[:3]]
    for _ in range(2):
        assert verify_many(KEY, PUBLICS[:3], proofs, "reference") is None
    assert [coefficients[0] for coefficients in seen] == [1, 1]
    assert len({value for coefficients in seen for value in coefficients[1:]}) == 4
    assert all(0 <= value < 1 << 128 for coefficients in seen for value in coefficients)


@pytest.mark.parametrize("backend", BACKENDS)
def test_signals_are_read_as_strictly_as_for_one_proof(backend: Backend) -> None:
    publics, values = honest(3)
    proofs = [Proof.from_json(value) for value in values]
    for wrong, code in (
        ((1,), "wrong_public_count"),
        ((1, 2, 3), "wrong_public_count"),
        ((1, SCALAR_MODULUS), "signal_out_of_range"),
        ((-1, 1), "signal_out_of_range"),
        ((True, 1), "signal_out_of_range"),
        (("1", 1), "signal_out_of_range"),
    ):
        with pytest.raises(Refusal, match=r"publics\[2\]") as caught:
            verify_many(KEY, [*publics[:2], wrong], proofs, backend)
        assert caught.value.code == code


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_proof_needs_its_signals(backend: Backend) -> None:
    publics, values = honest(2)
    with pytest.raises(InputError, match="one for each list of signals"):
        verify_many(KEY, publics, [Proof.from_json(values[0])], backend)
    with pytest.raises(InputError, match="one for each list of signals"):
        verify_many(KEY, publics[:1], read(values), backend)


class FakeNative(ModuleType):
    """Stands for the native module: answers what it is told to."""

    def __init__(self, answer: object) -> None:
        super().__init__("zkm2m_native")
        self.answer = answer

    def verify_many(self, *_: object) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", [True, False, -1, 2, "0", 0.0])
def test_an_answer_that_is_no_index_is_a_failed_tool(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setitem(sys.modules, "zkm2m_native", FakeNative(answer))
    with pytest.raises(ToolError, match="neither none nor the index"):
        verify_many(KEY, PUBLICS[:2], read(PROOFS[:2]), "native")


def test_a_native_module_that_refuses_what_reads_well_is_a_failed_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zkm2m_native", FakeNative(ValueError("no")))
    with pytest.raises(ToolError, match="refuses what the reference accepts"):
        verify_many(KEY, PUBLICS[:2], read(PROOFS[:2]), "native")


def test_backends_that_contradict_themselves_are_a_failed_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groth16, "_all_hold_reference", lambda *claims: len(claims[1]) == 1)
    with pytest.raises(ToolError, match="one by one do not hold together"):
        verify_many(KEY, PUBLICS[:2], read(PROOFS[:2]), "reference")
