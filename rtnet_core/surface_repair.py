"""The repair of a surface: all slices fitted again together, with arbitrage penalised; what is left is lifted away.

Fitting the expiries one after another would hand a bad wing of the first on to all that follow. Together, each
violation is mended where that costs the fit least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import gt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rtnet_core.surface import Slice, Surface, common_grid, violations
from rtnet_core.svi import LEE_BOUND, Svi, Targets, bounds, clipped, decode, encode, volatility_errors

Floats = NDArray[np.float64]

_PARAMETERS: Final = 5
#: Penalties on arbitrage against residuals in volatility points, round by round, and the distance kept from it.
_PENALTIES: Final = (30.0, 1_000.0, 30_000.0)
_MARGIN: Final = 1e-4
_MAX_STEPS: Final = 60
_TOLERANCE: Final = 1e-6
#: Points of a slice's own strikes, and of all strikes, at which the problem looks; the checks look closer.
_POINTS: Final = 41
#: Step of the differences that make the Jacobian, in the scales of the parameters.
_STEP: Final = 1e-6


def repaired(surface: Surface, targets: Sequence[Targets]) -> Surface:
    """Return the surface without arbitrage that fits `targets`, one for each slice, best."""
    for penalty in _PENALTIES:
        surface = _Joint(surface, targets, penalty).solved()
        if not violations(surface):
            return surface
    return _levelled(surface)


def _levelled(surface: Surface) -> Surface:
    """Return the surface with slopes taken down, from the last expiry to the first, and then lifted, from the first on.

    A rougher cure than the fit, for what penalties left.
    """
    grid = common_grid(surface.slices)
    flat: list[Svi] = []
    for entry in reversed(surface.slices):
        flat.insert(0, _flattened(entry.svi, grid, flat[0].wings if flat else (LEE_BOUND, LEE_BOUND)))
    slices: list[Slice] = []
    for entry, svi in zip(surface.slices, flat, strict=True):
        slices.append(replace(entry, svi=_lifted(svi, slices[-1].svi, grid) if slices else svi))
    return replace(surface, slices=tuple(slices))


class _Joint:
    """The least squares problem over the parameters of all slices, as arrays of shape (slices, points).

    Its rows are, in this order: the fit of every target; the density of every slice on its own points and on common
    ones; the calendar of every two neighbours on the points of both and common ones; their wings.
    """

    def __init__(self, surface: Surface, targets: Sequence[Targets], penalty: float) -> None:
        self.surface = surface
        self.penalty = penalty
        count = len(targets)
        limits = [bounds(entry) for entry in targets]
        self.lowest, self.highest, self.scale = (np.concatenate(column) for column in zip(*limits, strict=True))
        self.k = np.concatenate([aims.k for aims in targets])
        self.volatility = np.concatenate([aims.volatility for aims in targets])
        self.years = np.concatenate([np.full(aims.k.size, aims.years) for aims in targets])
        self.of_target = np.repeat(np.arange(count), [aims.k.size for aims in targets])
        weights = []
        for entry, aims in zip(surface.slices, targets, strict=True):
            weight = aims.weight / np.sqrt(np.mean(aims.weight**2))
            error = weight * volatility_errors(entry.svi, aims) * 100
            weights.append(100 * weight / (1 + error * error) ** 0.25)  # soft L1 of the plain fit, held fixed
        self.weight = np.concatenate(weights)
        own = np.stack([np.linspace(entry.grid[0], entry.grid[-1], _POINTS) for entry in surface.slices])
        common = np.tile(np.linspace(np.min(own), np.max(own), _POINTS), (count, 1))
        self.dense = np.concatenate([own, common], axis=1)
        self.pairs = np.concatenate([own[:-1], own[1:], common[1:]], axis=1)
        # The slice whose parameters move a row, of even number and of odd number; -1 where there is none.
        single = np.concatenate([self.of_target, np.repeat(np.arange(count), self.dense.shape[1])])
        pair_numbers = np.arange(count - 1)
        near = np.concatenate([np.repeat(pair_numbers, self.pairs.shape[1]), np.repeat(pair_numbers, 2)])
        first, second = np.concatenate([single, near]), np.concatenate([single, near + 1])
        self.moved_by = [np.where(first % 2 == p, first, np.where(second % 2 == p, second, -1)) for p in (0, 1)]

    def solved(self) -> Surface:
        """Return the surface at the minimum."""
        from scipy.optimize import least_squares  # type: ignore[import-untyped]  # SciPy ships no types

        x = clipped(np.concatenate([encode(entry.svi) for entry in self.surface.slices]), self.lowest, self.highest)
        found = least_squares(
            self.residuals,
            x,
            jac=self.jacobian,
            bounds=(self.lowest, self.highest),
            x_scale=self.scale,
            ftol=_TOLERANCE,
            xtol=_TOLERANCE,
            max_nfev=_MAX_STEPS,
        )
        slices = tuple(
            replace(entry, svi=decode(part))
            for entry, part in zip(self.surface.slices, found.x.reshape(-1, _PARAMETERS), strict=True)
        )
        return replace(self.surface, slices=slices)

    def residuals(self, x: Floats) -> Floats:
        """Return all rows."""
        least, left, right, m, log_sigma = x.reshape(-1, _PARAMETERS).T
        b, rho, sigma = (left + right) / 2, (right - left) / (left + right), np.exp(log_sigma)
        a = least - b * sigma * np.sqrt(1 - rho * rho)
        raw = np.stack([a, b, rho, m, sigma])

        fitted = np.sqrt(np.maximum(_variance(raw[:, self.of_target], self.k), 1e-12) / self.years)
        density = _density(raw[:, :, None], self.dense)
        under, over = _variance(raw[:, :-1, None], self.pairs), _variance(raw[:, 1:, None], self.pairs)
        wings = np.stack([left[1:] / left[:-1], right[1:] / right[:-1]], axis=1)
        made: Floats = np.concatenate(
            [
                self.weight * (fitted - self.volatility),
                self.penalty * np.minimum(density - _MARGIN, 0.0).ravel(),
                self.penalty * np.minimum(over / under - 1 - _MARGIN, 0.0).ravel(),
                self.penalty * np.minimum(wings - 1 - _MARGIN, 0.0).ravel(),
            ]
        )
        return made

    def jacobian(self, x: Floats) -> Floats:
        """Return the derivatives by differences; slices two apart share no row and move together."""
        here = self.residuals(x)
        rows = np.arange(here.size)
        made = np.zeros((here.size, x.size))
        for parameter in range(_PARAMETERS):
            for parity, moved_by in enumerate(self.moved_by):
                columns = np.arange(_PARAMETERS * parity + parameter, x.size, 2 * _PARAMETERS)
                step = np.zeros_like(x)
                step[columns] = _STEP * self.scale[columns]
                step = np.where(x + step > self.highest, -step, step)
                change = self.residuals(x + step) - here
                touched = moved_by >= 0
                at = _PARAMETERS * moved_by[touched] + parameter
                made[rows[touched], at] = change[touched] / step[at]
        return made


def _variance(raw: Floats, k: Floats) -> Floats:
    """Return w(k) of slices whose parameters (a, b, ρ, m, σ) stand along the first axis."""
    a, b, rho, m, sigma = raw
    y = k - m
    made: Floats = a + b * (rho * y + np.sqrt(y * y + sigma * sigma))
    return made


def _density(raw: Floats, k: Floats) -> Floats:
    """Return g(k) of the same."""
    _, b, rho, m, sigma = raw
    y = k - m
    root = np.sqrt(y * y + sigma * sigma)
    w = np.maximum(_variance(raw, k), 1e-12)
    first = b * (rho + y / root)
    made: Floats = (1 - k * first / (2 * w)) ** 2 - first**2 / 4 * (1 / w + 0.25) + b * sigma**2 / root**3 / 2
    return made


def _flattened(svi: Svi, grid: Floats, wings: tuple[float, float]) -> Svi:
    """Return the slice with its slopes taken down, the level at the money kept.

    That goes on until no density is negative and no wing steeper than `wings`. A flat slice has g = 1 and no wings, so
    it ends.
    """
    level = float(svi.total_variance(0.0))
    made = svi
    share = 1.0
    while float(np.min(made.density(grid))) < 0 or any(map(gt, made.wings, wings)):
        share *= 0.98
        made = replace(svi, b=svi.b * share, a=level - share * (level - svi.a))
    return made


def _lifted(svi: Svi, floor: Svi, grid: Floats) -> Svi:
    """Return the slice raised by a constant until it is nowhere below `floor`."""
    short = float(np.max(floor.total_variance(grid) - svi.total_variance(grid)))
    return replace(svi, a=svi.a + short * (1 + 1e-9)) if short > 0 else svi
