"""What a keeper's transaction offers for gas (EIP-1559): enough for the next blocks, never above a ceiling."""

from __future__ import annotations

from typing import Final

from prover.keeper.types import Fees

#: A node takes the place of a waiting transaction only where both fees rise by a tenth; an eighth is safely more.
_RISE: Final = (9, 8)


def offered_fees(base_fee_wei: int, priority_wei: int, ceiling_wei: int, before: Fees | None = None) -> Fees | None:
    """Return the fees of a transaction, None where the ceiling does not allow any that would be mined, or taken.

    Twice the base fee leaves room for six full blocks in a row, for it rises by at most an eighth a block.

    Parameters
    ----------
    base_fee_wei
        Of the newest block.
    priority_wei
        What the node suggests for the block's producer.
    ceiling_wei
        The most that may be offered.
    before
        The fees of the transaction whose place it takes, if any.

    References
    ----------
    EIP-1559, "Fee market change"; go-ethereum, ``core/txpool``: ``PriceBump``.

    Examples
    --------
    >>> offered_fees(30, 2, 100)
    Fees(max_wei=62, priority_wei=2)
    >>> offered_fees(30, 2, 100, Fees(62, 2))
    Fees(max_wei=70, priority_wei=3)
    >>> offered_fees(30, 2, 69, Fees(62, 2)) is None
    True
    """
    if base_fee_wei >= ceiling_wei:
        return None
    most, priority = min(2 * base_fee_wei + priority_wei, ceiling_wei), priority_wei
    if before is not None:
        most, priority = max(most, _risen(before.max_wei)), max(priority, _risen(before.priority_wei))
    if most > ceiling_wei:
        return None
    return Fees(most, min(priority, most))


def _risen(fee_wei: int) -> int:
    return -(-fee_wei * _RISE[0] // _RISE[1])
