"""The picture of a cascade."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cli.cascade_plot import paint_cascade
from cli.picture import check_picture, write_picture
from rtnet_core.errors import InputError
from rtnet_core.loss.cascade import Cascade, CascadeBook, CascadeRound


def test_a_cascade_is_drawn_with_its_coins(tmp_path: Path) -> None:
    empty = np.zeros((1, 1), dtype=np.int64)
    first = CascadeRound((0.92, 0.9), 5, 2, 1e12, 1e9, 1e9, 1e10)
    last = CascadeRound((0.91, 0.88), 0, 0, 0.0, 0.0, 0.0, 0.0)
    cascade = Cascade((first, last), CascadeBook(empty, np.zeros(1), empty), empty[0], 0.0)
    path = tmp_path / "cascade.svg"
    check_picture(path)
    write_picture(path, lambda figure: paint_cascade(figure, cascade, ["BTC", "ETH"]), height=7)
    assert path.read_bytes().startswith(b"<?xml")


def test_a_picture_has_one_of_two_formats(tmp_path: Path) -> None:
    check_picture(None)
    with pytest.raises(InputError, match="png or .svg"):
        check_picture(tmp_path / "cascade.pdf")
    with pytest.raises(InputError, match="folder does not exist"):
        check_picture(tmp_path / "absent" / "cascade.png")
