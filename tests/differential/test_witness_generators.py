"""WebAssembly and circom's C++ on every circuit of the small profile: the same witness, the same refusals."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from prover.batch_inputs import BatchAccount, batch_inputs, batch_statement, batch_totals, merge_inputs, merge_statement
from prover.circuits import build, find_circuit
from prover.inputs import CircuitInputs, account_inputs, account_statement
from prover.market_inputs import market_inputs
from prover.witness import Calculator, InputValue, WitnessCalculator
from prover.witness_cpp import CppWitnessCalculator, compile_program, require_cpp_tools
from rtnet_core.book_sample import sample_book
from rtnet_core.commitments import user_id_field
from rtnet_core.errors import Refusal, ToolError
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.margin_exact import account_vector
from rtnet_core.market_sample import sample_market
from rtnet_core.market_statement import market_statement
from rtnet_core.params import default_params
from rtnet_core.params_root import margin_params
from rtnet_core.risk_array import build_risk_array
from tests.support.committed_book import sampled
from tests.support.oracles import oracle_set, signed_by

SEED = 5
SNAPSHOT = sample_market(SEED, "small")
PARAMS = default_params(SNAPSHOT)
SIZES = SNAPSHOT.sizes
#: Inputs with one element changed, for each circuit.
CHANGES = 12


def account(folder: Path) -> CircuitInputs:
    """Inputs of the account circuit."""
    of = sampled(folder, accounts=4).account("acct-000001")
    return account_inputs(
        of.vector, of.place, of.risk, of.params, account_statement(of.vector, of.place, of.risk, of.params, 10_000, 7)
    )


def batch_accounts() -> list[BatchAccount]:
    """A batch that is not full."""
    book = sample_book(SNAPSHOT, PARAMS, SIZES.batch - 1, SEED)
    return [BatchAccount(user_id_field(entry.id), 9, account_vector(entry, SNAPSHOT)) for entry in book]


def batch(_folder: Path) -> CircuitInputs:
    """Inputs of the batch circuit."""
    accounts, risk, params = batch_accounts(), build_risk_array(SNAPSHOT, PARAMS), margin_params(PARAMS, SNAPSHOT)
    return batch_inputs(accounts, 3, risk, params, batch_statement(accounts, 3, risk, params, 10_000, 1))


def merge(_folder: Path) -> CircuitInputs:
    """Inputs of the merge circuit."""
    risk, params = build_risk_array(SNAPSHOT, PARAMS), margin_params(PARAMS, SNAPSHOT)
    children = [(batch_totals(batch_accounts(), risk, params, 10_000), 3)]
    return merge_inputs(children, 4, SIZES, merge_statement(children, 4, SIZES, 1))


def market(_folder: Path) -> CircuitInputs:
    """Inputs of the market circuit."""
    oracles = oracle_set(SIZES.oracles, SIZES.quorum)
    signed = signed_by(range(SIZES.quorum), oracles, SNAPSHOT)
    statement = market_statement(SNAPSHOT, oracles, PARAMS, build_risk_array(SNAPSHOT, PARAMS).root())
    return market_inputs(signed, oracles, PARAMS, statement)


@pytest.mark.slow
@pytest.mark.parametrize("inputs_of", [account, batch, merge, market])
def test_both_give_the_same_witness_and_the_same_refusals(
    inputs_of: Callable[[Path], CircuitInputs], tmp_path: Path
) -> None:
    try:
        require_cpp_tools()
    except ToolError as error:
        pytest.skip(str(error))
    name = f"{inputs_of.__name__}-small"
    built = build(name)
    compile_program(find_circuit(name), built)
    honest = inputs_of(tmp_path)
    rng = random.Random(SEED)
    with CppWitnessCalculator(built) as cpp, WitnessCalculator(built.wasm) as wasm:
        assert cpp.calculate(honest) == wasm.calculate(honest)
        refused = 0
        for _ in range(CHANGES):
            inputs = changed(honest, rng)
            answers = [answer(calculator, inputs) for calculator in (cpp, wasm)]
            assert answers[0] == answers[1]
            refused += isinstance(answers[0], str)
        assert refused > 0


def changed(honest: CircuitInputs, rng: random.Random) -> dict[str, Any]:
    """Return inputs with one element replaced by a neighbour or by an edge of the field."""
    name = rng.choice([name for name, value in honest.items() if value != []])

    def change(value: Any) -> Any:
        if isinstance(value, int):
            return rng.choice([(value + 1) % FIELD_MODULUS, FIELD_MODULUS - 1, 1 << 128, 1 << 31])
        place = rng.randrange(len(value))
        return [*value[:place], change(value[place]), *value[place + 1 :]]

    return {**honest, name: change(honest[name])}


def answer(calculator: Calculator, inputs: Mapping[str, InputValue]) -> bytes | str:
    """Return the witness, or where the circuit is violated, innermost template and line."""
    try:
        return calculator.calculate(inputs)
    except Refusal as refusal:
        assert refusal.code == "witness_failed"
        return str(refusal).split(" in ")[0]
