"""Packages that only a venue needs: what is said where one is missing."""

from __future__ import annotations

from rtnet_core.errors import ToolError


def missing_extra(package: str, extra: str) -> ToolError:
    """Return the error for a `package` that is not installed, naming the extra that brings it."""
    return ToolError(f"{package} is not installed: pip install 'zk-m2m[{extra}]'")
