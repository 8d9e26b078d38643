"""A small bench and honest inputs for every template, for mutants to be tried on.

Signals of one name mean one thing in all templates, so most inputs come from one table by name; each number is small
and no two are alike, so that an exchanged signal shows. What a template needs beyond that stands with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from prover.oracle_inputs import quorum_inputs
from prover.witness import InputValue
from rtnet_core.limits import PROFILES
from rtnet_core.oracle import oracle_message
from rtnet_core.risk_array import lanes_of
from rtnet_core.shocks import PRICE_DENOMINATOR
from tests.support.forge import Bench, account_bench, bench
from tests.support.forge_library import library_bench
from tests.support.margin_cases import book_case, plain_case, random_merge
from tests.support.oracles import key, market, oracle_set, signed_by
from tests.support.pricing_cases import RowCase
from tests.support.tiny_batch import TINY_BATCH, tiny_batch_inputs
from tests.support.tiny_market import ORACLES, TINY_MARKET, committed, plain_signals

Inputs = Mapping[str, InputValue]

#: The first number of a signal; the next elements count on from it by 1, unless they are flags.
_FIRST: Final = dict(
    cash=100_003,
    amount=40,
    quantity=3,
    mark=50,
    row=11,
    delta=61,
    gamma=71,
    indexTicks=7_001,
    price=8_001,
    rateBps=9_001,
    kink=20,
    dropBps=301,
    sizeKink=2,
    sizeRiseBps=101,
    riseBps=101,
    shortOptionBps=51,
    deltaRateBps=41,
    gammaRateBps=31,
    thresholdBps=10_000,
    userId=501,
    salt=601,
    leaf=701,
    sibling=801,
    accountCount=7,
    index=5,
    snapshotHash=11,
    scenariosHash=12,
    namesDigest=13,
    underlyingsDigest=14,
    assetsDigest=15,
    timeMs=16,
    nameDigest=17,
    packed=27,
    underlyingDigest=37,
    assetDigest=47,
    blinding=57,
    coverBps=5_001,
    scanRangeBps=1_500,
    volatilityUpBps=4_500,
    volatilityDownBps=3_000,
    shortfallE8=71,
    deficit=73,
    gross=31,
    netMark=91,
    strike=8_200_000,
    forward=7_860_554,
    volatility=1 << 31,
    time=2_592_000_000,
    expiryMs=0,
    numerator=9_000_001,
    denominator=8_000_001,
    divisor=12_345_677,
    distribution=(1 << 77) + 5,
    density=(1 << 42) + 5,
    total=(1 << 28) + 5,
    priceFactor=PRICE_DENOMINATOR,
    step=300,
    rest=17,
    t=5,
    **{"in": 77},
    scanRange=1_500,
    level=1_001,
)
_FLAGS: Final = frozenset({"isOption", "isListed", "isPut", "isFuture", "isUp", "isDown", "exists", "nonNegative"})
_ZERO: Final = frozenset({"belowThreshold", "deficitAccounts", "saturated", "way", *_FLAGS})
_ROWS: Final = itertools.cycle([lanes_of([-9, -5, 1, 2]), lanes_of([4, -3, 2, -1])])

#: Templates by file, the call that makes a small one, and the inputs that the table above does not give.
_CALLS: Final[dict[str, tuple[str, Inputs]]] = {
    "commitments/batch_root.circom": ("BatchRoot(2)", {"exists": [1, 1], "accountCount": 2}),
    "commitments/book_membership.circom": ("BookMembership(3)", {}),
    "commitments/leaf.circom": ("Leaf(2, 1)", {}),
    "commitments/packed_row.circom": ("PackedRow(4)", {}),
    "commitments/params_root.circom": ("ParamsRoot(1, 1)", {}),
    "commitments/risk_array_root.circom": ("RiskArrayRoot(2, 1, 1, 4)", {"isOption": [1, 0]}),
    "commitments/risk_fields_root.circom": ("RiskFieldsRoot(2, 1, 1, 4)", {"isOption": [1, 0]}),
    "commitments/scenarios_hash.circom": (
        "ScenariosHash(1, 1, 4)",
        {"priceThirds": [0, 3, -3, 6], "volatilityMove": [1, -1, 1, 0]},
    ),
    "commitments/snapshot_hash.circom": ("SnapshotHash(2, 1, 1)", {}),
    "lib/hash_fields.circom": ("HashFields(4, 18)", {}),
    "lib/hinge.circom": ("Hinge(8)", {"in": 77, "kink": 20}),
    "lib/lanes.circom": ("Lanes(4)", {"in": lanes_of([1, 2, 3, 4])}),
    "lib/pack.circom": ("Pack(3, 100)", {}),
    "lib/poseidon_permutation.circom": ("PoseidonPermutation(2)", {"inputs": [3, 4], "initialState": 5}),
    "lib/signed_bits.circom": ("SignedBits(8)", {}),
    "lib/unsigned_bits.circom": ("UnsignedBits(8)", {}),
    "margin/account_margin.circom": ("AccountMargin(2, 1, 1, 4)", {"isOption": [1, 0], "quantity": [-3, 4]}),
    "margin/collateral_credit.circom": ("CollateralCredit()", {}),
    "margin/net_exposure.circom": ("NetExposure(2)", {}),
    "margin/position_size.circom": ("PositionSize(2)", {"isOption": [1, 0], "quantity": [-3, 4]}),
    "margin/scan_risk.circom": ("ScanRisk(2, 4)", {}),
    "margin/size_add_on.circom": ("SizeAddOn()", {}),
    "margin/underlying_margin.circom": ("UnderlyingMargin(2, 4)", {"isOption": [1, 0], "quantity": [-3, 4]}),
    "pricing/bound_quotient.circom": ("BoundQuotient(16, 24)", {}),
    "pricing/constant_quotient.circom": ("ConstantQuotient(625, 4, 40)", {"in": 123_456_789}),
    "pricing/evaluation.circom": (
        "Evaluation()",
        {"isOption": 1, "isPut": 1, "nonNegative": 1, "digit": [1, 0, 1, 1] + [0] * 8 + [1] + [0] * 4},
    ),
    # So that the ends of the forward take gamma to both sides of its own end.
    "pricing/greeks.circom": ("Greeks()", {"isOption": 1, "total": 17_895}),
    "pricing/instrument_row.circom": (
        "InstrumentRow(1)",
        RowCase("call", 7_860_554, 8_200_000, 1 << 31, 2_592_000_000, scenarios=((34_500, 1, 9_000),)).inputs,
    ),
    "pricing/listed_instrument.circom": (
        "ListedInstrument()",
        {"isListed": 1, "isOption": 1, "isPut": 1, "timeMs": 1_000, "expiryMs": 5_000},
    ),
    "pricing/log_ratio.circom": ("LogRatio()", {}),
    "pricing/logarithm.circom": ("Logarithm()", {}),
    "pricing/normal_density.circom": ("NormalDensity()", {"hot": [0, 1] + [0] * 14}),
    "pricing/normal_distribution.circom": ("NormalDistribution(17)", {"digit": [1, 0, 1, 1] + [0] * 9 + [1] + [0] * 3}),
    "pricing/one_hot.circom": ("OneHot(3)", {"digit": [1, 0, 1]}),
    "pricing/option_time.circom": ("OptionTime()", {"isOption": 1}),
    "pricing/remainder_range.circom": ("RemainderRange(625, 4)", {}),
    "pricing/scenario_shock.circom": ("ScenarioShock()", {"priceThirds": 1, "volatility": 0}),
    "pricing/sign_and_magnitude.circom": ("SignAndMagnitude(17)", {}),
    "pricing/total_volatility.circom": ("TotalVolatility()", {}),
    "pricing/volatility_choice.circom": ("VolatilityChoice(2)", {"isUp": 1}),
    "pricing/volatility_level.circom": ("VolatilityLevel(36)", {"digit": [1, 0, 1, 1] * 7 + [0] * 8}),
    "totals/account_deficit.circom": ("AccountDeficit(2)", {"cash": -10_000_003}),
    "totals/account_totals.circom": (
        "AccountTotals(2, 1, 1, 4)",
        {"isOption": [1, 0], "quantity": [-3, 4], "cash": -10_000_003},
    ),
    "totals/pack_totals.circom": ("PackTotals(2, 1)", {"belowThreshold": 1, "deficitAccounts": 1}),
    "totals/totals_commitment.circom": ("TotalsCommitment(3)", {}),
}


@cache
def bench_of(file: str) -> tuple[Bench, Inputs]:
    """Return a bench of the template in a file below ``circuits/``, and inputs that it accepts."""
    if file in _WHOLE:
        return _WHOLE[file]()
    call, given = _CALLS[file]
    target = bench(file, call)
    shapes = target.build.inputs
    return target, {name: given[name] if name in given else _filled(name, shapes[name]) for name in shapes}


#: Times that a forgery is tried: the signature and the risk root of a market are over the hash of the time before.
ROUNDS: Final = 3


def committed_anew(file: str, inputs: Inputs, values: Mapping[str, int]) -> Inputs:
    """Return inputs with the roots, and the signature over the snapshot's hash, that a witness computed."""
    if file != "market.circom":
        return inputs
    signature = key(1).sign(oracle_message(values["quorum.snapshotHash"], ORACLES.root()))
    return {
        **inputs,
        "snapshotHash": values["snapshot.digest"],
        "paramsRoot": values["params.root"],
        "riskRoot": values["risk.root"],
        "nonceX": [signature.nonce_point.x],
        "nonceY": [signature.nonce_point.y],
        "scalar": [signature.scalar],
    }


