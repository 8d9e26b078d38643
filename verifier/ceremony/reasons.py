"""Why a ceremony is refused: every code with the sentence a person reads."""

from __future__ import annotations

from typing import Final

from rtnet_core.errors import Refusal

#: Code -> what it means. A code, once released, keeps its meaning.
CEREMONY_REASONS: Final[dict[str, str]] = {
    "unknown_phase_1": "The phase-1 file is not one of the public perpetual ceremony, bit for bit.",
    "wrong_phase_1": "The phase-1 file is not the one that the ceremony names.",
    "wrong_circuit": "The constraint system is not the one that the ceremony names.",
    "wrong_circuit_hash": "The key begins with another circuit hash than the ceremony's first key.",
    "wrong_key": "The key's points are not those that the circuit and the phase-1 file give.",
    "transcript_broken": "A contribution does not follow from those before it: one was dropped, moved or changed.",
    "contribution_invalid": "A contribution does not prove that its maker knew the secret, or delta did not follow it.",
    "delta_mismatch": "The key's delta is not the one that the last contribution left.",
    "beacon_mismatch": "The beacon's contribution does not follow from the beacon's value.",
    "after_beacon": "A contribution comes after the beacon, which ends a ceremony.",
    "no_contribution": "Nobody but the beacon contributed: whoever made the first key knows everything.",
    "no_beacon": "No beacon ends the ceremony: the last contributor could have chosen among many keys.",
    "not_for_production": "The ceremony stands on a phase-1 file of unknown origin.",
    "file_mismatch": "A key file of the ceremony does not belong to its chain.",
    "snarkjs_differs": "snarkjs refuses the key that was accepted here: one of the two checks is wrong.",
    "attestation_mismatch": "An attestation says something else than the chain of contributions.",
}


def refuse(code: str, detail: str) -> Refusal:
    """Return the refusal of that code, its sentence followed by the detail.

    Raises
    ------
    KeyError
        The code is not in `CEREMONY_REASONS`: a mistake in this package.
    """
    return Refusal(code, f"{CEREMONY_REASONS[code]} ({detail})")
