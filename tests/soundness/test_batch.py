"""The batch circuit, at constraint level: padding, completeness, roots, totals: A16, A17, A19, A20, A22 to A24, A36."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest

from prover.witness import InputValue
from rtnet_core.batch_root import batch_root
from rtnet_core.commitments import leaf
from rtnet_core.epoch import BatchStatement
from rtnet_core.limits import AMOUNT_TOTAL_BITS, FIELD_MODULUS, NET_STRIDE, PROFILES
from rtnet_core.margin_exact import AccountVector
from rtnet_core.totals import no_totals, totals_commitment
from tests.support.forge import Forged, batch_bench, bench, forge
from tests.support.margin_cases import (
    BatchCase,
    Numbers,
    batch_case,
    plain_case,
    random_account,
    random_batch,
    random_case,
)
from tests.support.tiny_batch import TINY_BATCH, tiny_batch_inputs

SMALL = PROFILES["small"]
NOBODY = AccountVector(0, (0,) * SMALL.assets, (0,) * SMALL.instruments)
COUNT_FORGED = r"^tree\.accountCount$"
TREE = bench("commitments/batch_root.circom", "BatchRoot(4)")


@cache
def ordinary() -> BatchCase:
    """Three accounts over the whole range of every number, and an empty slot."""
    return random_batch("small", "soundness", 3)


def judged(case: BatchCase | None = None, /, **changes: InputValue) -> Forged:
    """Return the verdict on a case, by default `ordinary`, with some inputs changed; honest, it is accepted."""
    inputs = (case or ordinary()).inputs
    batch_bench().forge(inputs).assert_accepted()
    return batch_bench().forge({**inputs, **changes})


def assert_other_statement(other: Forged, *signals: str) -> None:
    """The witness holds, for other outputs than `ordinary` states; with those of `ordinary` it does not hold."""
    other.assert_accepted()
    stated = ordinary().statement.public_signals()
    names = batch_bench().build.public
    differing = {name for name, value, claim in zip(names, other.wires[1:8], stated, strict=True) if value != claim}
    assert differing == set(signals)
    assert batch_bench().shipped.violations([1, *stated, *other.wires[8:]])


def column(name: str, slot: int, value: InputValue) -> dict[str, InputValue]:
    """Return one input of `ordinary` with the number of one slot exchanged."""
    numbers = list(ordinary().inputs[name])
    numbers[slot] = value
    return {name: numbers}


def one(count: int, place: int, value: int = 1) -> list[int]:
    """Return zeros with `value` at one place."""
    return [value if i == place else 0 for i in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("extreme", [False, True], ids=["ordinary", "extreme"])
def test_honest_witness_has_the_statement_of_the_exact_engine(count: int, *, extreme: bool) -> None:
    case = random_batch("small", ("honest", count), count, extreme=extreme)
    honest = judged(case)
    assert list(honest.wires[1:8]) == case.statement.public_signals()


PADDING: list[tuple[str, InputValue]] = [
    *[("cash", value) for value in (1, -1, -(1 << 56), (1 << 56) - 1)],
    *[("amount", one(SMALL.assets, place)) for place in range(SMALL.assets)],
    *[("quantity", one(SMALL.instruments, place, lots)) for place in (0, 3, 4, 7) for lots in (1, -1)],
    ("quantity", [1, -1, *[0] * 6]),
]


@pytest.mark.parametrize(("name", "value"), PADDING, ids=str)
def test_a17_padding_slot_with_something_in_it(name: str, value: InputValue) -> None:
    """Cash, collateral or a position in the slot behind the last account: refused there, and nowhere else."""
    judged(**column(name, 3, value)).assert_refused(r"^account\[3\]\.packed\[\d\]$")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", [1 << AMOUNT_TOTAL_BITS, -1, 0]),
        ("quantity", [1 << NET_STRIDE, -1, *[0] * 6]),
        ("quantity", [0, -(1 << NET_STRIDE), 1, *[0] * 5]),
    ],
)
def test_a17_padding_slot_whose_numbers_cancel_in_their_lanes(name: str, value: InputValue) -> None:
    """They pack to zero, and their own ranges refuse them."""
    other = judged(**column(name, 3, value))
    assert [other.values[f"account[3].packed[{f}]"] for f in (2, 3, 4)] == [0, 0, 0]
    other.assert_refused(r"^account\[3\]\.(margin|owed|packed)")


def test_a17_padding_slot_has_no_leaf_whatever_its_id() -> None:
    """User id and salt of an empty slot go nowhere: the leaf stays empty, the statement is the same."""
    for name in ("userId", "salt"):
        other = judged(**column(name, 3, 77))
        other.assert_accepted()
        assert list(other.wires[1:8]) == ordinary().statement.public_signals()


@pytest.mark.parametrize("vector", [NOBODY, AccountVector(5, (0, 0, 0), (0,) * 8)], ids=["empty", "cash"])
def test_a19_leaf_behind_the_count(vector: AccountVector) -> None:
    """The leaf of a slot that is said to be empty, forged into the tree: refused where the slot's leaf is chosen."""
    case = ordinary()
    inputs = {**case.inputs, **column("cash", 3, vector.cash_ticks), **column("userId", 3, 9), **column("salt", 3, 8)}
    shown: dict[str, InputValue] = {
        "leaf": [*(account.leaf for account in case.accounts), leaf(9, 8, vector)],
        "exists": inputs["exists"],
        "accountCount": 3,
    }
    anchor = "node[B - 1 + i] <== exists[i] * leaf[i];"
    forged = forge(TREE, {("commitments/batch_root.circom", anchor): "node[B - 1 + i] <-- leaf[i];"}, inputs=shown)
    leaves = [*(account.leaf for account in case.accounts), leaf(9, 8, vector)]
    assert forged.values["root"] == batch_root(leaves, SMALL)
    forged.assert_refused(r"^node\[6\]$")


