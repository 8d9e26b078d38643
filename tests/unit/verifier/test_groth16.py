"""Groth16: what is read, what is written back, and the pairing check on simulated proofs."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from rtnet_core.errors import InputError, Refusal, ToolError
from tests.support.simulated_groth16 import Trapdoor, raw_equation_holds, rerandomised
from verifier.groth16 import Proof, VerificationKey, chosen_backend, native_available, read_public, verify
from verifier.points import SCALAR_MODULUS

TRAPDOOR = Trapdoor.of(3)
KEY_JSON = TRAPDOOR.key_json()
KEY = VerificationKey.from_json(KEY_JSON)
PUBLIC = (1, 0, SCALAR_MODULUS - 1)
PROOF_JSON = TRAPDOOR.proof_json(PUBLIC)
PROOF = Proof.from_json(PROOF_JSON)

BACKENDS = [
    "reference",
    pytest.param("native", marks=pytest.mark.skipif(not native_available(), reason="native module not built")),
]


class FakeNative(ModuleType):
    """Stands for the native module: answers what it is told to."""

    def __init__(self, answer: object) -> None:
        super().__init__("zkm2m_native")
        self.answer = answer
        self.asked: list[tuple[str, list[str], str]] = []

    def verify(self, key: str, public: list[str], proof: str) -> object:
        self.asked.append((key, public, proof))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_simulated_proof_holds_for_its_signals_only(backend: str) -> None:
    assert verify(KEY, PUBLIC, PROOF, backend)  # type: ignore[arg-type]
    assert not verify(KEY, (1, 1, SCALAR_MODULUS - 1), PROOF, backend)  # type: ignore[arg-type]


def test_our_check_and_the_raw_equation_agree() -> None:
    assert raw_equation_holds(KEY_JSON, PUBLIC, PROOF_JSON)
    assert not raw_equation_holds(KEY_JSON, (0, 0, 0), PROOF_JSON)


def test_a_rerandomised_proof_has_other_bytes_and_holds() -> None:
    other = rerandomised(PROOF_JSON, KEY_JSON, 5, 7)
    assert all(other[name] != PROOF_JSON[name] for name in ("pi_a", "pi_b", "pi_c"))
    assert verify(KEY, PUBLIC, Proof.from_json(other), "reference")


def test_signals_that_cancel_the_input_sum_are_paired_as_infinity() -> None:
    trapdoor = Trapdoor.of(1).with_(inputs=(SCALAR_MODULUS - 2, 1))
    key = VerificationKey.from_json(trapdoor.key_json())
    proof = Proof.from_json(trapdoor.proof_json((2,)))
    assert verify(key, (2,), proof, "reference")


def test_keys_and_proofs_are_written_as_they_were_read() -> None:
    assert KEY.to_json() == KEY_JSON
    assert PROOF.to_json() == PROOF_JSON
    assert KEY.n_public == 3


def test_the_redundant_pairing_of_snarkjs_keys_is_allowed_and_dropped() -> None:
    assert VerificationKey.from_json({**KEY_JSON, "vk_alphabeta_12": []}) == KEY


@pytest.mark.parametrize("signal", [-1, SCALAR_MODULUS, True, 1.0, "1", None])
def test_a_signal_that_is_no_field_element_is_refused(signal: object) -> None:
    with pytest.raises(Refusal) as caught:
        verify(KEY, (1, 0, signal), PROOF)  # type: ignore[arg-type]
    assert caught.value.code == "signal_out_of_range"


def test_public_signals_are_read_in_order() -> None:
    assert read_public(["1", "0", str(SCALAR_MODULUS - 1)], 3) == PUBLIC


def test_an_unknown_backend_is_named() -> None:
    with pytest.raises(InputError, match="must be auto, reference or native"):
        chosen_backend("fast")  # type: ignore[arg-type]


def test_without_the_native_module_auto_is_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zkm2m_native", None)
    assert chosen_backend("auto") == "reference"
    with pytest.raises(ToolError, match="is not installed"):
        chosen_backend("native")


@pytest.mark.parametrize("answer", [True, False])
def test_the_native_module_gets_what_was_read_here_and_its_answer_counts(
    monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    native = FakeNative(answer)
    monkeypatch.setitem(sys.modules, "zkm2m_native", native)
    assert chosen_backend("auto") == "native"
    assert verify(KEY, PUBLIC, PROOF) is answer
    assert native.asked[0][1] == [str(signal) for signal in PUBLIC]
    assert native.asked[0][0].startswith('{"protocol": "groth16", "curve": "bn128", "nPublic": 3')


@pytest.mark.parametrize("answer", [ValueError("point off the curve"), 1, None])
def test_a_native_module_that_contradicts_the_reading_is_a_failed_tool(
    monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    monkeypatch.setitem(sys.modules, "zkm2m_native", FakeNative(answer))
    with pytest.raises(ToolError, match="zkm2m_native"):
        verify(KEY, PUBLIC, PROOF, "native")


def test_the_native_module_is_not_asked_about_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    native = FakeNative(True)
    monkeypatch.setitem(sys.modules, "zkm2m_native", native)
    with pytest.raises(Refusal):
        verify(KEY, PUBLIC[:2], PROOF)
    assert native.asked == []
