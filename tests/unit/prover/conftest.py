"""The toy circuit for every test of the prover's parts."""

from tests.support.toy_circuit import (
    other_build,
    toy_build,
    toy_keys,
    toy_symbols,
    toy_system,
    toy_witness,
    toy_witness_file,
)

__all__ = ["other_build", "toy_build", "toy_keys", "toy_symbols", "toy_system", "toy_witness", "toy_witness_file"]
