"""The recipient's conditions at their edges."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rtnet_core.errors import InputError, Refusal
from verifier.policy import PRODUCTION_MAX_AGE_MS, SKEW_MS, Policy

NOW = 1_750_000_000_000
VENUE, OTHER = b"\x01" * 32, b"\x02" * 32


def test_age_is_now_minus_as_of_and_never_negative() -> None:
    assert Policy().require_fresh(NOW - 7, NOW, NOW) == 7
    assert Policy().require_fresh(NOW + SKEW_MS, NOW, NOW) == 0


@pytest.mark.parametrize(("as_of", "signed_at"), [(NOW + SKEW_MS + 1, NOW), (NOW, NOW + SKEW_MS + 1)])
def test_data_beyond_the_skew_is_from_the_future(as_of: int, signed_at: int) -> None:
    with pytest.raises(Refusal, match="300001 ms ahead") as caught:
        Policy().require_fresh(as_of, signed_at, NOW)
    assert caught.value.code == "from_the_future"


@pytest.mark.parametrize(
    ("policy", "limit"),
    [
        (Policy(max_age_ms=60_000), 60_000),
        (Policy(max_age_ms=0), 0),
        (Policy(production=True), PRODUCTION_MAX_AGE_MS),
        (Policy(production=True, max_age_ms=2 * PRODUCTION_MAX_AGE_MS), 2 * PRODUCTION_MAX_AGE_MS),
    ],
)
def test_data_older_than_the_limit_is_stale(policy: Policy, limit: int) -> None:
    assert policy.require_fresh(NOW - limit, NOW - limit, NOW) == limit
    with pytest.raises(Refusal) as caught:
        policy.require_fresh(NOW - limit - 1, NOW, NOW)
    assert caught.value.code == "stale"


def test_without_a_limit_and_outside_production_any_age_is_reported() -> None:
    assert Policy().require_fresh(0, 0, NOW) == NOW


def test_the_clock_is_read_where_no_time_is_given() -> None:
    assert abs(Policy().clock_ms() - time.time() * 1000) < 60_000
    assert Policy(now_ms=5).clock_ms() == 5


def test_the_venue_key_is_compared_where_pinned_and_demanded_in_production() -> None:
    Policy().require_venue(VENUE)
    Policy(venue_public_key=VENUE, production=True).require_venue(VENUE)
    with pytest.raises(Refusal) as caught:
        Policy(venue_public_key=OTHER).require_venue(VENUE)
    assert caught.value.code == "wrong_venue"
    with pytest.raises(Refusal) as caught:
        Policy(production=True).require_venue(VENUE)
    assert caught.value.code == "venue_key_not_pinned"


def test_the_threshold_is_compared_where_asked_for() -> None:
    Policy().require_threshold(1)
    Policy(threshold_bps=12_000).require_threshold(12_000)
    with pytest.raises(Refusal) as caught:
        Policy(threshold_bps=12_000).require_threshold(11_999)
    assert caught.value.code == "threshold_mismatch"


@pytest.mark.parametrize(
    "condition",
    [
        {"now_ms": -1},
        {"skew_ms": -1},
        {"max_age_ms": 1.5},
        {"max_age_ms": True},
        {"venue_public_key": b"\x01" * 31},
        {"threshold_bps": 0},
        {"threshold_bps": 1 << 20},
    ],
    ids=str,
)
def test_a_condition_that_is_none_is_named(condition: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(condition))):
        Policy(**condition)
