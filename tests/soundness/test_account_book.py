"""The whole account circuit: what binds the account to its leaf, the leaf to the book and the book to the statement.

Covers A15, A18, A19, A21, A22, A25, A26, A36 and the binding of the context.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest

from prover.witness import InputValue
from rtnet_core.commitments import EMPTY_LEAF, BookTree, leaf, user_id_field
from rtnet_core.errors import RangeError
from rtnet_core.hashing import Tag, hash_fields, pack
from rtnet_core.limits import AMOUNT_BITS, CASH_BITS, FIELD_MODULUS, QUANTITY_BITS
from rtnet_core.margin_exact import AccountVector
from rtnet_core.statement import Statement
from tests.support.forge import Forged, account_bench, forge
from tests.support.margin_cases import BookCase, book_case, plain_case, random_case

BOOK_FORGED = r"^bookRoot$"


@cache
def ordinary() -> BookCase:
    """An account with random positions, third of a book of five."""
    return book_case(random_case("small", "account"))


def judged(**changes: InputValue) -> Forged:
    """Return the verdict on `ordinary` with some inputs changed; honest, it is accepted."""
    account_bench().forge(ordinary().inputs).assert_accepted()
    return account_bench().forge({**ordinary().inputs, **changes})


def consistent(inputs: Mapping[str, InputValue]) -> Forged:
    """Return the forged witness whose public roots are those that its own numbers lead to."""
    first = account_bench().forge(inputs)
    roots = {"riskRoot": "riskArray.root", "paramsRoot": "params.root", "bookRoot": "book"}
    return account_bench().forge({**inputs, **{name: first.values[signal] for name, signal in roots.items()}})


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("extreme", [False, True], ids=["ordinary", "extreme"])
def test_honest_witness_has_the_statement_of_the_exact_engine(seed: int, *, extreme: bool) -> None:
    case = book_case(random_case("small", seed, extreme=extreme), index=seed, seed=seed)
    honest = account_bench().forge(case.inputs)
    honest.assert_accepted()
    assert list(honest.wires[1:7]) == case.statement.public_signals()


@pytest.mark.parametrize("signal", range(len(Statement.names())), ids=Statement.names())
@pytest.mark.parametrize("change", [1, -1])
def test_a36_public_signal_changed_by_one(signal: int, change: int) -> None:
    """The rest of the witness stays: every public signal, the context too, stands in a constraint."""
    honest = judged()
    wires = list(honest.wires)
    wires[1 + signal] = (wires[1 + signal] + change) % FIELD_MODULUS
    violations = account_bench().shipped.violations(wires)
    name = account_bench().build.public[signal]
    assert any(f"main.{name}" in violation.signals for violation in violations)
    assert not account_bench().shipped.violations(honest.wires)


def test_a36_public_signals_swapped() -> None:
    honest = judged()
    for left in range(1, 7):
        for right in range(left + 1, 7):
            wires = list(honest.wires)
            wires[left], wires[right] = wires[right], wires[left]
            assert wires == list(honest.wires) or account_bench().shipped.violations(wires, limit=1)


@pytest.mark.parametrize("change", [1, -1])
@pytest.mark.parametrize("root", ["riskRoot", "paramsRoot", "bookRoot"])
def test_a36_other_root_with_all_else_recomputed(root: str, change: int) -> None:
    value = ordinary().inputs[root]
    assert isinstance(value, int)
    judged(**{root: value + change}).assert_refused(f"^{root}$")


def test_a29_a36_context_takes_part() -> None:
    """Another context is another statement: accepted as such, and its wire is in the system."""
    other = judged(context=7)
    other.assert_accepted()
    assert other["contextSquare"] == 49


def limbs_shifted(values: tuple[int, ...], bits: int, at: int = 0) -> list[int]:
    """Return limbs that pack alike: 2^bits more in one, 1 less in the next."""
    moved = list(values)
    moved[at] += 1 << bits
    moved[at + 1] -= 1
    return moved


def test_a15_accounts_that_pack_alike() -> None:
    """2^28 lots more of one instrument and one less of the next: the same leaf, refused by the range of quantities."""
    account = ordinary().case.account
    for name, values, bits, at in (
        ("quantity", account.quantities, QUANTITY_BITS + 1, r"^margin\.underlying\[0\]\.size\.SignedBits\[0\]"),
        ("amount", account.amounts, AMOUNT_BITS, r"^margin\.CollateralCredit\[0\]"),
    ):
        moved = limbs_shifted(values, bits)
        shifted = [q + (1 << QUANTITY_BITS) for q in moved] if name == "quantity" else moved
        with pytest.raises(RangeError):
            pack(shifted, bits)
        other = judged(**{name: moved})
        assert other.values["leaf"] == leaf(*ordinary().identities[ordinary().index], account)
        other.assert_refused(*{r"^margin\.", at})
        assert "bookRoot" not in other.broken_at()


def test_a15_cash_has_its_own_element() -> None:
    """Cash out of range changes the leaf: nothing next to it could take the carry."""
    cash = ordinary().case.account.cash_ticks
    judged(cash=cash + (1 << CASH_BITS + 1)).assert_refused(BOOK_FORGED, r"^margin\.SignedBits")
    elements = [1, 2, cash + (1 << CASH_BITS), *pack([0] * 3, AMOUNT_BITS), *pack([0] * 8, QUANTITY_BITS + 1)]
    assert leaf(1, 2, AccountVector(cash, (0,) * 3, (-(1 << QUANTITY_BITS),) * 8)) == hash_fields(Tag.LEAF, elements)


def test_a01_roots_that_fit_numbers_out_of_range() -> None:
    """Everything recomputed around one number beyond its range: the range alone refuses it."""
    inputs = book_case(plain_case()).inputs
    consistent(inputs).assert_accepted()
    for name, value, at in (
        ("cash", 1 << CASH_BITS, r"^margin\.SignedBits\.UnsignedBits"),
        ("amount", [1 << AMOUNT_BITS, 0, 0], r"^margin\.CollateralCredit\[0\]"),
        ("quantity", [0, -(1 << QUANTITY_BITS) - 1, *[0] * 6], r"^margin\.underlying\[0\]\.size\.SignedBits\[1\]"),
        ("price", [FIELD_MODULUS - 1, 0, 0], r"^riskArray\.RiskFieldsRoot\.UnsignedBits"),
        ("isOption", [2, *[0] * 7], r"^riskArray\.RiskFieldsRoot\.isOption\[0\]$"),
        ("index", 16, r"^BookMembership\.UnsignedBits"),
    ):
        consistent({**inputs, name: value}).assert_refused(at)


def test_a18_node_shown_as_a_leaf() -> None:
    """The leaf signal set to an inner node or to a stranger's leaf: no opening hashes to it."""
    case = ordinary()
    stranger = leaf(*case.identities[0], case.accounts[0])
    # The forged program takes the digest from the user id.
    lib = {("commitments/leaf.circom", "digest <== hash.digest;"): "digest <-- userId;"}
    tree = case.tree
    forged = account_bench().forge({**case.inputs, "userId": stranger, "index": 0, "sibling": list(tree.path(0))}, lib)
    assert forged.values["book"] == tree.root
    forged.assert_refused(r"^Leaf\.digest$|^Leaf\.hash\.digest$")


