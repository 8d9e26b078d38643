"""Reserves: signatures of real libraries, verified or refused, and what an honest comparison says."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from rtnet_core.account import Account
from rtnet_core.errors import Refusal, ToolError
from rtnet_core.reserves import Reserves, ownership_message
from tests.support.epoch_setting import MadeEpoch, keystore, make_epoch, reserves_of, sampled_epoch, verdict_on
from verifier import ownership
from verifier.ownership import signature_holds
from verifier.policy import SKEW_MS
from verifier.reserves import ReservesReport, check_reserves, liabilities

eth_account = pytest.importorskip("eth_account")
bms = pytest.importorskip("btclib.ecc.bms")

ETHEREUM_KEY = "0x" + "11" * 32
OTHER_ETHEREUM_KEY = "0x" + "12" * 32
WEB3_SIGNATURE = (
    "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
    "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c"
)


@pytest.fixture
def epoch() -> MadeEpoch:
    return sampled_epoch(5)


def report_on(epoch: MadeEpoch, reserves: Reserves) -> ReservesReport:
    assert epoch.record.proven is not None
    totals = epoch.record.proven.totals.totals(epoch.snapshot)
    return check_reserves(reserves, epoch.record, epoch.snapshot, totals)


def refusal_of(epoch: MadeEpoch, reserves: Reserves) -> Refusal:
    with pytest.raises(Refusal) as caught:
        report_on(epoch, reserves)
    return caught.value


def entry(address: str = "custodian-1", balance: int = 0, chain: str = "other", **more: Any) -> dict[str, Any]:
    return {"chain": chain, "address": address, "balance": str(balance), **more}


def owed(epoch: MadeEpoch) -> dict[str, int]:
    assert epoch.record.proven is not None
    totals = epoch.record.proven.totals.totals(epoch.snapshot)
    return {liability.symbol: liability.amount for liability in liabilities(totals, epoch.snapshot)}


def message(made: MadeEpoch, chain: str, address: str, /, **changes: Any) -> str:
    record = made.record
    named = {"venue": record.venue, "venue_public_key": record.signature.public_key, "epoch": record.number}
    return ownership_message(**(named | {"time_ms": record.as_of_ms} | changes), chain=chain, address=address)


def ethereum(made: MadeEpoch, /, key: str = ETHEREUM_KEY, signer: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return an entry for the address of `key`, signed by `signer`; `changes` are of the message."""
    address = eth_account.Account.from_key(key).address
    envelope = importlib.import_module("eth_account.messages").encode_defunct(
        text=message(made, "ethereum", address, **changes)
    )
    signature = eth_account.Account.from_key(signer or key).sign_message(envelope).signature
    return entry(address, 5, "ethereum", signature="0x" + bytes(signature).hex())


