"""The subtree of a book's tree that one batch proof is about."""

from __future__ import annotations

from collections.abc import Sequence

from rtnet_core.commitments import EMPTY_LEAF, node
from rtnet_core.errors import InputError
from rtnet_core.limits import Profile


def batch_root(leaves: Sequence[int], sizes: Profile) -> int:
    """Return the root of a batch: its leaves in order, empty leaves behind them.

    Raises
    ------
    InputError
        More leaves than a batch of the profile has slots.

    Notes
    -----
    Circuit twin: circuits/commitments/batch_root.circom:BatchRoot
    """
    if len(leaves) > sizes.batch:
        raise InputError("accounts", f"a batch of this profile holds at most {sizes.batch}", len(leaves))
    level = [*leaves, *[EMPTY_LEAF] * (sizes.batch - len(leaves))]
    while len(level) > 1:
        level = [node(*level[i : i + 2]) for i in range(0, len(level), 2)]
    return level[0]
