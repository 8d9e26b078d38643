"""Totals, batches and merges: the templates as they ship equal the exact engine, from one account up to a book."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prover.batch_inputs import BatchAccount, batch_inputs, batch_statement, merge_inputs, merge_statement
from prover.circuits import CIRCUITS
from prover.inputs import margin_inputs, risk_fields_signals
from prover.witness import InputValue
from rtnet_core.batch_root import batch_root
from rtnet_core.commitments import EMPTY_LEAF, BookTree
from rtnet_core.epoch import UpperTree, level_sizes, merge_children
from rtnet_core.errors import InputError
from rtnet_core.limits import (
    AMOUNT_BITS,
    CASH_BITS,
    DEFICIT_BITS,
    FIELD_MODULUS,
    HEADROOM_BITS,
    PRICE_BITS,
    PROFILES,
    QUANTITY_BITS,
    ROW_BITS,
)
from rtnet_core.margin_exact import AccountVector
from rtnet_core.totals import Totals, account_totals, empty_commitment, no_totals, sum_totals, totals_commitment
from tests.support.forge import Bench, batch_bench, bench, merge_bench
from tests.support.margin_cases import (
    CONTEXT,
    BatchCase,
    Case,
    MergeCase,
    Numbers,
    batch_case,
    extreme_case,
    plain_case,
    random_account,
    random_batch,
    random_case,
    random_merge,
)

KINDS = pytest.mark.parametrize("extreme", [False, True], ids=["ordinary", "extreme"])
SMALL = PROFILES["small"]


def packed_of(outputs: dict[str, int]) -> list[int]:
    """Return the elements that a template gave, reduced."""
    return [value % FIELD_MODULUS for name, value in outputs.items() if name.startswith("packed[")]


@KINDS
@pytest.mark.parametrize("profile", ["small", "standard", "wide"])
def test_pack_totals(profile: str, *, extreme: bool) -> None:
    sizes = PROFILES[profile]
    template = bench("totals/pack_totals.circom", f"PackTotals({sizes.instruments}, {sizes.assets})")
    numbers = Numbers(("pack", profile), extreme=extreme)
    for _ in range(10):
        totals = Totals(
            below_threshold=numbers.unsigned(1),
            shortfall_e8=numbers.unsigned(HEADROOM_BITS),
            deficit_accounts=numbers.unsigned(1),
            deficit_ticks=numbers.unsigned(DEFICIT_BITS),
            cash_ticks=numbers.signed(CASH_BITS),
            amounts=numbers.unsigneds(sizes.assets, AMOUNT_BITS),
            net_lots=numbers.signeds(sizes.instruments, QUANTITY_BITS),
        )
        inputs: dict[str, InputValue] = {
            "belowThreshold": totals.below_threshold,
            "shortfallE8": totals.shortfall_e8,
            "deficitAccounts": totals.deficit_accounts,
            "deficit": totals.deficit_ticks,
            "cash": totals.cash_ticks,
            "amount": list(totals.amounts),
            "quantity": list(totals.net_lots),
        }
        assert packed_of(template.compute(inputs)) == totals.packed()


@pytest.mark.parametrize("elements", [5, 15, 20, 70])
def test_totals_commitment(elements: int) -> None:
    """As many elements as the profiles have (5, 20, 70), and a whole block."""
    template = bench("totals/totals_commitment.circom", f"TotalsCommitment({elements})")
    numbers = Numbers(("commitment", elements))
    for _ in range(3):
        packed, blinding = [numbers.unsigned(253) for _ in range(elements)], numbers.unsigned(248)
        digest = template.compute({"blinding": blinding, "packed": list(packed)})["digest"]
        assert digest % FIELD_MODULUS == totals_commitment(blinding, packed)


@KINDS
@pytest.mark.parametrize("assets", [3, 16])
def test_account_deficit(assets: int, *, extreme: bool) -> None:
    template = bench("totals/account_deficit.circom", f"AccountDeficit({assets})")
    numbers = Numbers(("deficit", assets), extreme=extreme)
    for _ in range(40):
        cash, mark = numbers.signed(CASH_BITS), numbers.signed(62)
        prices, amounts = numbers.unsigneds(assets, PRICE_BITS), numbers.unsigneds(assets, AMOUNT_BITS)
        few = [0 if numbers.random.randrange(3) else amount for amount in amounts]
        nlv = cash + mark + sum(map(int.__mul__, prices, few))
        result = template.compute({"cash": cash, "netMark": mark, "price": list(prices), "amount": few})
        assert result == {"deficit": max(0, -nlv), "hasDeficit": int(nlv < 0)}


@pytest.mark.parametrize("nlv", [-2, -1, 0, 1])
def test_account_deficit_begins_below_zero(nlv: int) -> None:
    template = bench("totals/account_deficit.circom", "AccountDeficit(3)")
    for cash, mark in ((nlv - 42, 0), (0, nlv - 42), (nlv, -42)):
        result = template.compute({"cash": cash, "netMark": mark, "price": [7, 1, 1], "amount": [6, 0, 0]})
        assert result == {"deficit": max(0, -nlv), "hasDeficit": int(nlv < 0)}


def assert_account_totals(case: Case) -> Totals:
    """Compare what the account of a case adds; return it."""
    template = bench("totals/account_totals.circom", "AccountTotals(8, 2, 3, 16)")
    inputs = margin_inputs(case.account, case.risk, case.params, case.threshold_bps)
    expected = account_totals(case.account, case.risk, case.params, case.threshold_bps)
    assert packed_of(template.compute(dict(inputs))) == expected.packed()
    return expected


@KINDS
def test_account_totals(*, extreme: bool) -> None:
    found = [assert_account_totals(random_case("small", seed, extreme=extreme)) for seed in range(40)]
    assert {totals.below_threshold for totals in found} == {0, 1}
    # Collateral outweighs everything over its whole range; with little of it, half of the accounts owe something.
    poor = [replace(random_case("small", seed), account=poor_account(seed)) for seed in range(40)]
    assert {assert_account_totals(case).deficit_accounts for case in poor} == {0, 1}


def poor_account(seed: int) -> AccountVector:
    """Return an account whose cash and positions decide its value."""
    return replace(random_account("small", Numbers(("poor", seed))), amounts=(seed % 3, 0, 0))


@pytest.mark.parametrize("position", [-(1 << QUANTITY_BITS), (1 << QUANTITY_BITS) - 1])
@pytest.mark.parametrize("row", [-(1 << ROW_BITS), (1 << ROW_BITS) - 1])
@pytest.mark.parametrize("cash", [-(1 << CASH_BITS), (1 << CASH_BITS) - 1])
@pytest.mark.parametrize("amount", [0, (1 << AMOUNT_BITS) - 1])
def test_a03_account_totals_at_the_ends_of_every_range(position: int, row: int, cash: int, amount: int) -> None:
    assert_account_totals(extreme_case(position, row, cash, amount, 0))


def test_an_empty_account_adds_nothing() -> None:
    nobody = AccountVector(0, (0,) * SMALL.assets, (0,) * SMALL.instruments)
    case = replace(random_case("small", "nobody"), account=nobody)
    assert assert_account_totals(case) == no_totals(SMALL)


@KINDS
@pytest.mark.parametrize("seed", range(2))
def test_risk_fields_root(seed: int, *, extreme: bool) -> None:
    risk = random_case("small", seed, extreme=extreme).risk
    inputs: dict[str, InputValue] = {"snapshotHash": risk.snapshot_hash, **risk_fields_signals(risk)}
    template = bench("commitments/risk_fields_root.circom", "RiskFieldsRoot(8, 2, 3, 16)")
    assert template.compute(inputs)["root"] % FIELD_MODULUS == risk.root()


@pytest.mark.parametrize("slots", [2, 4, 8])
def test_batch_root(slots: int) -> None:
    template = bench("commitments/batch_root.circom", f"BatchRoot({slots})")
    sizes = replace(SMALL, batch=slots)
    for count in range(slots + 1):
        leaves = [1_000 + i for i in range(count)]
        inputs: dict[str, InputValue] = {
            "leaf": [*leaves, *[7] * (slots - count)],
            "exists": [int(i < count) for i in range(slots)],
            "accountCount": count,
        }
        assert template.compute(inputs)["root"] % FIELD_MODULUS == batch_root(leaves, sizes)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9, 21])
def test_batch_roots_are_nodes_of_the_books_tree(count: int) -> None:
    leaves = [1_000 + i for i in range(count)]
    roots = [batch_root(leaves[start : start + SMALL.batch], SMALL) for start in range(0, count, SMALL.batch)]
    assert UpperTree(roots, count, SMALL).book_root == BookTree(leaves, SMALL.depth).root
    assert batch_root([], SMALL) == batch_root([EMPTY_LEAF] * SMALL.batch, SMALL)
    with pytest.raises(InputError, match="at most 4"):
        batch_root(leaves[:1] * 5, SMALL)


def assert_batch(case: BatchCase) -> None:
    """The witness program that ships gives the statement of the exact engine."""
    outputs, statement = batch_bench().compute(case.inputs), case.statement
    assert {name: value % FIELD_MODULUS for name, value in outputs.items()} == {
        "batchRoot": statement.batch_root,
        "totals": statement.totals,
    }


@KINDS
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_batch(count: int, *, extreme: bool) -> None:
    for seed in range(5):
        assert_batch(random_batch("small", seed, count, extreme=extreme))


@pytest.mark.slow
@pytest.mark.parametrize(("count", "extreme"), [(64, False), (64, True), (1, False), (37, True)])
def test_batch_of_the_standard_profile(count: int, *, extreme: bool) -> None:
    """The circuit that is used: full, almost empty, and in between."""
    case = random_batch("standard", count, count, extreme=extreme)
    outputs, statement = Bench(CIRCUITS["batch-standard"]).compute(case.inputs), case.statement
    assert [value % FIELD_MODULUS for value in outputs.values()] == [statement.batch_root, statement.totals]


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 15, 16])
def test_merge_of_the_standard_profile(count: int) -> None:
    case = random_merge("standard", count, count, extreme=count == 15)
    outputs = Bench(CIRCUITS["merge-standard"]).compute(case.inputs)
    assert [value % FIELD_MODULUS for value in outputs.values()] == [case.statement.totals]


def test_batch_of_equal_and_of_empty_accounts() -> None:
    """Two accounts alike count twice; an account without anything has a leaf and adds nothing."""
    case = plain_case()
    nobody = AccountVector(0, (0,) * SMALL.assets, (0,) * SMALL.instruments)
    for vectors in ([case.account] * 4, [nobody] * 3, [case.account, nobody, case.account]):
        assert_batch(batch_case(case, vectors))
    assert batch_case(case, [nobody]).totals == no_totals(SMALL)
    assert batch_case(case, [nobody]).statement.batch_root != batch_root([], SMALL)


def test_batch_public_signals_are_the_statement() -> None:
    case = random_batch("small", "statement", 3)
    honest = batch_bench().forge(case.inputs)
    honest.assert_accepted()
    assert list(honest.wires[1:8]) == case.statement.public_signals()
    names = ("batchRoot", "totals", "riskRoot", "paramsRoot", "thresholdBps", "accountCount", "context")
    assert batch_bench().build.public == names


@KINDS
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_merge(count: int, *, extreme: bool) -> None:
    for seed in range(5):
        case = random_merge("small", seed, count, extreme=extreme)
        outputs = merge_bench().compute(case.inputs)
        assert {name: value % FIELD_MODULUS for name, value in outputs.items()} == {"totals": case.statement.totals}
        assert case.statement.children[count:] == (empty_commitment(SMALL),) * (SMALL.merge - count)


def test_merge_public_signals_are_the_statement() -> None:
    case = random_merge("small", "statement", 2)
    assert list(merge_bench().forge(case.inputs).wires[1:7]) == case.statement.public_signals()
    assert merge_bench().build.public == ("totals", *(f"child[{i}]" for i in range(4)), "context")


@pytest.mark.parametrize("count", [3, 4, 5, 21])
def test_from_accounts_to_the_totals_of_a_book(count: int) -> None:
    """Batches, then merges until one is left: its commitment opens to the sum over all accounts."""
    base = random_case("small", ("book", count))
    numbers = Numbers(("book of", count))
    vectors = [random_account("small", numbers) for _ in range(count)]
    level: list[tuple[Totals, int]] = []
    for start in range(0, count, SMALL.batch):
        batch = batch_case(base, vectors[start : start + SMALL.batch], seed=start)
        assert_batch(batch)
        level.append((batch.totals, batch.blinding))
    assert len(level) == level_sizes(len(level), SMALL)[0]
    while len(level) > 1:
        merged = [
            MergeCase("small", tuple(level[start : start + SMALL.merge]), numbers.unsigned(248))
            for start in range(0, len(level), SMALL.merge)
        ]
        commitments = [totals.commitment(blinding) for totals, blinding in level]
        for number, case in enumerate(merged):
            assert case.statement.children == merge_children(commitments, number, SMALL)
            assert merge_bench().compute(case.inputs)["totals"] % FIELD_MODULUS == case.totals.commitment(case.blinding)
        level = [(case.totals, case.blinding) for case in merged]
    everything = [account_totals(vector, base.risk, base.params, base.threshold_bps) for vector in vectors]
    assert level[0][0] == sum_totals(everything, SMALL)


def test_inputs_refuse_what_does_not_fit() -> None:
    case = random_batch("small", "too many", 4)
    accounts, base = [*case.accounts, case.accounts[0]], case.case
    with pytest.raises(InputError, match="at most 4"):
        batch_inputs(accounts, 1, base.risk, base.params, case.statement)
    with pytest.raises(InputError, match="at most 4"):
        batch_statement(accounts, 1, base.risk, base.params, 10_000, CONTEXT)
    with pytest.raises(InputError, match="threshold_bps"):
        batch_statement(case.accounts, 1, base.risk, base.params, 0, CONTEXT)
    merge = random_merge("small", "too many", 4)
    for children in ((), (*merge.children, merge.children[0])):
        with pytest.raises(InputError, match="1 to 4"):
            merge_statement(children, 1, SMALL, CONTEXT)
        with pytest.raises(InputError, match="1 to 4"):
            merge_inputs(children, 1, SMALL, merge.statement)


def test_leaves_at_hand_are_not_hashed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    case = random_batch("small", "leaves", 3)
    leaves = [account.leaf for account in case.accounts]
    base = case.case
    monkeypatch.setattr("prover.batch_inputs.leaf", None)
    statement = batch_statement(
        case.accounts, case.blinding, base.risk, base.params, base.threshold_bps, CONTEXT, leaves=leaves
    )
    monkeypatch.undo()
    assert statement == case.statement


def test_a50_accounts_of_a_batch_show_nothing() -> None:
    secret = BatchAccount(111_222_333, 444_555_666, AccountVector(777_888_999, (123_123_123,), (99_887_766,)))
    for number in ("111222333", "444555666", "777888999", "123123123", "99887766"):
        assert number not in repr(secret)