def _filled(name: str, shape: tuple[int, ...]) -> InputValue:
    numbers = iter(range(_FIRST.get(name, 0), 1 << 80))
    if name in _ZERO:
        return _shaped(shape, lambda: 0)
    if name == "digit":
        return _shaped(shape, lambda: 0)
    if name == "rowFields":
        return _shaped(shape, lambda: next(_ROWS))
    if name == "exposureField":
        return _shaped(shape, lambda: lanes_of([next(numbers) + 50, -61, 7]))
    if name not in _FIRST:
        raise KeyError(f"the table has no number for {name}")
    return _shaped(shape, lambda: next(numbers))


def _shaped(shape: tuple[int, ...], number: Callable[[], int]) -> InputValue:
    return number() if not shape else [_shaped(shape[1:], number) for _ in range(shape[0])]


def _account() -> tuple[Bench, Inputs]:
    return account_bench(), book_case(plain_case()).inputs


def _batch() -> tuple[Bench, Inputs]:
    return TINY_BATCH, tiny_batch_inputs(500, -700)


def _merge() -> tuple[Bench, Inputs]:
    case, sizes = random_merge("small", "mutants", 3), PROFILES["small"]
    return bench("merge.circom", f"Merge({sizes.instruments}, {sizes.assets}, {sizes.merge})"), case.inputs


def _market() -> tuple[Bench, Inputs]:
    return TINY_MARKET, committed(plain_signals())


def _quorum() -> tuple[Bench, Inputs]:
    oracles = oracle_set(2, 1)
    target = library_bench("oracle/oracle_quorum.circom", "OracleQuorum(2, 1)")
    return target, quorum_inputs(signed_by([1], oracles, market()), oracles)


_WHOLE: Final[dict[str, Callable[[], tuple[Bench, Inputs]]]] = {
    "account.circom": _account,
    "batch.circom": _batch,
    "merge.circom": _merge,
    "market.circom": _market,
    "oracle/oracle_quorum.circom": _quorum,
}
