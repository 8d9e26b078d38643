"""The margin core: snapshot, parameters, pricing, margin, commitments. Knows nothing of proofs."""