def test_a17_real_account_marked_as_padding() -> None:
    """Left out of the tree, it still stands in its slot; taken out of the slot too, it is another batch."""
    hidden = judged(exists=[1, 1, 0, 0], accountCount=2)
    hidden.assert_refused(r"^account\[2\]\.packed\[\d\]$")
    judged(exists=[1, 1, 0, 0]).assert_refused(r"^account\[2\]\.packed\[\d\]$", COUNT_FORGED)
    assert hidden.values["batchRoot"] != ordinary().statement.batch_root
    without = {**ordinary().inputs, "exists": [1, 1, 0, 0], "accountCount": 2}
    for name, empty in (("cash", 0), ("amount", [0] * 3), ("quantity", [0] * 8)):
        without |= {name: [*ordinary().inputs[name][:2], empty, empty]}
    assert_other_statement(batch_bench().forge(without), "batchRoot", "totals", "accountCount")


def test_a17_account_left_out_of_the_tree_only() -> None:
    """Its flag forged on the way to the tree, the count one less: its losses would be in the totals, and no leaf."""
    forgery = "tree.exists[0] <-- exists[0]; tree.exists[1] <-- exists[1] - 1;"
    change = {("batch.circom", "tree.exists <== exists;"): forgery}
    forged = TINY_BATCH.forge({**tiny_batch_inputs(500, -700), "accountCount": 1}, change)
    assert forged.values["tree.exists[1]"] == 0
    forged.assert_refused(r"^tree\.exists\[1\]$")


@pytest.mark.parametrize("flags", [[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1], [1, 1, 0, 1]])
def test_a17_hole_between_accounts(flags: list[int]) -> None:
    """Empty accounts in the hole, so that nothing but the order of the flags is wrong."""
    vectors = [ordinary().accounts[0].vector if flag else NOBODY for flag in flags]
    case = batch_case(plain_case(), vectors)
    judged(case, exists=flags, accountCount=sum(flags)).assert_refused(r"^tree\.exists\[\d\]$")


