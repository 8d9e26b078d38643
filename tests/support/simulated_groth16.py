"""Groth16 keys whose trapdoor is known, and proofs simulated with it: valid pairings with no circuit and no prover."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from py_ecc.fields import optimized_bn128_FQ as FQ
from py_ecc.fields import optimized_bn128_FQ2 as FQ2
from py_ecc.fields import optimized_bn128_FQ12 as FQ12
from py_ecc.optimized_bn128.optimized_curve import (
    G1,
    G2,
    add,
    b2,
    curve_order,
    field_modulus,
    is_inf,
    multiply,
    normalize,
)
from py_ecc.optimized_bn128.optimized_pairing import final_exponentiate, pairing


def scalar(*seed: object) -> int:
    """Return a non-zero scalar that looks random and depends on `seed` alone."""
    digest = hashlib.sha512(repr(seed).encode()).digest()
    return int.from_bytes(digest, "big") % (curve_order - 1) + 1


def g1_json(point: Any) -> list[str]:
    """Return the snarkjs spelling of a projective point of G1."""
    if is_inf(point):
        return ["0", "1", "0"]
    x, y = normalize(point)
    return [str(int(x)), str(int(y)), "1"]


def g2_json(point: Any) -> list[list[str]]:
    """Return the snarkjs spelling of a projective point of G2."""
    x, y = normalize(point)
    return [[str(int(part)) for part in x.coeffs], [str(int(part)) for part in y.coeffs], ["1", "0"]]


def g1_point(spelling: Sequence[str]) -> Any:
    """Return the projective point that snarkjs spells so."""
    return FQ(int(spelling[0])), FQ(int(spelling[1])), FQ(int(spelling[2]))


def g2_point(spelling: Sequence[Sequence[str]]) -> Any:
    """Return the projective point that snarkjs spells so."""
    x, y, z = (FQ2([int(part) for part in pair]) for pair in spelling)
    return x, y, z


def proof_json(a: Any, b: Any, c: Any) -> dict[str, Any]:
    """Return the snarkjs proof of three projective points."""
    return {"pi_a": g1_json(a), "pi_b": g2_json(b), "pi_c": g1_json(c), "protocol": "groth16", "curve": "bn128"}


@dataclass(frozen=True)
class Trapdoor:
    """The discrete logarithms of a key; whoever knows them proves anything."""

    alpha: int
    beta: int
    gamma: int
    delta: int
    inputs: tuple[int, ...]

    @classmethod
    def of(cls, n_public: int, seed: object = 0) -> Self:
        """Return a trapdoor for `n_public` signals, the same for the same seed."""
        named = (scalar(seed, name) for name in ("alpha", "beta", "gamma", "delta"))
        return cls(*named, tuple(scalar(seed, "input", i) for i in range(n_public + 1)))

    def with_(self, **changes: Any) -> Self:
        """Return a copy with some of its scalars exchanged."""
        return replace(self, **changes)

    def key_json(self) -> dict[str, Any]:
        """Return the verifying key as snarkjs would write it (without the redundant ``vk_alphabeta_12``)."""
        return {
            "protocol": "groth16",
            "curve": "bn128",
            "nPublic": len(self.inputs) - 1,
            "vk_alpha_1": g1_json(multiply(G1, self.alpha)),
            "vk_beta_2": g2_json(multiply(G2, self.beta)),
            "vk_gamma_2": g2_json(multiply(G2, self.gamma)),
            "vk_delta_2": g2_json(multiply(G2, self.delta)),
            "IC": [g1_json(multiply(G1, value)) for value in self.inputs],
        }

    def proof_json(self, public: Sequence[int], seed: object = 0) -> dict[str, Any]:
        """Return a valid proof: a and b at random, then c = (a*b - alpha*beta - gamma*x) / delta."""
        x = self.inputs[0] + sum(value * signal for value, signal in zip(self.inputs[1:], public, strict=True))
        a, b = scalar(seed, "a", tuple(public)), scalar(seed, "b", tuple(public))
        c = (a * b - self.alpha * self.beta - self.gamma * x) * pow(self.delta, -1, curve_order) % curve_order
        return proof_json(multiply(G1, a), multiply(G2, b), multiply(G1, c))


def rerandomised(proof: dict[str, Any], key: dict[str, Any], s: int, t: int) -> dict[str, Any]:
    """Return another valid proof of the same statement, made without trapdoor or witness.

    A' = A/s, B' = s*B + s*t*delta, C' = C + t*A.
    """
    a, b, c = g1_point(proof["pi_a"]), g2_point(proof["pi_b"]), g1_point(proof["pi_c"])
    delta = g2_point(key["vk_delta_2"])
    return proof_json(
        multiply(a, pow(s, -1, curve_order)),
        add(multiply(b, s), multiply(delta, s * t % curve_order)),
        add(c, multiply(a, t)),
    )


def combined_input(key: dict[str, Any], public: Sequence[int]) -> Any:
    """Return X = IC[0] + sum of signal * IC[i], a projective point."""
    total = g1_point(key["IC"][0])
    for spelling, signal in zip(key["IC"][1:], public, strict=True):
        total = add(total, multiply(g1_point(spelling), signal))
    return total


def raw_equation_holds(key: dict[str, Any], public: Sequence[int], proof: dict[str, Any]) -> bool:
    """Return whether e(A, B) = e(alpha, beta) e(X, gamma) e(C, delta), asking nothing else of key or proof."""

    def paired(second: Any, first: Any) -> Any:
        return pairing(second, first, final_exponentiate=False)

    left = paired(g2_point(proof["pi_b"]), g1_point(proof["pi_a"]))
    right = (
        paired(g2_point(key["vk_beta_2"]), g1_point(key["vk_alpha_1"]))
        * paired(g2_point(key["vk_gamma_2"]), combined_input(key, public))
        * paired(g2_point(key["vk_delta_2"]), g1_point(proof["pi_c"]))
    )
    return bool(final_exponentiate(left / right) == FQ12.one())


def twist_point_outside_subgroup() -> list[list[str]]:
    """Return a point of the twisted curve that is not in G2 (its cofactor has 254 bits, so nearly all are not)."""
    x0 = 1
    while True:
        x = FQ2([x0, 1])
        y = _square_root(x * x * x + b2)
        if y is not None and not is_inf(multiply((x, y, FQ2.one()), curve_order)):
            return g2_json((x, y, FQ2.one()))
        x0 += 1


def _square_root(value: Any) -> Any | None:
    """Return a root in F_q^2 = F_q[i], or None; q = 3 mod 4, so roots in F_q are powers."""
    q = field_modulus
    real, imaginary = (int(part) for part in value.coeffs)
    norm_root = pow(real * real + imaginary * imaginary, (q + 1) // 4, q)
    for sign in (1, -1):
        half = (real + sign * norm_root) * pow(2, -1, q) % q
        root = pow(half, (q + 1) // 4, q)
        if root and root * root % q == half:
            candidate = FQ2([root, imaginary * pow(2 * root, -1, q) % q])
            if candidate * candidate == value:
                return candidate
    return None
