"""From a proof, published data and the recipient's own keys to a verdict. Imports rtnet_core, never prover."""
