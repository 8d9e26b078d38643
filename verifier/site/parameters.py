"""The margin parameters as names with values, and what changed from one epoch to the next."""

from __future__ import annotations

from rtnet_core.params import Params, Scenario


def named_parameters(params: Params) -> dict[str, str]:
    """Return every parameter under a name that a person finds: ``BTC scan_range_bps``, ``scenario 3``.

    An underlying and a collateral asset may share a symbol, so the latter's names begin with ``collateral``.
    """
    named = {f"scenario {number}": _scenario(scenario) for number, scenario in enumerate(params.scenarios)}
    for prefix, entries in (("", params.underlyings), ("collateral ", params.assets)):
        for entry in entries:
            for field, value in entry.model_dump(exclude={"symbol"}).items():
                named[f"{prefix}{entry.symbol} {field}"] = _spelled(value)
    return named


def parameter_changes(before: Params, after: Params) -> list[tuple[str, str, str]]:
    """Return (name, old value, new value) of every parameter that differs; one that is not there is empty."""
    old, new = named_parameters(before), named_parameters(after)
    names = [*old, *(name for name in new if name not in old)]
    return [(name, old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)]


def _scenario(scenario: Scenario) -> str:
    moves = {1: "up", 0: "unchanged", -1: "down"}
    price = f"{scenario.price_thirds:+d}/3 of the scan range" if scenario.price_thirds else "unchanged"
    return f"price {price}, volatility {moves[scenario.volatility]}, {scenario.cover_bps} bps of it count"


def _spelled(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
