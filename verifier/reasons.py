"""Every reason code of a refusal with the sentence a person reads: the one table that programs may rely on."""

from __future__ import annotations

from typing import Final

from rtnet_core.errors import Refusal

#: Code -> what it means. A code, once released, keeps its meaning.
REASONS: Final[dict[str, str]] = {
    # reading a file
    "malformed_json": "The file is not strict JSON.",
    "malformed_bundle": "The bundle does not have the form of the proof file that was asked for.",
    "signal_not_canonical": "A public signal is not a decimal string without sign, leading zeros or other digits.",
    "signal_out_of_range": "A public signal is not below the order of the scalar field, or not in its own range.",
    "wrong_public_count": "The number of public signals is not the one the verifying key was made for.",
    # points
    "proof_malformed": "The proof does not have the form of a snarkjs Groth16 proof on bn128.",
    "coordinate_not_canonical": "A coordinate is not a decimal string without sign, leading zeros or other digits.",
    "coordinate_out_of_range": "A coordinate is not below the order of the base field.",
    "point_at_infinity": "A point is the point at infinity, which no honest prover or key maker produces.",
    "point_off_curve": "A point does not lie on its curve.",
    "point_outside_subgroup": "A point lies on the twisted curve, outside the subgroup of prime order.",
    "proof_invalid": "The pairing equation does not hold: the proof does not prove this statement under this key.",
    # keys
    "key_malformed": "The verifying key does not have the form of a snarkjs Groth16 key on bn128.",
    "key_public_count": "The verifying key does not hold nPublic + 1 input points.",
    "key_repeated_point": "The verifying key has one input point twice, so public signals could be exchanged.",
    "key_gamma_equals_delta": "The verifying key has gamma = delta, up to sign: anyone can forge proofs under it.",
    "key_degenerate": "The verifying key has beta = gamma or delta, up to sign: anyone can forge proofs under it.",
    "key_lock_malformed": "keys.lock.json does not have the form of a zkm2m/keys/v1 file.",
    "key_lock_mismatch": "The verifying key is not the one that its lock file names.",
    "unknown_key": "The proof was made under a key that this verifier has not pinned.",
    "wrong_circuit": "The proof is of another circuit than the published data calls for.",
    "wrong_circuit_version": "The proof is of another version of the circuit than the pinned key.",
    "development_key": "The pinned key is a development key: whoever made it can forge proofs. Production refuses it.",
    "key_not_ceremonial": "The pinned key has no contribution or no beacon. Production asks for a finished ceremony.",
    # published data
    "record_signature_invalid": "The signature of the epoch record does not hold.",
    "profile_mismatch": "The market file and the epoch record name different profiles.",
    "snapshot_mismatch": "The market file is not the one the epoch record was signed over.",
    "params_mismatch": "The margin parameters are not the ones the epoch record was signed over.",
    "risk_root_mismatch": "The risk array recomputed from the market file is not the one the epoch record states.",
    # statement
    "statement_mismatch": "A public signal of the proof differs from the one rebuilt from the published data.",
    "wrong_challenge": "The proof is bound to another challenge, epoch record or venue than the ones given.",
    "replayed": "This statement was accepted before.",
    # epochs
    "not_an_epoch_record": "The record says nothing about the whole book: it is not the record of a proven epoch.",
    "malformed_proofs": "A line of proofs.jsonl does not have the form of an epoch's proof.",
    "wrong_proofs": "The proofs are not exactly those that the account count calls for, in their order.",
    "circuits_mismatch": "The record names other circuits than the ones that its account count calls for.",
    "book_root_mismatch": "The batch roots do not make the book root that the record states.",
    "totals_mismatch": "The totals in the record do not open the commitment that the last proof is about.",
    "net_position": "The book is not balanced: in some instrument the longs are not as many as the shorts.",
    "deficit_exceeds_fund": "The insurance fund does not cover what accounts owe beyond all that they have.",
    # chains of epochs
    "chain_broken": "The record does not name the one before it as its predecessor.",
    "chain_gap": "The epoch number does not follow the one before it.",
    "chain_time": "The record is not later than the one before it.",
    "chain_venue": "The record is signed by another key than the one before it.",
    "number_mismatch": "The record bears another number than its folder.",
    "number_twice": "Two records bear the same number.",
    # reserves and inclusion
    "reserves_mismatch": "The reserves file is of another venue, epoch or market than the record.",
    "reserves_time_mismatch": "The reserves are of another time than the liabilities.",
    "reserve_twice": "The reserves file counts an address twice.",
    "reserve_signature_invalid": "An ownership signature in the reserves file does not hold.",
    "inclusion_mismatch": "The inclusion file is of another epoch or record.",
    "inclusion_path_length": "The inclusion path is not as long as the book is deep.",
    "inclusion_outside_book": "The inclusion file shows a place behind the last account of the book.",
    "not_included": "The account in the inclusion file is not, with these numbers, in the book that the record states.",
    "risk_array_mismatch": "The risk array computed from the signed snapshot is not the one that the proof states.",
    # quotes
    "price_jump": "The index moved further from the snapshot before it than the safeguard permits.",
    "surface_arbitrage": "No volatility surface free of arbitrage was found for these quotes.",
    # oracles
    "oracle_set_mismatch": "The signatures were made for another set of oracles, or for another quorum.",
    "oracle_other_snapshot": "A signature is over another snapshot than the one given.",
    "oracle_unknown": "A signature is by a key that is not in the set of oracles.",
    "oracle_twice": "One oracle has two signatures in the file, and counts only once.",
    "oracle_signature_invalid": "An oracle's signature does not hold for this snapshot.",
    "oracle_quorum_not_met": "Fewer oracles signed than the quorum asks for.",
    # policy
    "time_mismatch": "The market file and the epoch record are of different times.",
    "from_the_future": "The published data bears a time later than now and the permitted clock skew.",
    "stale": "The published data is older than permitted.",
    "venue_key_not_pinned": "Production asks for the venue's public key, obtained by a road of its own.",
    "wrong_venue": "The epoch record is signed by another key than the pinned key of the venue.",
    "threshold_mismatch": "The proof is for another threshold than the one asked for.",
}


def refuse(code: str, detail: str = "") -> Refusal:
    """Return the refusal of that code, its sentence followed by the detail.

    Raises
    ------
    KeyError
        The code is not in `REASONS`: a mistake in this package.

    Examples
    --------
    >>> refuse("stale", "age 90000 ms, permitted 60000 ms").message
    'The published data is older than permitted. (age 90000 ms, permitted 60000 ms)'
    """
    sentence = REASONS[code]
    return Refusal(code, f"{sentence} ({detail})" if detail else sentence)


def refusal_json(refusal: Refusal) -> dict[str, object]:
    """Return a refusal as the JSON object that stands where an accepted proof has its verdict."""
    return {"accepted": False, "reason": refusal.code, "message": refusal.message}
