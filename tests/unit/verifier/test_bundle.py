"""The bundle: an honest one is read; of all others each gives a refusal and no other exception."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtnet_core.errors import Refusal
from rtnet_core.statement import Statement
from tests.support.simulated_groth16 import Trapdoor
from verifier.bundle import ACCOUNT_FORMAT, account_bundle
from verifier.points import SCALAR_MODULUS
from verifier.reasons import REASONS

SIGNALS = (1, 2, 3, 4, 10_000, 5)
BUNDLE: dict[str, Any] = {
    "format": ACCOUNT_FORMAT,
    "circuit": "account-small",
    "circuit_version": "0" * 64,
    "vk_id": "f" * 64,
    "statement": dict(zip(Statement.names(), map(str, SIGNALS), strict=True)),
    "proof": Trapdoor.of(6).proof_json(SIGNALS),
}


def refusal_of(data: bytes) -> str:
    """Return the code with which the bundle is refused."""
    with pytest.raises(Refusal) as caught:
        account_bundle(data)
    return caught.value.code


def changed(path: tuple[str | int, ...], value: object) -> bytes:
    """Return the bundle with one place set to another value."""
    bundle = copy.deepcopy(BUNDLE)
    place: Any = bundle
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(bundle).encode()


def test_an_honest_bundle_is_read() -> None:
    bundle = account_bundle(json.dumps(BUNDLE).encode())
    assert bundle.statement == Statement(*SIGNALS)
    assert (bundle.circuit, bundle.circuit_version, bundle.vk_id) == ("account-small", "0" * 64, "f" * 64)
    assert bundle.proof.to_json() == BUNDLE["proof"]


def test_the_order_of_keys_does_not_move_signals() -> None:
    backwards = {**BUNDLE, "statement": dict(reversed(BUNDLE["statement"].items()))}
    assert account_bundle(json.dumps(backwards).encode()).statement == Statement(*SIGNALS)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), "zkm2m/account-proof/v2"),
        (("format",), None),
        (("circuit",), "Account"),
        (("circuit",), "../keys"),
        (("circuit",), "account-small\n"),
        (("circuit",), "a" * 65),
        (("circuit",), 1),
        (("circuit_version",), "0" * 63),
        (("circuit_version",), "A" * 64),
        (("vk_id",), "0x" + "0" * 62),
        (("vk_id",), "\u0660" * 64),
        (("statement",), []),
        (("statement",), None),
        (("statement", "extra"), "1"),
        (("extra",), 1),
    ],
)
def test_a_wrong_form_is_refused(path: tuple[str, ...], value: object) -> None:
    assert refusal_of(changed(path, value)) == "malformed_bundle"


@pytest.mark.parametrize("key", list(BUNDLE))
def test_a_missing_key_is_refused(key: str) -> None:
    assert refusal_of(json.dumps({k: v for k, v in BUNDLE.items() if k != key}).encode()) == "malformed_bundle"


@pytest.mark.parametrize("value", [b"[]", b'"x"', b"1", b"null", b"true"])
def test_another_value_than_an_object_is_refused(value: bytes) -> None:
    assert refusal_of(value) == "malformed_bundle"


@pytest.mark.parametrize(("name", "value"), [("verdict", 2), ("threshold_bps", 0), ("threshold_bps", 1 << 20)])
def test_the_claimed_signals_have_their_own_ranges(name: str, value: int) -> None:
    assert refusal_of(changed(("statement", name), str(value))) == "signal_out_of_range"


@pytest.mark.parametrize(("name", "value"), [("verdict", 0), ("threshold_bps", 1), ("threshold_bps", (1 << 20) - 1)])
def test_the_ends_of_those_ranges_are_read(name: str, value: int) -> None:
    assert getattr(account_bundle(changed(("statement", name), str(value))).statement, name) == value


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of everything inside a JSON value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for step, inner in steps for place in [(*path, step), *places(inner, (*path, step))]]


STRANGE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=90)
    | st.integers(-3, 3).map(lambda d: str(SCALAR_MODULUS + d))
    | st.lists(st.text("0123456789", max_size=80), max_size=4)
    | st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2)
)


@settings(deadline=None)
@given(st.sampled_from(places(BUNDLE)), STRANGE)
def test_one_place_changed_gives_a_bundle_or_a_refusal(path: tuple[str | int, ...], value: object) -> None:
    try:
        account_bundle(changed(path, value))
    except Refusal as refusal:
        assert refusal.code in REASONS


@settings(deadline=None)
@given(st.data())
def test_bytes_changed_or_cut_give_a_bundle_or_a_refusal(data: st.DataObject) -> None:
    honest = json.dumps(BUNDLE).encode()
    at = data.draw(st.integers(0, len(honest) - 1))
    put = data.draw(st.binary(max_size=4))
    cut = data.draw(st.integers(0, 4))
    try:
        account_bundle(honest[:at] + put + honest[at + cut :])
    except Refusal as refusal:
        assert refusal.code in REASONS
