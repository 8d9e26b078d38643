"""Line charts as SVG: the same bytes for the same figures, legible in the dark and on a telephone.

Drawn here because the verifier has no plotting library, and because a picture that a strict policy lets through, takes
its colours from the page and says in words what it shows is a page of code. Series differ in colour and in dashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Final

_WIDTH: Final = 400
_HEIGHT: Final = 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 44
#: A chart has at most this many ticks on its horizontal axis.
_MOST_TICKS: Final = 6
#: Up to so many epochs every value has its dot; beyond, only one that no line touches.
_MOST_DOTS: Final = 50
_CLASSES: Final = ("first", "second")
_UNITS: Final = ((Decimal(10) ** 12, "T"), (Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k"))


@dataclass(frozen=True, slots=True)
class Series:
    """A line; None is a gap. The values are exact, the picture is not."""

    name: str
    values: Sequence[Decimal | None]


def line_chart(title: str, numbers: Sequence[int], series: Sequence[Series], key: str) -> str:
    """Return a figure with one or two lines over the epochs `numbers`.

    Parameters
    ----------
    title
        What is drawn, with its unit.
    numbers
        Of the epochs, ascending.
    series
        One or two, as long as `numbers`.
    key
        Unique on the page, of letters and digits: the picture's texts are found by it.
    """
    values = [value for line in series for value in line.values if value is not None]
    steps = _steps(min([*values, Decimal(0)]), max([*values, Decimal(0)]))
    low, high = steps[0], steps[-1]

    def x(place: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (place / (len(numbers) - 1) if len(numbers) > 1 else 0.5)

    def y(value: Decimal) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * float((value - low) / (high - low))

    parts = []
    for step in steps:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(step):.1f}" y2="{y(step):.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(step) + 4:.1f}" text-anchor="end">{short(step)}</text>')
    stride = -(-len(numbers) // _MOST_TICKS)
    parts += [
        f'<text x="{x(place):.1f}" y="{_HEIGHT - 26}" text-anchor="middle">{numbers[place]}</text>'
        for place in range(0, len(numbers), stride)
    ]
    for line, name in zip(series, _CLASSES, strict=False):
        path, last = "", None
        for place, value in enumerate(line.values):
            if value is None:
                continue
            joined = last is not None and last == place - 1
            path += f"{'L' if joined else 'M'}{x(place):.1f} {y(value):.1f}"
            alone = not joined and (place + 1 == len(numbers) or line.values[place + 1] is None)
            if alone or len(numbers) <= _MOST_DOTS:
                parts.append(f'<circle class="{name}" cx="{x(place):.1f}" cy="{y(value):.1f}" r="3"/>')
            last = place
        if path:
            parts.append(f'<path class="{name}" d="{path}"/>')
    parts += _names(series)
    words = escape("; ".join(f"{line.name}: {_range(line)}" for line in series))
    return (
        f'<figure><figcaption>{escape(title)}</figcaption>\n<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-labelledby="{key}-title {key}-words">\n<title id="{key}-title">{escape(title)}</title>\n'
        f'<desc id="{key}-words">{words}</desc>\n{"".join(parts)}\n</svg></figure>'
    )


def short(value: Decimal) -> str:
    """Return a number for an axis.

    Examples
    --------
    >>> short(Decimal("2500000")), short(Decimal("-0.05")), short(Decimal(0))
    ('2.5M', '-0.05', '0')
    """
    for size, unit in _UNITS:
        if abs(value) >= size:
            return f"{(value / size).normalize():f}{unit}"
    return f"{value.normalize():f}"


def _steps(low: Decimal, high: Decimal) -> list[Decimal]:
    """Return two to seven round numbers that span a range, zero in it."""
    span = (high - low) or Decimal(1)
    size = Decimal(1).scaleb((span / 4).adjusted())
    step = next(size * factor for factor in (1, 2, 5, 10) if span / (size * factor) <= 5)
    first, last = low // step - (low % step < 0), high // step + (high % step > 0)
    last = max(last, first + 1)
    return [step * number for number in range(int(first), int(last) + 1)]


def _names(series: Sequence[Series]) -> list[str]:
    parts, left = [], _LEFT
    for line, name in zip(series, _CLASSES, strict=False):
        parts.append(f'<path class="{name}" d="M{left} {_HEIGHT - 9}h22"/>')
        parts.append(f'<text x="{left + 28}" y="{_HEIGHT - 5}">{escape(line.name)}</text>')
        left += 28 + 8 * len(line.name) + 12
    return parts


def _range(line: Series) -> str:
    values = [value for value in line.values if value is not None]
    if not values:
        return "nothing"
    return f"from {values[0]:f} in the first epoch to {values[-1]:f} in the last"
