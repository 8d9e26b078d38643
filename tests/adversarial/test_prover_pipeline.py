"""The prover refuses before it proves, and checks what it made before it returns it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from prover.account_proof import AccountProver
from prover.backends import native_available
from prover.checker import violations
from prover.circuits import build
from prover.formats.r1cs import read_r1cs
from prover.formats.wtns import parse_wtns, serialize_wtns
from prover.inputs import account_inputs, account_statement
from prover.keys import development_keys, read_keys
from prover.paths import key_folder
from prover.witness import WitnessCalculator
from prover.witness_check import WitnessCheck
from rtnet_core.errors import InputError, ToolError
from rtnet_core.limits import FIELD_MODULUS
from rtnet_core.statement import Statement
from tests.support.committed_book import Committed, sampled

needs_native = pytest.mark.skipif(not native_available(), reason="the native prover is not installed")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Committed:
    return sampled(tmp_path_factory.mktemp("pipeline"), accounts=4)


@pytest.fixture(scope="module")
def prover() -> Iterator[AccountProver]:
    development_keys("account-small")
    with AccountProver("small") as opened:
        yield opened


def honest(book: Committed) -> tuple[dict[str, Any], Statement]:
    """Return the inputs of an honest proof, and its statement."""
    account = book.account("acct-000001")
    statement = account_statement(account.vector, account.place, account.risk, account.params, 10_000, 7)
    return dict(account_inputs(account.vector, account.place, account.risk, account.params, statement)), statement


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cash", FIELD_MODULUS),
        ("cash", -1),
        ("cash", 1.0),
        ("cash", float("nan")),
        ("cash", "1"),
        ("cash", True),
        ("cash", None),
        ("cash", [1]),
        ("amount", 1),
        ("amount", [1, 2]),
    ],
)
def test_a45_a_bad_input_never_reaches_the_tool(
    book: Committed, prover: AccountProver, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    calculator = WitnessCalculator(prover.build.wasm)
    monkeypatch.setattr("prover.witness.subprocess.Popen", _never)
    inputs, _ = honest(book)
    with pytest.raises(InputError, match=f"inputs.{name}") as caught:
        calculator.calculate(inputs | {name: value})
    assert not caught.value.has_value


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_a45_a_missing_or_unknown_input_is_named(
    book: Committed, prover: AccountProver, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    calculator = WitnessCalculator(prover.build.wasm)
    monkeypatch.setattr("prover.witness.subprocess.Popen", _never)
    inputs, _ = honest(book)
    if change == "missing":
        del inputs["salt"]
    else:
        inputs["extra"] = 1
    with pytest.raises(InputError, match="is missing" if change == "missing" else "is no input of this circuit"):
        calculator.calculate(inputs)


@pytest.mark.parametrize("native", [False, pytest.param(True, marks=needs_native)])
def test_a46_an_edited_witness_is_refused_before_proving(book: Committed, prover: AccountProver, native: bool) -> None:
    inputs, statement = honest(book)
    with WitnessCalculator(prover.build.wasm) as calculator:
        witness = calculator.calculate(inputs)
    prover.check_witness(witness, statement.public_signals())
    check = WitnessCheck(prover.build, native=native)
    check.require_satisfied(witness)
    for wire in (1, 2, 7, 500, -1):
        wires = parse_wtns(witness)
        wires[wire] = (wires[wire] + 1) % FIELD_MODULUS
        with pytest.raises(ToolError, match="the witness does not satisfy the circuit: constraint"):
            check.require_satisfied(serialize_wtns(wires))


@needs_native
def test_both_checks_name_the_same_constraint(book: Committed, prover: AccountProver) -> None:
    inputs, _ = honest(book)
    with WitnessCalculator(prover.build.wasm) as calculator:
        wires = parse_wtns(calculator.calculate(inputs))
    wires[300] = (wires[300] + 1) % FIELD_MODULUS
    witness = serialize_wtns(wires)
    import zkm2m_native

    native = zkm2m_native.ConstraintSystem(str(prover.build.r1cs)).first_violation(witness)
    assert native == violations(read_r1cs(prover.build.r1cs), wires)[0].constraint


def test_a46_a_witness_of_another_statement_is_refused(book: Committed, prover: AccountProver) -> None:
    inputs, statement = honest(book)
    with WitnessCalculator(prover.build.wasm) as calculator:
        witness = calculator.calculate(inputs | {"context": 8})
    with pytest.raises(ToolError, match="carries another statement"):
        prover.check_witness(witness, statement.public_signals())


def test_a46_a_proof_that_does_not_hold_is_not_returned(
    book: Committed, prover: AccountProver, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = book.account("acct-000001")
    good = account.prove(prover, 10_000, "one")
    other = [str(signal) for signal in account.prove(prover, 10_000, "two").statement.public_signals()]
    monkeypatch.setattr(prover.backend, "prove", lambda _witness: (good.proof, other))
    with pytest.raises(ToolError, match="carries another statement"):
        account.prove(prover, 10_000, "one")
    with pytest.raises(ToolError, match="does not hold"):
        account.prove(prover, 10_000, "two")


def test_a46_a_verdict_cannot_be_asked_for(book: Committed, prover: AccountProver) -> None:
    account = book.account("acct-000001")
    statement = account_statement(account.vector, account.place, account.risk, account.params, 10_000, 7)
    values = dict(zip(Statement.names(), statement.public_signals(), strict=True))
    wrong = Statement(**(values | {"verdict": 1 - statement.verdict}))
    with pytest.raises(ToolError, match="carries another statement"):
        prover.prove_account(account.vector, account.place, account.risk, account.params, wrong)


def test_a48_the_key_of_another_build_is_refused() -> None:
    development_keys("account-small")
    other = replace(build("account-small"), r1cs_sha256="0" * 64)
    with pytest.raises(InputError, match="account-small"):
        read_keys(key_folder("account-small"), other)


def _never(*_arguments: object, **_options: object) -> None:
    raise AssertionError("the tool was called")
