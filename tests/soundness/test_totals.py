"""What one account adds to the totals, at constraint level: A14, A15, A20, A24 and the sums' forgeries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from prover.inputs import margin_inputs
from prover.witness import InputValue
from rtnet_core.errors import RangeError
from rtnet_core.limits import AMOUNT_TOTAL_BITS, NET_STRIDE, PROFILES
from rtnet_core.margin_exact import AccountVector
from rtnet_core.totals import Totals, account_totals
from tests.support.forge import Forged, bench, forge
from tests.support.margin_cases import Case, plain_case, random_case

SMALL = PROFILES["small"]
DEFICIT = bench("totals/account_deficit.circom", "AccountDeficit(2)")
TOTALS = bench("totals/account_totals.circom", "AccountTotals(8, 2, 3, 16)")
BITS_FILE, HINT = "lib/unsigned_bits.circom", "(in >> i) & 1"
TOP = "((in >> (BITS - 1)) & 1)"
#: The sign digit of an account's value has 76 places; no other number of these templates has.
FORGED_SIGNS = {
    "flipped": f"BITS == 76 && i == BITS - 1 ? 1 - {TOP} : ({HINT})",
    "flipped and paid by the next digit": (
        f"BITS != 76 || i < BITS - 2 ? ({HINT}) : (i == BITS - 1 ? 1 - {TOP} : ({HINT}) + 4 * {TOP} - 2)"
    ),
    "two": f"BITS == 76 && i == BITS - 1 ? 2 : ({HINT})",
}
DEFICIT_FILE, TOTALS_FILE = "totals/account_deficit.circom", "totals/account_totals.circom"


def inputs_of(case: Case) -> dict[str, InputValue]:
    """The inputs of `TOTALS`."""
    return dict(margin_inputs(case.account, case.risk, case.params, case.threshold_bps))


def expected(case: Case) -> Totals:
    """What the account adds by the exact engine."""
    return account_totals(case.account, case.risk, case.params, case.threshold_bps)


def owing(cash: int = -700) -> Case:
    """Return the plain case (maintenance 240 ticks, nothing else of value) with other cash."""
    case = plain_case()
    return replace(case, account=replace(case.account, cash_ticks=cash))


def worth(nlv: int) -> dict[str, InputValue]:
    """Inputs of `DEFICIT` for an account of that value, some of it collateral."""
    return {"cash": nlv - 42, "amount": [6, 0], "price": [7, 3], "netMark": 0}


@pytest.mark.parametrize("nlv", [-1_000, -1, 0, 1])
@pytest.mark.parametrize("sign", FORGED_SIGNS)
def test_a20_sign_of_the_value_forged(nlv: int, sign: str) -> None:
    """No witness hides a deficit, or gives one to an account that has none."""
    honest = DEFICIT.forge(worth(nlv))
    assert (honest["deficit"], honest["hasDeficit"]) == (max(0, -nlv), int(nlv < 0))
    forged = forge(DEFICIT, {(BITS_FILE, HINT): FORGED_SIGNS[sign]}, inputs=worth(nlv))
    assert forged["hasDeficit"] != int(nlv < 0)
    forged.assert_refused(r"^SignedBits\.UnsignedBits\.(bits|in)")


@pytest.mark.parametrize(
    ("anchor", "claim", "at"),
    [
        ("deficit <== (nonNegative - 1) * nlv;", "deficit <-- 0;", r"^deficit$"),
        ("deficit <== (nonNegative - 1) * nlv;", "deficit <-- -nlv - 1;", r"^deficit$"),
        ("deficit <== (nonNegative - 1) * nlv;", "deficit <-- nlv;", r"^deficit$"),
        ("hasDeficit <== 1 - nonNegative;", "hasDeficit <-- 0;", r"^hasDeficit$"),
        ("fullValue[a] <== price[a] * amount[a];", "fullValue[a] <-- 5000;", r"^fullValue\[[01]\]$"),
    ],
)
def test_a20_deficit_set_lower_or_netted(anchor: str, claim: str, at: str) -> None:
    forged = forge(DEFICIT, {(DEFICIT_FILE, anchor): claim}, inputs=worth(-700))
    assert (forged["deficit"], forged["hasDeficit"]) != (700, 1)
    forged.assert_refused(at)


def test_a20_value_of_an_alias_and_beyond_its_width() -> None:
    """An account worth r - 1 owes one tick; a value that needs more than 2^75 is none."""
    assert DEFICIT.forge(worth(-1))["deficit"] == 1
    for nlv in (1 << 75, -(1 << 75) - 1, (1 << 252)):
        DEFICIT.forge(worth(nlv)).assert_refused(r"^SignedBits\.UnsignedBits\.bits")
    for nlv in ((1 << 75) - 1, -(1 << 75)):
        DEFICIT.forge(worth(nlv)).assert_accepted()


def test_a20_haircut_is_no_loss() -> None:
    """The deficit counts collateral in full: an account can miss its threshold without owing anything."""
    case = owing(-700)
    account, risk = replace(case.account, amounts=(100, 0, 0)), replace(case.risk, price_ticks=(7, 0, 0))
    covered = replace(case, account=account, risk=risk)
    assert (expected(covered).below_threshold, expected(covered).deficit_accounts) == (1, 0)
    TOTALS.forge(inputs_of(covered)).assert_accepted()
    short = replace(covered, account=replace(account, cash_ticks=-701))
    assert expected(short).deficit_ticks == 1


@pytest.mark.parametrize(
    ("anchor", "claim", "at"),
    [
        (
            "signal shortfallE8 <== (margin.clears - 1) * margin.headroomE8;",
            "signal shortfallE8 <-- 0;",
            r"^shortfallE8$",
        ),
        (
            "signal shortfallE8 <== (margin.clears - 1) * margin.headroomE8;",
            "signal shortfallE8 <-- -margin.headroomE8 - 1;",
            r"^shortfallE8$",
        ),
        (
            "signal shortfallE8 <== (margin.clears - 1) * margin.headroomE8;",
            "signal shortfallE8 <-- margin.headroomE8;",
            r"^shortfallE8$",
        ),
        (
            "totals.belowThreshold <== 1 - margin.clears;",
            "totals.belowThreshold <-- 0;",
            r"^totals\.belowThreshold$",
        ),
        ("totals.deficitAccounts <== owed.hasDeficit;", "totals.deficitAccounts <-- 0;", r"^totals\.deficitAccounts$"),
        ("totals.deficit <== owed.deficit;", "totals.deficit <-- 0;", r"^totals\.deficit$"),
        ("totals.cash <== cash;", "totals.cash <-- 0;", r"^totals\.cash$"),
        ("owed.cash <== cash;", "owed.cash <-- 0;", r"^owed\.cash$"),
        ("owed.netMark <== margin.netMark;", "owed.netMark <-- 900;", r"^owed\.netMark$"),
    ],
)
def test_a24_what_is_missing_forged(anchor: str, claim: str, at: str) -> None:
    """An account that is short cannot be left out, nor its shortfall or deficit be made smaller."""
    case = owing()
    assert (expected(case).below_threshold, expected(case).deficit_ticks) == (1, 700)
    forged = forge(TOTALS, {(TOTALS_FILE, anchor): claim}, inputs=inputs_of(case))
    assert elements(forged) != expected(case).packed()
    forged.assert_refused(at)


def elements(judged: Forged) -> list[int]:
    """Return the packed elements of a witness of `TOTALS`."""
    return [judged.values[f"packed[{i}]"] for i in range(len(expected(plain_case()).packed()))]


@pytest.mark.parametrize(
    ("anchor", "at"),
    [
        ("packed[0] <== counts + shortfallE8 * (1 << SHORTFALL_SHIFT());", r"^totals\.packed\[0\]$"),
        ("packed[1] <== deficit + cash * (1 << CASH_SHIFT());", r"^totals\.packed\[1\]$"),
        ("packed[2 + i] <== amounts[i];", r"^totals\.packed\[2\]$"),
        ("packed[2 + amountFields + i] <== nets[i];", r"^totals\.packed\[[34]\]$"),
    ],
)
def test_a20_packed_element_forged(anchor: str, at: str) -> None:
    target, sum_of = anchor.split(" <== ")
    replacements = {("totals/pack_totals.circom", anchor): f"{target} <-- {sum_of.rstrip(';')} - 1;"}
    forge(TOTALS, replacements, inputs=inputs_of(random_case("small", "packed"))).assert_refused(at)


def moved(values: tuple[int, ...], step: int, at: int = 0) -> list[int]:
    """Return limbs that pack alike: one stride more in one, 1 less in the next."""
    shifted = list(values)
    shifted[at] += step
    shifted[at + 1] -= 1
    return shifted


@pytest.mark.parametrize(
    ("name", "step", "at"),
    [
        ("amount", 1 << AMOUNT_TOTAL_BITS, r"^margin\.CollateralCredit\[0\]"),
        ("quantity", 1 << NET_STRIDE, r"^margin\.underlying\[0\]\.size\.SignedBits\[0\]"),
    ],
)
def test_a15_totals_that_pack_alike(name: str, step: int, at: str) -> None:
    """A stride moved from one lane to the next gives the same element: the account's ranges alone refuse it."""
    case = random_case("small", "alike")
    values = case.account.amounts if name == "amount" else case.account.quantities
    honest, other = TOTALS.forge(inputs_of(case)), TOTALS.forge(inputs_of(case) | {name: moved(values, step)})
    honest.assert_accepted()
    assert elements(other)[2:] == elements(honest)[2:]
    assert any(re.search(at, broken) for broken in other.broken_at())
    other.assert_refused(r"^(margin|owed)\.")


