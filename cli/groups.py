"""A group of commands of which one is meant when none is named."""

from __future__ import annotations

from typing import Any, ClassVar

from typer.core import TyperGroup


class DefaultCommandGroup(TyperGroup):
    """Takes a first word that names no command as the first word of the default command.

    So ``zkm2m verify proof.json`` is ``zkm2m verify account proof.json``, and other kinds of proof have names of their
    own.
    """

    default_command: ClassVar[str] = "account"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command's name in front of what names none."""
        if not args or args[0] not in self.commands:
            args = [self.default_command, *args]
        return super().parse_args(ctx, args)
