"""An oracle's signing key: a file that only its owner can read (format ``zkm2m/oracle-key/v1``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rtnet_core.baby_jubjub import encode_point
from rtnet_core.document import Document, Hex32
from rtnet_core.eddsa_poseidon import PrivateKey, new_private_key
from rtnet_core.errors import InputError
from rtnet_core.files import replace_file
from rtnet_core.oracle import Oracle, OracleName

#: Longest key file that is read; an honest one has some 250 bytes.
_MAX_BYTES = 4096


class OracleKeyFile(Document):
    """The content of a key file. Secret.

    Attributes
    ----------
    name
        Of the oracle, for people.
    public_key
        The public half, so that a person sees whose file it is.
    seed
        The private half (`rtnet_core.eddsa_poseidon`).
    """

    secret: ClassVar[bool] = True
    max_bytes: ClassVar[int] = _MAX_BYTES

    format: Literal["zkm2m/oracle-key/v1"] = "zkm2m/oracle-key/v1"
    name: OracleName
    public_key: Hex32
    seed: Annotated[Hex32, Field(repr=False)]


def write_oracle_key(path: Path, name: str, *, force: bool = False) -> Oracle:
    """Write a fresh key and return the oracle that signs with it.

    Raises
    ------
    InputError
        The file exists and `force` is not set: an oracle that loses its key leaves every set that names it. Or the
        name breaks a rule.
    """
    if path.exists() and not force:
        raise InputError(str(path), "exists already; an oracle's key is replaced only with --force")
    key = new_private_key()
    content = {"name": name, "public_key": encode_point(key.public_key()).hex(), "seed": key.seed.hex()}
    file = OracleKeyFile.from_json(content, "oracle")
    replace_file(path, [file.to_json_bytes()])
    return Oracle(name=file.name, public_key=file.public_key)


def read_oracle_key(path: Path) -> tuple[Oracle, PrivateKey]:
    """Return the oracle of a key file and its signing key.

    Raises
    ------
    InputError
        There is no such file, it is none of this format, or its halves do not belong together.
    """
    if not path.is_file():
        raise InputError(str(path), "is missing: make a key with `zkm2m oracle keygen --name NAME --out KEY`")
    with path.open("rb") as stream:
        file = OracleKeyFile.from_json(stream.read(_MAX_BYTES + 1), str(path))
    key = PrivateKey(bytes.fromhex(file.seed))
    if encode_point(key.public_key()).hex() != file.public_key:
        raise InputError(str(path), "must hold the private half of the public key that it names")
    return Oracle(name=file.name, public_key=file.public_key), key