def bitcoin(made: MadeEpoch, kind: str, /, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return an entry for an address of that kind, signed by its key; `changes` are of the message."""
    key = bms.PrvKeyData(0x1234567 + number)
    address = getattr(bms, kind)(key.pub)
    text = message(made, "bitcoin", address, **changes)
    return entry(address, 7, "bitcoin", signature=bms.sign(text.encode(), key, address).b64encode())


def test_every_asset_covered_to_the_last_unit(epoch: MadeEpoch) -> None:
    due = owed(epoch)
    assert min(due.values()) > 0
    full = {symbol: [entry(balance=amount)] for symbol, amount in due.items()}
    assert report_on(epoch, reserves_of(epoch, full)).covered
    for symbol in due:
        short = full | {symbol: [entry(balance=due[symbol] - 1)]}
        report = report_on(epoch, reserves_of(epoch, short))
        assert [cover.symbol for cover in report.covers if not cover.covered] == [symbol]
        assert not report.covered


def test_what_is_owed_to_the_venue_needs_no_reserves() -> None:
    # Customers who borrowed the quote currency against coins owe it: the sum of cash is negative.
    accounts = [Account.from_json({"id": "a", "cash_ticks": -5, "collateral": {"BTC": 3}})]
    borrowed = make_epoch(accounts)
    report = report_on(borrowed, reserves_of(borrowed, {"BTC": [entry(balance=3)]}))
    assert [(cover.liability, cover.covered) for cover in report.covers] == [(-5, True), (0, True), (3, True)]


def test_an_asset_without_reserves_is_not_covered(epoch: MadeEpoch) -> None:
    report = report_on(epoch, reserves_of(epoch, {"BTC": [entry(balance=10**9)]}))
    assert [(cover.symbol, cover.reserves, cover.covered) for cover in report.covers] == [
        ("USD", 0, False),
        ("USDC", 0, False),
        ("BTC", 10**9, True),
    ]


def test_more_of_one_asset_does_not_stand_for_another(epoch: MadeEpoch) -> None:
    report = report_on(epoch, reserves_of(epoch, {"USD": [entry(balance=10**30)]}))
    assert not report.covered


def test_lines_are_verified_or_stated_and_balances_always_stated(epoch: MadeEpoch) -> None:
    reserves = reserves_of(
        epoch,
        {
            "USDC": [ethereum(epoch), entry("0x" + "ab" * 20, 3, "ethereum")],
            "BTC": [bitcoin(epoch, kind) for kind in ("p2pkh", "p2wpkh", "p2wpkh_p2sh")] + [entry(balance=2)],
        },
    )
    report = report_on(epoch, reserves)
    assert [line.ownership for line in report.lines] == ["verified", "stated", *["verified"] * 3, "stated"]
    assert {line.balance_assurance for line in report.lines} == {"stated"}
    assert {cover.symbol: (cover.reserves, cover.owned) for cover in report.covers} == {
        "USD": (0, 0),
        "USDC": (8, 5),
        "BTC": (23, 21),
    }
    assert report.notes == ()
    shown = json.loads(json.dumps(report.to_json()))
    assert shown["addresses"][0]["ownership"] == "verified"
    assert shown["assets"][2] == {
        "symbol": "BTC",
        "liability": str(owed(epoch)["BTC"]),
        "reserves": "23",
        "ownership_verified": "21",
        "covered": False,
    }


def test_an_address_in_any_spelling_of_its_letters(epoch: MadeEpoch) -> None:
    signed = ethereum(epoch)
    for spelled in (signed["address"].lower(), "0x" + signed["address"][2:].upper()):
        reserves = reserves_of(epoch, {"USDC": [signed | {"address": spelled}]})
        assert report_on(epoch, reserves).lines[0].ownership == "verified"


@pytest.mark.parametrize(
    "changes",
    [
        {"venue": "Other"},
        {"venue_public_key": "00" * 32},
        {"epoch": 2},
        {"time_ms": 5},
    ],
)
def test_a29_a31_a_signature_for_another_venue_epoch_or_time(epoch: MadeEpoch, changes: dict[str, Any]) -> None:
    for signed, symbol in (
        (ethereum(epoch, **changes), "USDC"),
        *((bitcoin(epoch, kind, **changes), "BTC") for kind in ("p2pkh", "p2wpkh")),
    ):
        refusal = refusal_of(epoch, reserves_of(epoch, {symbol: [signed]}))
        assert refusal.code == "reserve_signature_invalid"
        assert f"{signed['chain']} {signed['address']}" in refusal.message


def test_a27_a_signature_by_another_key_or_edited(epoch: MadeEpoch) -> None:
    good = ethereum(epoch)
    signature = good["signature"]
    wrong = [
        ethereum(epoch, signer=OTHER_ETHEREUM_KEY),
        good | {"address": "0x" + "ab" * 20},
        *(good | {"signature": edited} for edited in (
            "0x" + "00" * 65, "0x" + "ff" * 65, signature[:-2], signature[:-2] + "05", signature + "00",
            signature[2:], "x", signature[:20] + "g" + signature[21:],
        )),
    ]  # fmt: skip
    for candidate in wrong:
        assert refusal_of(epoch, reserves_of(epoch, {"USDC": [candidate]})).code == "reserve_signature_invalid"


def test_a27_a_bitcoin_signature_of_another_address_kind_or_edited(epoch: MadeEpoch) -> None:
    good = bitcoin(epoch, "p2wpkh")
    taproot = "bc1p" + "q" * 58
    script = "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"
    for candidate in (
        good | {"address": bitcoin(epoch, "p2wpkh", 2)["address"]},
        good | {"address": taproot},
        good | {"address": script},
        good | {"signature": "A" * 88},
        good | {"signature": good["signature"][:-4]},
        good | {"signature": "=" * 4},
        good | {"signature": "00"},
    ):
        assert refusal_of(epoch, reserves_of(epoch, {"BTC": [candidate]})).code == "reserve_signature_invalid"


def test_a_message_is_text_and_never_hexadecimal() -> None:
    key = bms.PrvKeyData(5)
    address, signature = bms.p2pkh(key.pub), bms.sign(b"abcd", key).b64encode()
    assert signature_holds("bitcoin", "abcd", address, signature)
    assert not signature_holds("bitcoin", "abce", address, signature)


def test_a16_an_address_counted_twice(epoch: MadeEpoch) -> None:
    signed = ethereum(epoch)
    twice = [signed, entry(signed["address"].lower(), 9, "ethereum")]
    refusal = refusal_of(epoch, reserves_of(epoch, {"USDC": twice}))
    assert (refusal.code, "USDC: ethereum" in refusal.message) == ("reserve_twice", True)
    # Two assets at one address are two balances.
    report_on(epoch, reserves_of(epoch, {"USDC": [signed], "BTC": [signed]}))


def test_a28_reserves_of_another_time(epoch: MadeEpoch) -> None:
    as_of = epoch.record.as_of_ms
    for time_ms in (as_of - SKEW_MS, as_of + SKEW_MS):
        report_on(epoch, reserves_of(epoch, {"USDC": []}, time_ms=time_ms))
    for time_ms in (as_of - SKEW_MS - 1, as_of + SKEW_MS + 1):
        assert refusal_of(epoch, reserves_of(epoch, {"USDC": []}, time_ms=time_ms)).code == "reserves_time_mismatch"


@pytest.mark.parametrize("changes", [{"venue": "Other"}, {"venue_public_key": "00" * 32}, {"epoch": 2}])
def test_a29_reserves_of_another_venue_or_epoch(epoch: MadeEpoch, changes: dict[str, Any]) -> None:
    refusal = refusal_of(epoch, reserves_of(epoch, {"USDC": []}, **changes))
    assert (refusal.code, next(iter(changes)) in refusal.message) == ("reserves_mismatch", True)


def test_reserves_of_an_asset_that_the_market_does_not_have(epoch: MadeEpoch) -> None:
    assert refusal_of(epoch, reserves_of(epoch, {"ETH": []})).code == "reserves_mismatch"


def test_a_market_in_which_the_quote_currency_is_ambiguous(epoch: MadeEpoch) -> None:
    assets = tuple(a.model_copy(update={"symbol": "USD"}) for a in epoch.snapshot.assets[:1])
    assert epoch.record.proven is not None
    totals = epoch.record.proven.totals.totals(epoch.snapshot)
    with pytest.raises(Refusal, match="both quote currency"):
        check_reserves(
            reserves_of(epoch, {"USD": []}), epoch.record, epoch.snapshot.model_copy(update={"assets": assets}), totals
        )


def test_without_the_library_a_line_stays_stated_and_the_report_says_why(
    epoch: MadeEpoch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "_library", lambda _: None)
    reserves = reserves_of(epoch, {"USDC": [ethereum(epoch)], "BTC": [bitcoin(epoch, "p2pkh")]})
    report = report_on(epoch, reserves)
    assert {line.ownership for line in report.lines} == {"stated"}
    assert report.notes == (
        "signatures of bitcoin were not checked: btclib is not installed",
        "signatures of ethereum were not checked: eth-account is not installed",
    )


def test_a_library_that_does_not_load_is_a_tool_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> Any:
        raise ImportError("wrong platform")

    monkeypatch.setattr(ownership.importlib, "import_module", fail)
    with pytest.raises(ToolError, match="eth-account"):
        signature_holds("ethereum", "m", "0x", "0x")


def test_the_verdict_of_an_epoch_carries_the_comparison(epoch: MadeEpoch, tmp_path: Path) -> None:
    keys = keystore(tmp_path / "keys")
    short = verdict_on(epoch, tmp_path / "1", keys, reserves=reserves_of(epoch, {"USDC": [ethereum(epoch)]}))
    assert (short.accepted, short.covered) == (True, False)
    assert short.to_json()["covered"] is False
    full = {symbol: [entry(balance=amount)] for symbol, amount in owed(epoch).items()}
    assert verdict_on(epoch, tmp_path / "1", keys, reserves=reserves_of(epoch, full)).covered is True
    with pytest.raises(Refusal, match="reserves"):
        verdict_on(epoch, tmp_path / "1", keys, reserves=reserves_of(epoch, full, epoch=9))


@pytest.mark.parametrize(
    ("chain", "text", "address", "signature"),
    [
        (  # web3.js documentation, eth.accounts.sign
            "ethereum",
            "Some data",
            "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23",
            f"0x{WEB3_SIGNATURE}",
        ),
        (  # Bitcoin Core, src/test/util_tests.cpp, message_verify
            "bitcoin",
            "Trust no one",
            "15CRxFdyRpGZLW9w8HnHvVduizdL5jKNbs",
            "IPojfrX2dfPnH26UegfbGQQLrdK844DlHq5157/P6h57WyuS/Qsl+h/WSVGDF4MUi4rWSswW38oimDYfNNUBUOk=",
        ),
    ],
)
def test_signatures_that_other_software_published(chain: Any, text: str, address: str, signature: str) -> None:
    assert signature_holds(chain, text, address, signature) is True
    assert signature_holds(chain, text + ".", address, signature) is False
