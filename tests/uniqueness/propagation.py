"""Which wires of a constraint system follow from its inputs, by lemmas that each are a few lines.

Two witnesses that agree on the inputs are compared. A wire is *determined* where they agree on it too. The lemmas:

linear
    A constraint whose only undetermined wire stands in it with a constant factor other than 0, and in no product with
    anything but constants and determined wires, determines that wire.
digit
    ``w * (w - 1) = 0``, up to a constant factor: w is 0 or 1.
interval
    In a linear constraint where all wires but one lie in intervals of integers, the last one does, once its factor is
    made -1 and if no sum reaches r / 2 then. Two intervals of a wire both hold: integers below r / 2 stand for one
    element each.
positional
    A linear constraint whose undetermined wires lie in intervals, and whose factors grow: each is larger in magnitude
    than what all smaller ones can make up together, and all together stay below r. The difference of two solutions
    would be 0 as an integer, digit by digit from the top. All of these wires are determined.
split
    A wire that is 0 or 1, where one value would put some determined wire into one interval, and the other value into
    another one that it shares no integer with. The determined wire tells which it is.

What the lemmas leave open is open, and not free: `tests.uniqueness.solver` looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from prover.formats.r1cs import R1cs, Row
from rtnet_core.limits import FIELD_MODULUS

#: How far from a wire the split lemma looks, and at how many constraints at most; a wire in many of them leads too far.
_HOPS, _MOST_NEAR, _MOST_USES = 3, 120, 8

#: How often intervals are narrowed without a wire determined: two constraints could take turns, an integer at a time.
_ROUNDS = 4

Linear = dict[int, int]  #: factor of each wire, none of them 0; wire 0 is the constant 1
Product = tuple[Linear, Linear, Linear]  #: a constraint: the first times the second is the third


@dataclass
class Known:
    """What has been found out of a system's wires.

    Attributes
    ----------
    determined
        Wires that follow from the inputs, those included.
    interval
        Least and greatest integer that stands for a wire, where they are known.
    """

    determined: set[int]
    interval: dict[int, tuple[int, int]] = field(default_factory=dict)


def determined_wires(system: R1cs, inputs: Iterable[int]) -> Known:
    """Return what follows from `inputs` by the lemmas, applied until nothing more follows."""
    known = Known({0, *inputs})
    left: list[Product] = [(_factors(a), _factors(b), _factors(c)) for a, b, c in system.constraints]
    for constraint in left:
        _digit(constraint, known)
    rounds = 0
    while True:
        before = (len(known.determined), dict(known.interval))
        for constraint in left:
            if (linear := _linear(constraint, known.determined)) is not None:
                _positional(linear, known)
        left = [product for product in left if not all(linear.keys() <= known.determined for linear in product)]
        if rounds < _ROUNDS:
            _narrow_all(left, known.interval)
        rounds = 0 if len(known.determined) > before[0] else rounds + 1
        if (len(known.determined), known.interval) == before:
            if not _split(left, known):
                return known
            rounds = 0


def signed(value: int) -> int:
    """Return the representative of a field element that is least in magnitude."""
    return value - FIELD_MODULUS if value > FIELD_MODULUS // 2 else value


@cache
def _inverse(value: int) -> int:
    return pow(value, -1, FIELD_MODULUS)


def _factors(row: Row) -> Linear:
    return {wire: value for wire, value in zip(row.wires, row.coefficients, strict=True) if value % FIELD_MODULUS}


def _linear(product: Product, constants: set[int]) -> Linear | None:
    """Return the factors of a constraint in which one side of the product is a number, or both are of `constants`.

    Wires of `constants` are numbers that both witnesses share: where both sides hold nothing else, their product is one
    more such number, and is left out.
    """
    left, right, result = product[0], product[1], {wire: -value for wire, value in product[2].items()}
    if left.keys() <= {0} or right.keys() <= {0}:
        number, other = (left.get(0, 0), right) if left.keys() <= {0} else (right.get(0, 0), left)
        for wire, value in other.items():
            result[wire] = result.get(wire, 0) + number * value
    elif not (left.keys() <= constants and right.keys() <= constants):
        return None
    return {wire: signed(value % FIELD_MODULUS) for wire, value in result.items() if value % FIELD_MODULUS}


def _digit(constraint: Product, known: Known) -> None:
    left, right, product = constraint
    wires = {*left, *right, *product} - {0}
    if len(wires) != 1 or product.get(0):
        return
    (wire,) = wires
    # (a w + b)(c w + d) = e w has the roots 0 and 1 exactly if b d = 0 and (a + b)(c + d) = e, and is not 0 = 0.
    a, b, c, d, e = left.get(wire, 0), left.get(0, 0), right.get(wire, 0), right.get(0, 0), product.get(wire, 0)
    if b * d % FIELD_MODULUS == 0 and ((a + b) * (c + d) - e) % FIELD_MODULUS == 0 and a * c % FIELD_MODULUS:
        known.interval[wire] = (0, 1)


def _positional(linear: Linear, known: Known) -> None:
    """Use the linear and the positional lemma."""
    unknown = {wire: value for wire, value in linear.items() if wire not in known.determined}
    if len(unknown) == 1:
        known.determined.update(unknown)
    elif unknown and all(wire in known.interval for wire in unknown):
        widths = {wire: known.interval[wire][1] - known.interval[wire][0] for wire in unknown}
        if any(_is_positional(scaled, widths) for scaled in _scaled(unknown)):
            known.determined.update(unknown)


def _scaled(linear: Linear) -> Iterable[Linear]:
    """Yield the same equation times a few constants: as it is, and with one of its factors made 1."""
    yield linear
    for value in sorted(set(linear.values()), key=abs)[:2]:
        inverse = _inverse(value)
        yield {wire: signed(factor * inverse % FIELD_MODULUS) for wire, factor in linear.items()}


def _is_positional(linear: Linear, widths: dict[int, int]) -> bool:
    reach = 0
    for wire, factor in sorted(linear.items(), key=lambda item: abs(item[1])):
        if abs(factor) <= reach:
            return False
        reach += abs(factor) * widths[wire]
    return reach < FIELD_MODULUS


def _narrow_all(constraints: Sequence[Product], interval: dict[int, tuple[int, int]]) -> None:
    """Use the interval lemma once on every constraint without a product of wires."""
    for constraint in constraints:
        if (linear := _linear(constraint, {0})) is not None:
            _narrow(linear, interval)


def _narrow(linear: Linear, interval: dict[int, tuple[int, int]]) -> None:
    without = [wire for wire in linear if wire and wire not in interval]
    for wire in without if len(without) == 1 else [] if without else [wire for wire in linear if wire]:
        inverse = _inverse(-linear[wire])
        others = {other: signed(value * inverse % FIELD_MODULUS) for other, value in linear.items() if other != wire}
        low = high = others.pop(0, 0)
        for other, value in others.items():
            ends = sorted(value * end for end in interval[other])
            low, high = low + ends[0], high + ends[1]
        if max(abs(low), abs(high)) < FIELD_MODULUS // 2:
            least, greatest = interval.get(wire, (low, high))
            interval[wire] = (max(least, low), min(greatest, high))


def _split(constraints: Sequence[Product], known: Known) -> bool:
    """Use the split lemma; return whether it determined a wire."""
    standing: dict[int, set[int]] = {}
    for place, product in enumerate(constraints):
        for wire in {wire for linear in product for wire in linear} - {0}:
            standing.setdefault(wire, set()).add(place)
    found = False
    for wire in sorted(standing.keys() - known.determined):
        if known.interval.get(wire) == (0, 1):
            near = [constraints[place] for place in _near(wire, constraints, standing)]
            zero, one = (_under(near, wire, value, known) for value in (0, 1))
            told = [other for other in known.determined & zero.keys() & one.keys() if other]
            if any(zero[other][1] < one[other][0] or one[other][1] < zero[other][0] for other in told):
                known.determined.add(wire)
                found = True
    return found


def _near(wire: int, constraints: Sequence[Product], standing: dict[int, set[int]]) -> list[int]:
    """Return the constraints that a wire stands in, those that share a wire with one of them, and so on for a few."""
    places, wires = set(standing[wire]), {wire}
    for _ in range(_HOPS):
        wires = {wire for place in places for linear in constraints[place] for wire in linear} - {0}
        more = {place for wire in wires if len(standing[wire]) <= _MOST_USES for place in standing[wire]}
        if len(places | more) > _MOST_NEAR:
            break
        places |= more
    return sorted(places)


def _under(near: Sequence[Product], wire: int, value: int, known: Known) -> dict[int, tuple[int, int]]:
    """Return the intervals that follow near a wire if it has a value."""
    fixed = list(_fixed(near, wire, value))
    wires = {wire for product in near for linear in product for wire in linear}
    interval = {w: known.interval[w] for w in wires & known.interval.keys()} | {wire: (value, value)}
    for _ in range(_ROUNDS):
        _narrow_all(fixed, interval)
    return interval


def _fixed(constraints: Iterable[Product], wire: int, value: int) -> Iterator[Product]:
    """Yield the constraints with a number in a wire's place."""
    for product in constraints:
        if any(wire in linear for linear in product):
            a, b, c = ({w: f for w, f in linear.items() if w != wire} for linear in product)
            for changed, linear in zip((a, b, c), product, strict=True):
                if total := changed.pop(0, 0) + linear.get(wire, 0) * value:
                    changed[0] = total
            yield a, b, c
        else:
            yield product
