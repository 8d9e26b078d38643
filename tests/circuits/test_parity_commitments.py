"""Roots and leaves that the circuits compute are those of their Python twins."""

from __future__ import annotations

from itertools import pairwise

import pytest

from prover.inputs import account_inputs
from prover.witness import InputValue
from rtnet_core.commitments import BookTree, leaf
from rtnet_core.errors import Refusal
from rtnet_core.limits import FIELD_MODULUS, PROFILES
from tests.support.forge import account_bench, bench
from tests.support.margin_cases import CONTEXT, BookCase, book_case, random_case

RISK_INPUTS = ("snapshotHash", "row", "mark", "delta", "gamma", "isOption", "indexTicks", "price")
PARAMS_INPUTS = (
    "scenariosHash",
    *("rateBps", "kink", "dropBps", "sizeKink", "sizeRiseBps"),
    *("shortOptionBps", "deltaRateBps", "gammaRateBps"),
)
CASES = pytest.mark.parametrize(("seed", "extreme"), [(0, False), (1, False), (0, True), (1, True)])


def inputs_of(case: BookCase, names: tuple[str, ...]) -> dict[str, InputValue]:
    """The inputs of one part of the account circuit."""
    everything = account_inputs(case.case.account, case.place, case.case.risk, case.case.params, case.statement)
    return {name: everything[name] for name in names}


@CASES
def test_risk_array_root(seed: int, *, extreme: bool) -> None:
    case = book_case(random_case("small", seed, extreme=extreme))
    result = bench("commitments/risk_array_root.circom", "RiskArrayRoot(8, 2, 3, 16)").compute(
        inputs_of(case, RISK_INPUTS)
    )
    risk = case.case.risk
    assert result["root"] % FIELD_MODULUS == risk.root()
    for k in range(8):
        assert [result[f"rowFields[{k}][{f}]"] % FIELD_MODULUS for f in range(4)] == risk.row_fields(k)
        assert result[f"exposureField[{k}]"] % FIELD_MODULUS == risk.exposure_field(k)


@CASES
def test_params_root(seed: int, *, extreme: bool) -> None:
    for profile, call in (("small", "ParamsRoot(2, 3)"), ("wide", "ParamsRoot(4, 16)")):
        params = random_case(profile, seed, extreme=extreme).params
        inputs: dict[str, InputValue] = {
            "scenariosHash": params.scenarios_hash,
            "rateBps": params.rate_bps,
            "kink": params.kinks,
            "dropBps": params.drops_bps,
            "sizeKink": params.size_kinks,
            "sizeRiseBps": params.size_rises_bps,
            "shortOptionBps": params.short_option_bps,
            "deltaRateBps": params.delta_rate_bps,
            "gammaRateBps": params.gamma_rate_bps,
        }
        as_lists: dict[str, InputValue] = {
            name: [list(v) if isinstance(v, tuple) else v for v in value] if isinstance(value, tuple) else value
            for name, value in inputs.items()
        }
        result = bench("commitments/params_root.circom", call).compute(as_lists)
        assert result["root"] % FIELD_MODULUS == params.root()


@CASES
@pytest.mark.parametrize("profile", ["small", "standard"])
def test_leaf(profile: str, seed: int, *, extreme: bool) -> None:
    sizes = PROFILES[profile]
    account = random_case(profile, seed, extreme=extreme).account
    inputs: dict[str, InputValue] = {
        "userId": (1 << 248) - 1 - seed,
        "salt": seed,
        "cash": account.cash_ticks,
        "amount": list(account.amounts),
        "quantity": list(account.quantities),
    }
    result = bench("commitments/leaf.circom", f"Leaf({sizes.instruments}, {sizes.assets})").compute(inputs)
    assert result["digest"] % FIELD_MODULUS == leaf((1 << 248) - 1 - seed, seed, account)


@pytest.mark.parametrize("count", [1, 2, 3, 15, 16])
def test_book_membership(count: int) -> None:
    tree = BookTree([10_000 + i for i in range(count)], 4)
    template = bench("commitments/book_membership.circom", "BookMembership(4)")
    for index in {0, count // 2, count - 1}:
        inputs: dict[str, InputValue] = {"leaf": 10_000 + index, "index": index, "accountCount": count}
        result = template.compute(inputs | {"sibling": tree.path(index)})
        assert result["root"] % FIELD_MODULUS == tree.root
    with pytest.raises(Refusal, match="UnsignedBits"):
        template.compute({"leaf": 0, "index": count, "accountCount": count, "sibling": tree.path(0)})


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("extreme", [False, True], ids=["ordinary", "extreme"])
def test_account(seed: int, *, extreme: bool) -> None:
    """The witness program that ships gives the verdict of the exact engine, at every index of a book."""
    case = book_case(random_case("small", seed, extreme=extreme), index=seed % 5, seed=seed)
    assert account_bench().compute(case.inputs) == {"verdict": case.statement.verdict}


def test_account_public_signals_are_the_statement() -> None:
    case = book_case(random_case("small", "statement"))
    assert account_bench().forge(case.inputs).wires[1:7] == tuple(case.statement.public_signals())
    assert case.statement.context == CONTEXT
    names = ("verdict", "riskRoot", "paramsRoot", "bookRoot", "thresholdBps", "context")
    assert account_bench().build.public == names


def test_account_refuses_a_wrong_root() -> None:
    case = book_case(random_case("small", "root"))
    for root, line in pairwise(("riskRoot", "paramsRoot", "bookRoot", "riskRoot")):
        assert root != line
        value = case.inputs[root]
        assert isinstance(value, int)
        with pytest.raises(Refusal, match="Account line"):
            account_bench().compute({**case.inputs, root: (value + 1) % FIELD_MODULUS})
