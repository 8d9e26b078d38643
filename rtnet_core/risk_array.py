"""The risk array: for every slot the value change under each scenario, mark and greeks; and its Poseidon root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rtnet_core.black76 import instrument_row
from rtnet_core.errors import RangeError
from rtnet_core.hashing import Tag, hash_fields, pack, padded
from rtnet_core.limits import (
    FIELD_MODULUS,
    LANE_STRIDE,
    LANES_PER_FIELD,
    PRICE_BITS,
    PROFILES,
    ROW_BITS,
    Profile,
    check_signed,
    check_unsigned,
)
from rtnet_core.params import Params
from rtnet_core.snapshot import Snapshot, slots
from rtnet_core.snapshot_hash import snapshot_hash


@dataclass(frozen=True, slots=True)
class RiskArray:
    """What the margin rule needs of the market, padded to its profile; an empty slot is zero throughout.

    Parameters
    ----------
    profile
        Name of the profile: K instruments, U underlyings, A assets, S scenarios.
    snapshot_hash
        Hash of the snapshot it was computed from.
    rows
        Shape (K, S), ticks per lot in [-2^27, 2^27): value change under each scenario.
    marks
        Shape (K,), ticks per lot in [0, 2^27).
    deltas, gammas
        Shape (K,), ticks per lot in [-2^27, 2^27): gain for a move of +1 %, and its change for a further +1 %.
    is_option
        Shape (K,), 0 or 1.
    index_ticks
        Shape (U,), ticks per lot in [0, 2^27).
    price_ticks
        Shape (A,), ticks per unit in [0, 2^34).

    Raises
    ------
    RangeError
        A number outside its range, or a shape that is not the profile's.
    """

    profile: str
    snapshot_hash: int
    rows: tuple[tuple[int, ...], ...]
    marks: tuple[int, ...]
    deltas: tuple[int, ...]
    gammas: tuple[int, ...]
    is_option: tuple[int, ...]
    index_ticks: tuple[int, ...]
    price_ticks: tuple[int, ...]

    def __post_init__(self) -> None:
        sizes = self.sizes
        _check_length("rows", self.rows, sizes.instruments)
        for k, row in enumerate(self.rows):
            _check_length(f"rows[{k}]", row, sizes.scenarios)
            for s, change in enumerate(row):
                check_signed(f"rows[{k}][{s}]", change, ROW_BITS)
        unsigned = {"marks": (self.marks, ROW_BITS), "is_option": (self.is_option, 1)}
        for name, (column, bits) in unsigned.items():
            _check_length(name, column, sizes.instruments)
            for k, number in enumerate(column):
                check_unsigned(f"{name}[{k}]", number, bits)
        for name, column in {"deltas": self.deltas, "gammas": self.gammas}.items():
            _check_length(name, column, sizes.instruments)
            for k, number in enumerate(column):
                check_signed(f"{name}[{k}]", number, ROW_BITS)
        _check_length("index_ticks", self.index_ticks, sizes.underlyings)
        for u, number in enumerate(self.index_ticks):
            check_unsigned(f"index_ticks[{u}]", number, ROW_BITS)
        _check_length("price_ticks", self.price_ticks, sizes.assets)
        for a, number in enumerate(self.price_ticks):
            check_unsigned(f"price_ticks[{a}]", number, PRICE_BITS)

    @property
    def sizes(self) -> Profile:
        """The sizes of the profile."""
        return PROFILES[self.profile]

    def row_fields(self, slot: int) -> list[int]:
        """Return a slot's scenario values, four signed lanes in each field element, the first scenario lowest."""
        row = self.rows[slot]
        return [lanes_of(row[start : start + LANES_PER_FIELD]) for start in range(0, len(row), LANES_PER_FIELD)]

    def exposure_field(self, slot: int) -> int:
        """Return mark, delta and gamma of a slot as three signed lanes of one field element."""
        return lanes_of((self.marks[slot], self.deltas[slot], self.gammas[slot]))

    def root(self) -> int:
        """Return the Poseidon root as a field element.

        Notes
        -----
        Circuit twin: circuits/commitments/risk_array_root.circom:RiskArrayRoot
        """
        return risk_root(self)


def build_risk_array(snapshot: Snapshot, params: Params) -> RiskArray:
    """Return the risk array that follows from `snapshot` under `params`, by the exact engine.

    Raises
    ------
    InputError
        The parameters lack an underlying of the snapshot.
    RangeError
        A value change does not fit its width: the lot is too large for the price.
    """
    sizes = snapshot.sizes
    params_of = dict(
        zip((entry.symbol for entry in snapshot.underlyings), params.of_underlyings(snapshot), strict=True)
    )
    empty = (0,) * sizes.scenarios
    rows: list[tuple[int, ...]] = []
    marks: list[int] = []
    deltas: list[int] = []
    gammas: list[int] = []
    table = slots(snapshot)
    for instrument in table:
        if instrument is None:
            rows.append(empty)
            marks.append(0)
            deltas.append(0)
            gammas.append(0)
            continue
        row = instrument_row(instrument, snapshot.time_ms, params_of[instrument.underlying], params.scenarios)
        rows.append(tuple(row.changes))
        marks.append(row.mark)
        deltas.append(row.delta)
        gammas.append(row.gamma)
    return RiskArray(
        profile=snapshot.profile,
        snapshot_hash=snapshot_hash(snapshot),
        rows=tuple(rows),
        marks=tuple(marks),
        deltas=tuple(deltas),
        gammas=tuple(gammas),
        is_option=tuple(int(instrument is not None and instrument.is_option) for instrument in table),
        index_ticks=tuple(padded([entry.index_ticks for entry in snapshot.underlyings], sizes.underlyings)),
        price_ticks=tuple(padded([entry.price_ticks for entry in snapshot.assets], sizes.assets)),
    )


@lru_cache(maxsize=4)  # a proof asks for the root when it finds the record's market, and again for its statement
def risk_root(array: RiskArray) -> int:
    """Return the Poseidon root of a risk array as a field element; `RiskArray.root` is the same."""
    elements = [array.snapshot_hash]
    for slot in range(array.sizes.instruments):
        elements += [*array.row_fields(slot), array.exposure_field(slot)]
    elements += pack(array.is_option, 1) + pack(array.index_ticks, ROW_BITS) + pack(array.price_ticks, PRICE_BITS)
    return hash_fields(Tag.RISK_ARRAY, elements)


def lanes_of(numbers: Sequence[int]) -> int:
    """Return the field element that carries signed `numbers` LANE_STRIDE bits apart, the first one lowest.

    Notes
    -----
    Circuit twin: circuits/commitments/packed_row.circom:PackedRow
    """
    return sum(number << LANE_STRIDE * lane for lane, number in enumerate(numbers)) % FIELD_MODULUS


def _check_length(name: str, column: Sequence[object], length: int) -> None:
    if len(column) != length:
        raise RangeError(name, f"must have {length} entries", len(column))