def test_a18_siblings_swapped_or_another_index() -> None:
    path = list(ordinary().place.siblings)
    for changes in (
        {"sibling": [path[1], path[0], *path[2:]]},
        {"sibling": [0] * len(path)},
        {"index": ordinary().index ^ 1},
        {"index": 0},
        {"accountCount": 6},
    ):
        judged(**changes).assert_refused(BOOK_FORGED)


def test_a19_padding_leaf_is_no_account() -> None:
    """Slot 5 of a book of five: even with the true path it is beyond the count."""
    case = ordinary()
    leaves = [leaf(*identity, account) for identity, account in zip(case.identities, case.accounts, strict=True)]
    padded = BookTree([*leaves, EMPTY_LEAF], case.case.risk.sizes.depth)
    beyond = judged(index=5, sibling=padded.path(5))
    beyond.assert_refused(r"^BookMembership\.UnsignedBits", BOOK_FORGED)


def test_a21_scenario_dropped_or_flattened() -> None:
    """Another grid is another parameters root; a row changed under the old root is refused by the risk root."""
    judged(scenariosHash=1).assert_refused(r"^paramsRoot$")
    rows = [list(row) for row in ordinary().case.risk.rows]
    flat = [[0, *row[1:]] for row in rows]
    judged(row=flat).assert_refused(r"^riskRoot$")
    exchanged = [[row[1], row[0], *row[2:]] for row in rows]
    judged(row=exchanged).assert_refused(r"^riskRoot$")


@pytest.mark.parametrize(
    "name", ["rateBps", "kink", "dropBps", "sizeKink", "sizeRiseBps", "shortOptionBps", "deltaRateBps", "gammaRateBps"]
)
def test_a21_each_parameter_is_in_the_root(name: str) -> None:
    value = ordinary().inputs[name]
    assert isinstance(value, list)
    changed = (
        [[value[0][0] ^ 1, *value[0][1:]], *value[1:]] if isinstance(value[0], list) else [value[0] ^ 1, *value[1:]]
    )
    judged(**{name: changed}).assert_refused(r"^paramsRoot$")


