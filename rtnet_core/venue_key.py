"""The venue's signing key: an Ed25519 private key in a PEM file (PKCS #8, RFC 8410) that only its owner can read."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from rtnet_core.errors import InputError
from rtnet_core.files import replace_file


def write_venue_key(path: Path, *, force: bool = False) -> str:
    """Write a fresh key and return its public half, 64 hex digits.

    Raises
    ------
    InputError
        The file exists and `force` is not set: a venue that loses its key cannot sign its next record.
    """
    if path.exists() and not force:
        raise InputError(str(path), "exists already; a venue key is replaced only with --force")
    key = Ed25519PrivateKey.generate()
    replace_file(path, [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())])
    return public_hex(key)


def read_venue_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in `path`.

    Raises
    ------
    InputError
        There is no such file, or it holds no Ed25519 private key.
    """
    if not path.is_file():
        raise InputError(str(path), "is missing: make a key with `zkm2m keys venue --out KEY`")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InputError(str(path), "must be an unencrypted private key in PEM form") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(str(path), "must hold an Ed25519 key")
    return key


def public_hex(key: Ed25519PrivateKey) -> str:
    """Return the public half of `key`, 64 hex digits."""
    return key.public_key().public_bytes_raw().hex()
