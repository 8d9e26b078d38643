"""The one tree of errors: what was wrong, which rule it broke, and - for what is not secret - the value."""

from __future__ import annotations

from typing import Final

_UNSAID: Final = object()


class ZkM2mError(Exception):
    """Everything this software raises on purpose."""


class InputError(ZkM2mError):
    """Input from outside breaks a rule; the command line answers it with exit code 2.

    Parameters
    ----------
    field
        Where it stands, as the user wrote it: ``instruments[3].strike_ticks``.
    rule
        What is asked of it, in words: ``must be below 2^27``.
    value
        The value found. Left out where the value is secret: a message then names field and rule only.
    """

    def __init__(self, field: str, rule: str, value: object = _UNSAID) -> None:
        self.field = field
        self.rule = rule
        self.has_value = value is not _UNSAID
        message = f"{field}: {rule}"
        if self.has_value:
            shown = repr(value)
            message += f" (found {shown if len(shown) <= 80 else shown[:77] + '...'})"
        super().__init__(message)


class RangeError(InputError):
    """A number lies outside the range that `rtnet_core.limits` gives it."""


class ToolError(ZkM2mError):
    """An outside tool (compiler, snarkjs, Node) is missing, failed, or left a result that cannot be right."""


class Refusal(ZkM2mError):
    """A well-formed thing is not accepted; the command line answers it with exit code 1.

    Parameters
    ----------
    code
        A short stable word that programs read, such as ``proof_invalid``.
    message
        The same for a person, with what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")