@pytest.mark.parametrize("name", ["mark", "delta", "gamma", "isOption", "indexTicks", "price", "snapshotHash"])
def test_a02_each_market_number_is_in_the_root(name: str) -> None:
    value = ordinary().inputs[name]
    changed = (
        value ^ 1 if isinstance(value, int) else [*value[:-1], value[-1] ^ 1 if value[-1] < 1 << 30 else value[-1] - 1]
    )
    judged(**{name: changed}).assert_refused(r"^riskRoot$")


def test_a22_balances_and_positions_moved() -> None:
    """The same totals in other assets, other instruments, or cash for collateral: another leaf."""
    account = ordinary().case.account
    amounts, lots = list(account.amounts), list(account.quantities)
    for changes in (
        {"amount": [amounts[0] + 1, amounts[1] - 1, *amounts[2:]]},
        {"amount": [amounts[1], amounts[0], *amounts[2:]]},
        {"quantity": [lots[0] + 1, lots[1] - 1, *lots[2:]]},
        {"quantity": [*lots[4:], *lots[:4]]},
        {"cash": account.cash_ticks + 1, "amount": [amounts[0] - 1, *amounts[1:]]},
        {"cash": -account.cash_ticks},
    ):
        judged(**changes).assert_refused(BOOK_FORGED)


def test_a25_equal_accounts_of_two_users() -> None:
    """Another user's id or salt does not open the leaf, and ids are told apart byte for byte."""
    case = book_case(plain_case())
    twin = replace(case, accounts=(case.case.account,) * 5)
    leaves = {leaf(*identity, twin.case.account) for identity in twin.identities}
    assert len(leaves) == 5
    bench = account_bench()
    bench.forge(twin.inputs).assert_accepted()
    for user, salt in (
        (twin.identities[0][0], twin.identities[2][1]),
        (twin.identities[2][0], twin.identities[0][1]),
        twin.identities[0],
    ):
        bench.forge({**twin.inputs, "userId": user, "salt": salt}).assert_refused(BOOK_FORGED)
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"
    assert len({user_id_field(name) for name in (composed, decomposed, "Zoe", "\u0417\u043e\u0435")}) == 4


def test_a25_ids_that_differ_by_the_field_order() -> None:
    """Ids are 248-bit digests, below r: none has an alias, and an unreduced one is refused before it is hashed."""
    user = user_id_field("alice")
    assert user < 1 << 248 < FIELD_MODULUS
    account = plain_case().account
    with pytest.raises(ValueError, match="reduced"):
        leaf(user + FIELD_MODULUS, 1, account)
    with pytest.raises(ValueError, match="reduced"):
        leaf(user, 1 + FIELD_MODULUS, account)


def test_a26_unchanged_account_in_two_epochs() -> None:
    """Fresh salts: no leaf, node or root of one epoch is found in the next; the old salt does not open the new leaf."""
    first, second = book_case(plain_case(), seed="epoch 1"), book_case(plain_case(), seed="epoch 2")
    second = replace(
        second,
        accounts=first.accounts,
        identities=tuple((a[0], b[1]) for a, b in zip(first.identities, second.identities, strict=True)),
    )
    nodes = [{digest for level in case.tree._levels for digest in level} for case in (first, second)]
    assert not nodes[0] & nodes[1]
    assert first.tree.root != second.tree.root
    account_bench().forge(second.inputs).assert_accepted()
    stale = {**second.inputs, "salt": first.identities[first.index][1]}
    account_bench().forge(stale).assert_refused(BOOK_FORGED)


def test_a11_verdict_of_the_whole_circuit_forged() -> None:
    """The sign of the headroom flipped, for an account that clears and for one that does not."""
    digits = ("lib/unsigned_bits.circom", "(in >> i) & 1")
    flipped = {digits: f"BITS == 107 && i == BITS - 1 ? 1 - ({digits[1]}) : ({digits[1]})"}
    for cash, verdict in ((240, 1), (239, 0)):
        case = plain_case()
        case = replace(case, account=replace(case.account, cash_ticks=cash))
        forged = forge(account_bench(), flipped, inputs=book_case(case).inputs)
        assert forged["verdict"] == 1 - verdict
        forged.assert_refused(r"^margin\.SignedBits\.UnsignedBits\.(in|bits)")
