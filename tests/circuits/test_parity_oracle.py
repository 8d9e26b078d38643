"""The quorum circuit and `rtnet_core.oracle` agree: on the root, and on who is a quorum."""

from __future__ import annotations

import pytest

from prover.oracle_inputs import quorum_inputs
from rtnet_core.errors import Refusal
from rtnet_core.limits import FIELD_MODULUS
from tests.support.forge import bench
from tests.support.oracles import market, oracle_set, signed_by

FILE = "oracle/oracle_quorum.circom"


@pytest.mark.parametrize(
    ("count", "quorum", "signers"),
    [
        (1, 1, [(0,)]),
        (3, 2, [(0, 1), (0, 2), (1, 2), (0, 1, 2)]),
        pytest.param(5, 3, [(0, 2, 4), (1, 2, 3)], marks=pytest.mark.slow),
        pytest.param(9, 1, [(0,), (8,)], marks=pytest.mark.slow),
    ],
)
def test_every_quorum_leads_to_the_root(count: int, quorum: int, signers: list[tuple[int, ...]]) -> None:
    circuit, oracles = bench(FILE, f"OracleQuorum({count}, {quorum})"), oracle_set(count, quorum)
    for number, names in enumerate(signers):
        signed = signed_by(names, oracles, market(number))
        computed = circuit.compute(quorum_inputs(signed, oracles))
        assert {name: value % FIELD_MODULUS for name, value in computed.items()} == {"oraclesRoot": oracles.root()}


def test_what_is_no_quorum_has_no_inputs() -> None:
    oracles = oracle_set(3, 2)
    signed = signed_by((0, 2), oracles, market())
    with pytest.raises(Refusal, match="quorum"):
        quorum_inputs(signed.model_copy(update={"signatures": signed.signatures[:1]}), oracles)
