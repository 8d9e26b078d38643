"""The tables of the pricing circuit are those that the generator makes, and as near to their functions as it says."""

from __future__ import annotations

from math import exp, log, pi, sqrt

import pytest

from prover.paths import circuit_sources
from prover.pricing_tables import CIRCOM_BLOCKS, python_path, python_text, with_block
from rtnet_core.black76_parts import Argument, logarithm, normal_density, normal_distribution
from rtnet_core.black76_widths import (
    FINE_DIVISOR_BITS,
    LOG_LOCAL_BITS,
    MANTISSA_BITS,
    SQUARE_ODD,
    SQUARE_SHIFT,
    TOTAL_CAP_BITS,
)
from rtnet_core.limits import MS_PER_YEAR


def test_python_tables_are_fresh() -> None:
    """If this fails: `python -m prover.pricing_tables`."""
    assert python_path().read_text("utf-8") == python_text()


@pytest.mark.parametrize("name", CIRCOM_BLOCKS)
def test_circom_tables_are_fresh(name: str) -> None:
    text = (circuit_sources() / name).read_text("utf-8")
    assert text == with_block(text, CIRCOM_BLOCKS[name])


def test_a_file_without_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no line"):
        with_block("pragma circom 2.1.6;\n", ("NORMAL",))


def test_errors_of_distribution_and_density_at_every_argument() -> None:
    from scipy.special import ndtr  # here: the other tests need no SciPy

    worst_normal = worst_density = 0.0
    for magnitude in range(1 << 14):
        argument, x = Argument(True, magnitude), (magnitude + 0.5) / 2048
        worst_normal = max(worst_normal, abs(normal_distribution(argument) / 2**78 - float(ndtr(x))))
        worst_density = max(worst_density, abs(normal_density(argument) / 2**44 - exp(-x * x / 2) / sqrt(2 * pi)))
        assert normal_density(argument) >= 0
    assert 1.0e-9 < worst_normal < 1.6e-9
    assert 1.0e-5 < worst_density < 2.2e-5


def test_error_of_the_logarithm() -> None:
    steps = range(1 << MANTISSA_BITS, 2 << MANTISSA_BITS, (1 << LOG_LOCAL_BITS) // 40 - 1)
    worst = max(abs(logarithm(mantissa) / 2**110 - log(mantissa)) for mantissa in steps)
    assert 5e-10 < worst < 1e-9


def test_widths_that_follow_from_others() -> None:
    assert SQUARE_ODD << SQUARE_SHIFT == 16 * MS_PER_YEAR
    assert SQUARE_ODD % 2 == 1
    assert (2 * ((1 << TOTAL_CAP_BITS) - 1) + 1).bit_length() == FINE_DIVISOR_BITS