@pytest.mark.parametrize("flag", [2, -1, 3, pow(2, -1, FIELD_MODULUS), FIELD_MODULUS // 2])
@pytest.mark.parametrize("slot", range(4))
def test_a12_flag_is_binary(flag: int, slot: int) -> None:
    flags = [1, 1, 1, 1]
    flags[slot] = flag
    inputs: dict[str, InputValue] = {"leaf": [5, 6, 7, 8], "exists": flags, "accountCount": sum(flags)}
    TREE.forge(inputs | {"exists": [1] * 4, "accountCount": 4}).assert_accepted()
    TREE.forge(inputs).assert_refused(r"^exists\[\d\]$")


@pytest.mark.parametrize("count", [2, 4, 0, -1, 5, FIELD_MODULUS - 3])
def test_a19_count_is_that_of_the_accounts(count: int) -> None:
    judged(accountCount=count).assert_refused(COUNT_FORGED)


def slots_of(order: Sequence[int | None]) -> dict[str, InputValue]:
    """Return the inputs of `ordinary` with its accounts in other slots; None is an empty one."""
    inputs, empty = ordinary().inputs, {"userId": 0, "salt": 0, "cash": 0, "amount": [0] * 3, "quantity": [0] * 8}
    return {name: [nothing if i is None else inputs[name][i] for i in order] for name, nothing in empty.items()}


def test_a16_account_duplicated_omitted_or_swapped() -> None:
    """Each is another batch with other outputs: none holds for the statement."""
    flags: dict[str, InputValue] = {"exists": [1, 1, 1, 1], "accountCount": 4}
    assert_other_statement(judged(**slots_of([1, 0, 2, None])), "batchRoot")
    assert_other_statement(judged(**slots_of([0, 0, 2, None])), "batchRoot", "totals")
    assert_other_statement(judged(**slots_of([0, 1, 2, 2]), **flags), "batchRoot", "totals", "accountCount")
    assert_other_statement(judged(**slots_of([0, 1, None, None])), "batchRoot", "totals")


def test_a22_moved_between_assets_instruments_or_accounts() -> None:
    """The same value elsewhere: other leaves, so another root, and other totals."""
    case = batch_case(plain_case(), [AccountVector(500, (5, 6, 7), (3, -2, *[0] * 6)), plain_case().account])
    honest = case.statement
    for amounts, lots in (((6, 5, 7), None), ((5, 7, 6), None), (None, (-2, 3, *[0] * 6)), (None, (3, *[0] * 6, -2))):
        first = case.accounts[0].vector
        vector = replace(first, amounts=amounts or first.amounts, quantities=lots or first.quantities)
        changes: dict[str, InputValue] = {
            "amount": [list(vector.amounts), *case.inputs["amount"][1:]],
            "quantity": [list(vector.quantities), *case.inputs["quantity"][1:]],
        }
        other = judged(case, **changes)
        other.assert_accepted()
        assert other.values["batchRoot"] != honest.batch_root
        assert other.values["totals"] != honest.totals
        stated = honest.public_signals()
        assert batch_bench().shipped.violations([1, *stated, *other.wires[8:]])


def test_a22_moved_between_accounts_shows_in_the_leaves() -> None:
    """The totals are the same, the accounts are not."""
    cash = ordinary().inputs["cash"]
    low, high = (
        (0, 1) if ordinary().accounts[0].vector.cash_ticks < ordinary().accounts[1].vector.cash_ticks else (1, 0)
    )
    moved = list(cash)
    moved[low], moved[high] = moved[low] + 1, moved[high] - 1
    other = judged(cash=moved)
    other.assert_accepted()
    assert other.values["batchRoot"] != ordinary().statement.batch_root


def test_a23_nets_that_are_zero_and_one_lot_off() -> None:
    """Long and short cancel in the commitment; one lot more does not open to zero nets."""
    base = random_case("small", "nets")
    long = random_account("small", Numbers("long"))
    short = replace(long, quantities=tuple(max(-q, -(1 << 27) + 1) for q in long.quantities))
    long = replace(long, quantities=tuple(-q for q in short.quantities))
    for step in (0, 1, -1):
        bent = replace(long, quantities=(long.quantities[0] + step, *long.quantities[1:]))
        case = batch_case(base, [bent, short])
        honest = judged(case)
        assert case.totals.net_lots == (step, *[0] * 7)
        assert honest.values["totals"] == case.totals.commitment(case.blinding)
        claimed = replace(case.totals, net_lots=(0,) * 8).commitment(case.blinding)
        assert (claimed == honest.values["totals"]) == (step == 0)
        wires = list(honest.wires)
        wires[2] = claimed
        assert bool(batch_bench().shipped.violations(wires)) == (step != 0)


def test_a20_account_that_owes_is_not_netted_away() -> None:
    """Two accounts, +1,000 and -700 ticks: the totals hold cash 300 and a deficit of 700."""
    base = plain_case()
    case = batch_case(base, [replace(base.account, cash_ticks=cash) for cash in (1_000, -700)])
    totals = case.totals
    assert (totals.cash_ticks, totals.deficit_ticks, totals.deficit_accounts) == (300, 700, 1)
    assert totals.quote_liability_ticks == 1_000
    honest = judged(case)
    for netted in (
        replace(totals, deficit_ticks=0),
        replace(totals, deficit_ticks=0, deficit_accounts=0),
        replace(totals, deficit_ticks=699, cash_ticks=301),
        replace(totals, below_threshold=0),
        replace(totals, shortfall_e8=totals.shortfall_e8 - 1),
    ):
        wires = list(honest.wires)
        wires[2] = netted.commitment(case.blinding)
        assert batch_bench().shipped.violations(wires)


def test_a24_thin_hedged_accounts_show_in_the_batch() -> None:
    base = plain_case()
    thin = [replace(base.account, cash_ticks=1, quantities=(side * 1_000, *[0] * 7)) for side in (1, -1)]
    case = batch_case(base, [base.account, *thin])
    assert case.totals.below_threshold == 2
    assert case.totals.net_lots == (3, *[0] * 7)
    assert list(judged(case).wires[1:8]) == case.statement.public_signals()


MARKET = ("rowFields", "exposureField", "isOption", "indexTicks", "price", "snapshotHash")
PARAMS = (
    *("scenariosHash", "rateBps", "kink", "dropBps", "sizeKink", "sizeRiseBps"),
    *("shortOptionBps", "deltaRateBps", "gammaRateBps"),
)


@pytest.mark.parametrize("name", [*MARKET, *PARAMS])
def test_a21_each_number_of_market_and_parameters_is_in_its_root(name: str) -> None:
    value = ordinary().inputs[name]
    if isinstance(value, int):
        changed: InputValue = value ^ 1
    elif isinstance(value[0], list):
        changed = [[value[0][0] ^ 1, *value[0][1:]], *value[1:]]
    else:
        changed = [value[0] ^ 1, *value[1:]]
    root = r"^riskRoot$" if name in MARKET else r"^paramsRoot$"
    other = judged(**{name: changed})
    assert root[1:-1] in other.broken_at()
    # A row that is none of the array's may break the margin rule as well.
    other.assert_refused(r"^riskRoot$|^paramsRoot$|^account\[\d\]\.margin")


@pytest.mark.parametrize("signal", range(7), ids=BatchStatement.__slots__)
@pytest.mark.parametrize("change", [1, -1])
def test_a36_public_signal_changed_by_one(signal: int, change: int) -> None:
    honest = judged()
    wires = list(honest.wires)
    wires[1 + signal] = (wires[1 + signal] + change) % FIELD_MODULUS
    name = batch_bench().build.public[signal]
    violations = batch_bench().shipped.violations(wires)
    assert any(f"main.{name}" in violation.signals for violation in violations)


def test_a36_public_signals_swapped() -> None:
    honest = judged()
    for left in range(1, 8):
        for right in range(left + 1, 8):
            wires = list(honest.wires)
            wires[left], wires[right] = wires[right], wires[left]
            assert wires == list(honest.wires) or batch_bench().shipped.violations(wires, limit=1)


def test_a29_context_takes_part() -> None:
    other = judged(context=7)
    assert_other_statement(other, "context")
    assert other["contextSquare"] == 49


def test_a26_unchanged_batch_in_two_epochs() -> None:
    """Fresh salts and a fresh blinding: neither root nor commitment of one epoch is found in the next."""
    vectors = [account.vector for account in ordinary().accounts]
    first, second = (batch_case(ordinary().case, vectors, seed=epoch).statement for epoch in (1, 2))
    assert first.batch_root != second.batch_root
    assert first.totals != second.totals
    assert (first.risk_root, first.params_root) == (second.risk_root, second.params_root)


def test_a26_salts_of_the_epoch_before() -> None:
    """A fresh salt is bound by its leaf: with the old ones the new root does not follow."""
    vectors = [account.vector for account in ordinary().accounts]
    before, after = (batch_case(ordinary().case, vectors, seed=epoch) for epoch in (1, 2))
    stale = judged(after, salt=before.inputs["salt"])
    stale.assert_accepted()  # of another root, as the public signals would have to say
    wires = list(stale.wires)
    wires[1] = after.statement.batch_root
    assert stale.wires[1] != after.statement.batch_root
    assert batch_bench().shipped.violations(wires)


def test_a25_equal_accounts_of_two_users() -> None:
    """Two users with one account have two leaves, and neither's id stands in the other's place."""
    base = plain_case()
    case = batch_case(base, [base.account] * 2)
    honest = judged(case)
    assert honest.values["leaf[0].digest"] != honest.values["leaf[1].digest"]
    first, second, *empty = case.inputs["userId"]
    exchanged = judged(case, userId=[second, first, *empty])
    wires = list(exchanged.wires)
    wires[1] = case.statement.batch_root
    assert exchanged.wires[1] != case.statement.batch_root
    assert batch_bench().shipped.violations(wires)


@pytest.mark.parametrize("element", range(4))
def test_a23_sum_of_the_batch_off_by_one(element: int) -> None:
    off = {("batch.circom", "packed[f] <== sum;"): f"packed[f] <-- f == {element} ? sum - 1 : sum;"}
    forged = forge(TINY_BATCH, off, inputs=tiny_batch_inputs(500, -700))
    assert totals_commitment(17, [forged.values[f"packed[{f}]"] for f in range(4)]) == forged.values["totals"]
    forged.assert_refused(rf"^packed\[{element}\]$")


@pytest.mark.parametrize(
    ("anchor", "claim", "at"),
    [
        ("packed[f] <== sum;", "packed[f] <-- account[0].packed[f];", r"^packed\[[013]\]$"),
        ("batchRoot <== tree.root;", "batchRoot <-- leaf[0].digest;", r"^batchRoot$"),
        ("tree.leaf[i] <== leaf[i].digest;", "tree.leaf[i] <-- leaf[0].digest;", r"^tree\.leaf\[1\]$"),
        ("leaf[i].cash <== cash[i];", "leaf[i].cash <-- 9;", r"^leaf\[[01]\]\.cash$"),
        ("account[i].cash <== cash[i];", "account[i].cash <-- 9;", r"^account\[[01]\]\.cash$"),
        (
            "account[i].thresholdBps <== thresholdBps;",
            "account[i].thresholdBps <-- 0;",
            r"^account\[[01]\]\.thresholdBps$",
        ),
    ],
)
def test_a16_account_proven_is_the_one_committed_to(anchor: str, claim: str, at: str) -> None:
    """Leaf, margin rule and totals are about one account: none of the three can be given another."""
    forge(TINY_BATCH, {("batch.circom", anchor): claim}, inputs=tiny_batch_inputs(500, -700)).assert_refused(at)


def test_an_empty_slot_of_the_tiny_batch() -> None:
    honest = TINY_BATCH.forge(tiny_batch_inputs(500))
    honest.assert_accepted()
    assert honest.values["tree.node[2]"] == 0
    assert len(no_totals(replace(SMALL, instruments=2, assets=1)).packed()) == 4
