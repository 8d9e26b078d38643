"""What was deployed where: the folder that ``zkm2m export solidity --compile`` and the deployment script wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from rtnet_core.document import Document, Hex32, decode_json
from rtnet_core.errors import InputError

CONTRACTS_NAME: Final = "contracts.json"
DEPLOYMENT_NAME: Final = "deployment.json"
REGISTRY: Final = "SolvencyRegistry"

Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
#: Longer than the contracts of all profiles together.
_MAX_BYTES: Final = 64 * 1024 * 1024


class DeploymentFile(Document):
    """The content of ``deployment.json``.

    Attributes
    ----------
    contracts
        Address of each contract by its name.
    code_keccak
        Keccak-256 of the code that stands at each address.
    """

    chain_id: Annotated[int, Field(ge=1, lt=1 << 63)]
    governor: Address
    contracts: dict[str, Address]
    code_keccak: dict[str, Hex32]


@dataclass(frozen=True, slots=True)
class Deployed:
    """A contract: its address in lower case, its ABI, and the hash of its code."""

    name: str
    address: str
    abi: list[dict[str, Any]]
    code_keccak: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """A registry and its account verifier on a chain."""

    chain_id: int
    registry: Deployed
    account_verifier: Deployed


def read_deployment(folder: Path) -> Deployment:
    """Return what the two files in `folder` say.

    Raises
    ------
    InputError
        A file is missing, breaks a rule, or lacks a contract.
    """
    file = DeploymentFile.from_json(_bytes(folder / DEPLOYMENT_NAME), str(folder / DEPLOYMENT_NAME))
    path = folder / CONTRACTS_NAME
    content = decode_json(_bytes(path), str(path), max_bytes=_MAX_BYTES)
    compiled = content.get("contracts") if isinstance(content, dict) else None
    if not isinstance(compiled, dict):
        raise InputError(str(path), "must be what `zkm2m export solidity --compile` writes")
    verifiers = [name for name in file.contracts if re.fullmatch(r"Account\w+Verifier", name)]
    if REGISTRY not in file.contracts or len(verifiers) != 1:
        raise InputError(str(folder / DEPLOYMENT_NAME), "must name a registry and its account verifier")

    def deployed(name: str) -> Deployed:
        found = compiled.get(name)
        if not isinstance(found, dict) or not isinstance(found.get("abi"), list):
            raise InputError(f"{path}: contracts.{name}", "is missing or has no abi")
        if name not in file.code_keccak:
            raise InputError(f"{folder / DEPLOYMENT_NAME}: code_keccak.{name}", "is missing")
        return Deployed(name, file.contracts[name].lower(), found["abi"], file.code_keccak[name])

    return Deployment(file.chain_id, deployed(REGISTRY), deployed(verifiers[0]))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror or error}") from None