def test_a14_borrow_between_net_lots() -> None:
    """Lots of opposite sign leave their lanes by no carry: -1 next to 0 is not 2^53 - 1 below 0."""
    lots = (-1, 0, 0, 0, 0, 0, 0, 0)
    case = plain_case()
    case = replace(case, account=replace(case.account, quantities=lots))
    honest = TOTALS.forge(inputs_of(case))
    honest.assert_accepted()
    assert elements(honest) == expected(case).packed()
    borrowed = [(1 << NET_STRIDE) - 1, -1, *lots[2:]]
    other = TOTALS.forge(inputs_of(case) | {"quantity": borrowed})
    assert elements(other)[3:] == elements(honest)[3:]
    other.assert_refused(r"^margin\.")
    with pytest.raises(RangeError):
        AccountVector(0, (0, 0, 0), tuple(borrowed))


def test_a24_hedged_accounts_with_thin_collateral() -> None:
    """Two accounts that hedge each other net to zero, and both show: below the threshold, each with its shortfall."""
    base = plain_case()
    thin = [replace(base.account, cash_ticks=1, quantities=(side * 1_000, *[0] * 7)) for side in (1, -1)]
    parts = [expected(replace(base, account=account)) for account in thin]
    total = parts[0] + parts[1]
    assert total.net_lots == (0,) * SMALL.instruments
    assert (total.below_threshold, total.deficit_accounts) == (2, 0)
    # Scan risk is 80 ticks a lot long and 70 short, the threshold 10^4 basis points.
    assert total.shortfall_e8 == 10**8 * (80_000 - 1 + 70_000 - 1)
    for account, part in zip(thin, parts, strict=True):
        honest = TOTALS.forge(inputs_of(replace(base, account=account)))
        honest.assert_accepted()
        assert elements(honest) == part.packed()


def test_a23_sum_of_a_book_cannot_leave_its_lane() -> None:
    """2^24 accounts at either end of every range stay inside the widths that `Totals` has for a book."""
    accounts = 1 << 24
    at_the_ends: list[Mapping[str, int]] = [
        {"cash": -(1 << 56), "amount": 0, "lots": -(1 << 27)},
        {"cash": (1 << 56) - 1, "amount": (1 << 36) - 1, "lots": (1 << 27) - 1},
    ]
    for end in at_the_ends:
        totals = Totals(
            below_threshold=accounts,
            shortfall_e8=((1 << 106) - 1) * accounts,
            deficit_accounts=accounts,
            deficit_ticks=((1 << 75) - 1) * accounts,
            cash_ticks=end["cash"] * accounts,
            amounts=(end["amount"] * accounts,) * SMALL.assets,
            net_lots=(end["lots"] * accounts,) * SMALL.instruments,
        )
        assert len(totals.packed()) == len(expected(plain_case()).packed())
    with pytest.raises(RangeError):
        replace(totals, net_lots=(1 << 51, *[0] * 7))
    with pytest.raises(RangeError):
        replace(totals, below_threshold=2 * accounts)
