"""Margin parameters: ranges, envelopes, and the published defaults."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rtnet_core.errors import InputError, RangeError
from rtnet_core.limits import BPS
from rtnet_core.market_sample import sample_market
from rtnet_core.params import DEFAULT_SCENARIOS, Params, default_params


def _defaults() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(default_params(sample_market(1)).to_json_bytes())
    return content


def test_default_grid_is_spans() -> None:
    full = [(scenario.price_thirds, scenario.volatility) for scenario in DEFAULT_SCENARIOS if scenario.cover_bps == BPS]
    extreme = [scenario for scenario in DEFAULT_SCENARIOS if scenario.cover_bps < BPS]
    assert sorted(full) == sorted((thirds, side) for thirds in range(-3, 4) for side in (-1, 1))
    assert [(entry.price_thirds, entry.volatility, entry.cover_bps) for entry in extreme] == [
        (6, 0, 3_500),
        (-6, 0, 3_500),
    ]


def test_defaults_read_back_and_cover_every_symbol_of_each_profile() -> None:
    for profile in ("small", "standard", "wide"):
        market = sample_market(3, profile)
        params = default_params(market)
        assert Params.from_json(params.to_json_bytes()) == params
        assert [entry.symbol for entry in params.of_underlyings(market)] == [
            entry.symbol for entry in market.underlyings
        ]
        assert [entry.symbol for entry in params.of_assets(market)] == [entry.symbol for entry in market.assets]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("scenarios/0/price_thirds", 10, "scenarios[0].price_thirds: must be at most 9"),
        ("scenarios/0/volatility", 2, "scenarios[0].volatility: must be at most 1"),
        ("scenarios/0/cover_bps", 0, "scenarios[0].cover_bps: must be at least 1"),
        ("scenarios/0/cover_bps", 10_001, "scenarios[0].cover_bps: must be at most 10000"),
        ("underlyings/0/scan_range_bps", 0, "underlyings[0].scan_range_bps: must be at least 1"),
        ("underlyings/0/volatility_down_bps", 10_000, "underlyings[0].volatility_down_bps: must be below 10000"),
        ("underlyings/0/short_option_bps", 1 << 14, "underlyings[0].short_option_bps: must be below 16384"),
        ("underlyings/0/delta_rate_bps", 1 << 20, "underlyings[0].delta_rate_bps: must be below 2^20"),
        ("underlyings/0/gamma_rate_bps", -1, "underlyings[0].gamma_rate_bps: must be at least 0"),
        ("assets/0/rate_bps", 10_001, "assets[0].rate_bps: must be at most 10000"),
    ],
)
def test_a_number_outside_its_range_is_refused(path: str, value: int, message: str) -> None:
    content = _defaults()
    group, index, field = path.split("/")
    content[group][int(index)][field] = value
    with pytest.raises(RangeError) as caught:
        Params.from_json(content, "params.json")
    assert str(caught.value).startswith(f"params.json: {message}")


@pytest.mark.parametrize(
    ("group", "field", "value", "message"),
    [
        ("underlyings", "scan_range_bps", 5_000, "scan_range_bps: must leave the price positive at -6 thirds of it"),
        ("underlyings", "size_kinks_lots", [2, 1], "size_kinks_lots: must not descend"),
        ("underlyings", "size_kinks_lots", [1], "size_kinks_lots: must have at least 2 entries"),
        ("underlyings", "size_rises_bps", [1, 2, 3], "size_rises_bps: must have at most 2 entries"),
        ("assets", "kinks", [2, 1], "kinks: must not descend"),
        ("assets", "drops_bps", [9_000, 1_001], "drops_bps: must not add up to more than rate_bps 10000"),
    ],
)
def test_a_rule_between_fields_names_the_field(group: str, field: str, value: object, message: str) -> None:
    content = _defaults()
    content[group][0][field] = value
    with pytest.raises(InputError) as caught:
        Params.from_json(content)
    assert str(caught.value).startswith(f"{group}[0].{message}")


def test_a21_a_dropped_or_added_scenario_is_refused() -> None:
    content = _defaults()
    for scenarios in (content["scenarios"][:-1], [*content["scenarios"], content["scenarios"][0]]):
        with pytest.raises(InputError, match="16 entries"):
            Params.from_json({**content, "scenarios": scenarios})


def test_symbols_are_unique_and_a_missing_one_is_named() -> None:
    content = _defaults()
    with pytest.raises(InputError, match=r"underlyings\[2\]\.symbol: must be unique"):
        Params.from_json({**content, "underlyings": [*content["underlyings"], content["underlyings"][0]]})
    bitcoin_only = Params.from_json({**content, "underlyings": content["underlyings"][:1]})
    with pytest.raises(InputError, match="every underlying of the market .*ETH"):
        bitcoin_only.of_underlyings(sample_market(1))
    dollar_only = Params.from_json({**content, "assets": content["assets"][:1]})
    with pytest.raises(InputError, match="every asset of the market .*USDT"):
        dollar_only.of_assets(sample_market(1))
