"""Groth16 on BN254: strict reading of snarkjs keys and proofs, and the pairing check by either of two backends."""

from __future__ import annotations

import importlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import Any, Final, Literal

from py_ecc.fields import optimized_bn128_FQ as FQ
from py_ecc.fields import optimized_bn128_FQ12 as FQ12
from py_ecc.optimized_bn128.optimized_curve import Z1, add, multiply, neg
from py_ecc.optimized_bn128.optimized_pairing import final_exponentiate, pairing
from py_ecc.typing import Optimized_Point3D

from rtnet_core.errors import InputError, ToolError
from verifier.canonical import decimal, exact_list, exact_object, exact_text
from verifier.points import (
    SCALAR_MODULUS,
    G1Point,
    G2Point,
    g1_json,
    g2_json,
    lift_g1,
    lift_g2,
    negated_g2,
    read_g1,
    read_g2,
)
from verifier.reasons import refuse

#: ``auto`` takes the native module where it is installed, else the reference in pure Python.
Backend = Literal["auto", "reference", "native"]

#: More public signals than any circuit of ours has; bounds the work that a key file can ask for.
MAX_PUBLIC: Final = 64

#: Bits of the factors by which proofs checked together are scaled.
COEFFICIENT_BITS: Final = 128

_PROOF_KEYS: Final = ("pi_a", "pi_b", "pi_c", "protocol", "curve")
_KEY_KEYS: Final = ("protocol", "curve", "nPublic", "vk_alpha_1", "vk_beta_2", "vk_gamma_2", "vk_delta_2", "IC")


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A Groth16 key: every point valid, gamma, delta and beta pairwise different up to sign, no input point twice."""

    alpha: G1Point
    beta: G2Point
    gamma: G2Point
    delta: G2Point
    inputs: tuple[G1Point, ...]  #: IC: one point for the constant 1, then one for each public signal

    @property
    def n_public(self) -> int:
        """Count of public signals."""
        return len(self.inputs) - 1

    @classmethod
    def from_json(cls, value: object) -> VerificationKey:
        """Return the key of a parsed ``verification_key.json``.

        Raises
        ------
        Refusal
            ``key_malformed``: form, protocol or curve; ``key_public_count``: IC does not hold nPublic + 1 points;
            the codes of `verifier.points` for a bad point; ``key_repeated_point``: a point twice in IC;
            ``key_gamma_equals_delta`` and ``key_degenerate``: a key under which anyone can forge.

        Notes
        -----
        The check is e(A, B) = e(alpha, beta) e(X, gamma) e(C, delta) with X = IC[0] + sum of signal * IC[i].
        gamma = delta: A = alpha, B = beta, C = -X passes. beta = delta: A = X, B = gamma, C = -alpha passes.
        beta = gamma: A = alpha + X, B = gamma + delta, C = A passes. With one sign turned each of them passes too.
        ``vk_alphabeta_12`` is e(alpha, beta) once more; it may be present and is not used.
        """
        members = exact_object(value, "key", _KEY_KEYS, "key_malformed", optional=("vk_alphabeta_12",))
        exact_text(members["protocol"], "key.protocol", "groth16", "key_malformed")
        exact_text(members["curve"], "key.curve", "bn128", "key_malformed")
        n_public = members["nPublic"]
        if type(n_public) is not int or not 0 < n_public <= MAX_PUBLIC:
            raise refuse("key_malformed", f"key.nPublic: must be an integer from 1 to {MAX_PUBLIC}")
        points = members["IC"]
        if not isinstance(points, list) or len(points) != n_public + 1:
            raise refuse("key_public_count", f"nPublic is {n_public}")
        alpha = read_g1(members["vk_alpha_1"], "key.vk_alpha_1", "key_malformed")
        inputs = tuple(read_g1(point, f"key.IC[{i}]", "key_malformed") for i, point in enumerate(points))
        if len(set(inputs)) != len(inputs):
            raise refuse("key_repeated_point")
        beta, gamma, delta = (
            read_g2(members[name], f"key.{name}", "key_malformed") for name in ("vk_beta_2", "vk_gamma_2", "vk_delta_2")
        )
        if gamma in (delta, negated_g2(delta)):
            raise refuse("key_gamma_equals_delta")
        if beta in (gamma, negated_g2(gamma), delta, negated_g2(delta)):
            raise refuse("key_degenerate")
        return cls(alpha, beta, gamma, delta, inputs)

    def to_json(self) -> dict[str, Any]:
        """Return the key in the form of snarkjs, without the redundant ``vk_alphabeta_12``."""
        return {
            "protocol": "groth16",
            "curve": "bn128",
            "nPublic": self.n_public,
            "vk_alpha_1": g1_json(self.alpha),
            "vk_beta_2": g2_json(self.beta),
            "vk_gamma_2": g2_json(self.gamma),
            "vk_delta_2": g2_json(self.delta),
            "IC": [g1_json(point) for point in self.inputs],
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """A Groth16 proof whose points are valid. Its bytes identify nothing: anyone can re-randomise it."""

    a: G1Point
    b: G2Point
    c: G1Point

    @classmethod
    def from_json(cls, value: object) -> Proof:
        """Return the proof of a parsed ``proof.json``.

        Raises
        ------
        Refusal
            ``proof_malformed``: form, protocol or curve; the codes of `verifier.points` for a bad point.
        """
        members = exact_object(value, "proof", _PROOF_KEYS, "proof_malformed")
        exact_text(members["protocol"], "proof.protocol", "groth16", "proof_malformed")
        exact_text(members["curve"], "proof.curve", "bn128", "proof_malformed")
        a = read_g1(members["pi_a"], "proof.pi_a", "proof_malformed")
        c = read_g1(members["pi_c"], "proof.pi_c", "proof_malformed")
        return cls(a, read_g2(members["pi_b"], "proof.pi_b", "proof_malformed"), c)

    def to_json(self) -> dict[str, Any]:
        """Return the proof in the form of snarkjs."""
        return {
            "pi_a": g1_json(self.a),
            "pi_b": g2_json(self.b),
            "pi_c": g1_json(self.c),
            "protocol": "groth16",
            "curve": "bn128",
        }


def read_signal(value: object, where: str) -> int:
    """Return one public signal, below r, from its canonical decimal string.

    Raises
    ------
    Refusal
        ``signal_not_canonical`` or ``signal_out_of_range``.
    """
    return decimal(value, where, SCALAR_MODULUS, "signal_not_canonical", "signal_out_of_range")


def read_public(value: object, n_public: int) -> tuple[int, ...]:
    """Return the signals of a parsed ``public.json``, which must hold `n_public` of them.

    Raises
    ------
    Refusal
        ``wrong_public_count``: no array, or of another length; the codes of `read_signal`.
    """
    signals = exact_list(value, "public", n_public, "wrong_public_count")
    return tuple(read_signal(signal, f"public[{i}]") for i, signal in enumerate(signals))


def native_available() -> bool:
    """Return whether the native module is installed here."""
    return _native_module() is not None


def chosen_backend(backend: Backend) -> Literal["reference", "native"]:
    """Return the backend that a choice comes to on this machine.

    Raises
    ------
    InputError
        The choice is none of the three.
    ToolError
        ``native`` was asked for and is not installed.
    """
    if backend not in ("auto", "reference", "native"):
        raise InputError("backend", "must be auto, reference or native", backend)
    if backend == "reference" or (backend == "auto" and not native_available()):
        return "reference"
    if not native_available():
        raise ToolError("the native module zkm2m_native is not installed: build it or use the reference backend")
    return "native"


def verify(key: VerificationKey, public: Sequence[int], proof: Proof, backend: Backend = "auto") -> bool:
    """Return whether the proof holds for these public signals under this key.

    Parameters
    ----------
    key, proof
        As read by their `from_json`: no backend sees a point that was not checked here.
    public
        The signals in the circuit's order, each 0 <= signal < r.
    backend
        ``reference`` (py_ecc), ``native`` or ``auto``; both give the same answer.

    Raises
    ------
    Refusal
        ``wrong_public_count``: not one signal for each input point; ``signal_out_of_range``: no integer below r.
    ToolError
        The native module is asked for and missing, or fails on what was checked here.
    """
    _require_signals(key, public, "public")
    if chosen_backend(backend) == "native":
        return _verify_native(key, public, proof)
    return _verify_reference(key, public, proof)


def verify_many(
    key: VerificationKey, publics: Sequence[Sequence[int]], proofs: Sequence[Proof], backend: Backend = "auto"
) -> int | None:
    """Return the index of the first proof that does not hold under this key; None if all hold, or there is none.

    Parameters
    ----------
    key, proofs
        As `verify`.
    publics
        The signals of each proof, as `verify`.
    backend
        As `verify`.

    Raises
    ------
    InputError
        Not one list of signals for each proof.
    Refusal
        The codes of `verify`.
    ToolError
        As `verify`.

    Notes
    -----
    With 128-bit coefficients p_i that no prover can foresee, the equations are checked together:
    prod e(p_i A_i, B_i) = e(sum p_i alpha, beta) e(sum p_i X_i, gamma) e(sum p_i C_i, delta). Where one does not hold,
    so does that for one choice in 2^128 at most; where that does not hold, single ones are checked to name the first.
    """
    _require_claims(key, publics, len(proofs))
    if chosen_backend(backend) == "native":
        return _first_failure_native(key, publics, proofs)
    return _first_failure_reference(key, publics, proofs)


def _require_claims(key: VerificationKey, publics: Sequence[Sequence[int]], proofs: int) -> None:
    if len(publics) != proofs:
        raise InputError("proofs", f"must be {len(publics)}, one for each list of signals", proofs)
    for i, public in enumerate(publics):
        _require_signals(key, public, f"publics[{i}]")


def _require_signals(key: VerificationKey, public: Sequence[int], where: str) -> None:
    if len(public) != key.n_public:
        raise refuse("wrong_public_count", f"{where}: {len(public)} given, {key.n_public} expected")
    for i, signal in enumerate(public):
        if type(signal) is not int or not 0 <= signal < SCALAR_MODULUS:
            raise refuse("signal_out_of_range", f"{where}[{i}]")


def _verify_reference(key: VerificationKey, public: Sequence[int], proof: Proof) -> bool:
    return _all_hold_reference(key, [public], [proof], [1])


def _all_hold_reference(
    key: VerificationKey, publics: Sequence[Sequence[int]], proofs: Sequence[Proof], coefficients: Sequence[int]
) -> bool:
    """Return whether the equations hold together, scaled: a Miller loop for each proof and three more, one exponent."""
    sums = [
        sum(map(mul, coefficients, column)) % SCALAR_MODULUS for column in zip(*((1, *p) for p in publics), strict=True)
    ]
    inputs = _combination(sums, key.inputs)
    c = _combination(coefficients, [proof.c for proof in proofs])
    product: FQ12 = (
        pairing(lift_g2(key.beta), _combination(sums[:1], [key.alpha]), final_exponentiate=False)
        * pairing(lift_g2(key.gamma), inputs, final_exponentiate=False)
        * pairing(lift_g2(key.delta), c, final_exponentiate=False)
    )
    for coefficient, proof in zip(coefficients, proofs, strict=True):
        a = neg(_combination([coefficient], [proof.a]))
        product *= pairing(lift_g2(proof.b), a, final_exponentiate=False)
    return bool(final_exponentiate(product) == FQ12.one())


def _combination(scalars: Sequence[int], points: Sequence[G1Point]) -> Optimized_Point3D[FQ]:
    total = Z1
    for scalar, point in zip(scalars, points, strict=True):
        total = add(total, multiply(lift_g1(point), scalar) if scalar else Z1)
    return total


def _first_failure_reference(
    key: VerificationKey, publics: Sequence[Sequence[int]], proofs: Sequence[Proof]
) -> int | None:
    if not proofs:
        return None
    coefficients = [1, *(secrets.randbits(COEFFICIENT_BITS) for _ in proofs[1:])]
    if _all_hold_reference(key, publics, proofs, coefficients):
        return None
    for i, (public, proof) in enumerate(zip(publics, proofs, strict=True)):
        if not _verify_reference(key, public, proof):
            return i
    raise ToolError("proofs that hold one by one do not hold together: the reference backend is broken")


def _verify_native(key: VerificationKey, public: Sequence[int], proof: Proof) -> bool:
    native = _native_module()
    signals = [str(signal) for signal in public]
    try:
        holds = native.verify(json.dumps(key.to_json()), signals, json.dumps(proof.to_json()))
    except ValueError as error:
        raise ToolError(f"zkm2m_native refuses what the reference accepts: {error}") from error
    if type(holds) is not bool:
        raise ToolError("zkm2m_native gave an answer that is neither true nor false")
    return holds


def _first_failure_native(
    key: VerificationKey, publics: Sequence[Sequence[int]], proofs: Sequence[Proof]
) -> int | None:
    signals = [[str(signal) for signal in public] for public in publics]
    texts = [json.dumps(proof.to_json()) for proof in proofs]
    try:
        failure = _native_module().verify_many(json.dumps(key.to_json()), signals, texts)
    except ValueError as error:
        raise ToolError(f"zkm2m_native refuses what the reference accepts: {error}") from error
    if failure is not None and (type(failure) is not int or not 0 <= failure < len(proofs)):
        raise ToolError("zkm2m_native gave an answer that is neither none nor the index of a proof")
    return failure


def _native_module() -> Any:
    try:
        return importlib.import_module("zkm2m_native")
    except ModuleNotFoundError:
        return None
    except ImportError as error:
        raise ToolError(f"the native module zkm2m_native is installed but does not load: {error}") from error
