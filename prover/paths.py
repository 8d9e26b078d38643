"""Where the project's folders stand, whatever the working directory is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from rtnet_core.errors import InputError

#: Environment variable that names the project's root when the package is not run from its repository.
HOME_VARIABLE: Final = "ZKM2M_HOME"


def project_root() -> Path:
    """Return the folder that holds ``circuits/``, ``node_modules/`` and ``build/``.

    Raises
    ------
    InputError
        ``ZKM2M_HOME`` is set and names no folder.
    """
    named = os.environ.get(HOME_VARIABLE)
    if not named:
        return Path(__file__).resolve().parent.parent
    root = Path(named).expanduser()
    if not root.is_dir():
        raise InputError(HOME_VARIABLE, "must name an existing folder", named)
    return root.resolve()


def build_folder() -> Path:
    """Return the folder of everything that is generated; it need not exist yet."""
    return project_root() / "build"


def circuit_sources() -> Path:
    """Return the folder of the circom sources."""
    return project_root() / "circuits"


def artifact_lock() -> Path:
    """Return the file that pins compiler, flags and the hashes of every built circuit."""
    return circuit_sources() / "artifacts.lock.json"


def built_circuit_folder(circuit: str) -> Path:
    """Return the folder that holds the builds of `circuit`, one folder for each content hash."""
    return build_folder() / "circuits" / circuit


def key_folder(circuit: str) -> Path:
    """Return the folder of the keys of `circuit`."""
    return build_folder() / "keys" / circuit
