"""What a venue says about itself: the file ``VENUE.toml`` that its epochs are made by."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field

from rtnet_core.document import Document
from rtnet_core.errors import InputError
from rtnet_core.limits import THRESHOLD_BITS
from rtnet_core.record import VenueName
from rtnet_core.venue_key import read_venue_key

VENUE_FORMAT: Final = "zkm2m/venue/v1"
DEVELOPMENT_NAME: Final = "development venue"
#: Longest venue file that is read; an honest one has half a kilobyte, and the parser's time grows faster than its text.
_MAX_FILE_BYTES: Final = 8_192
#: The insurance fund of a development venue: a million USD.
DEVELOPMENT_FUND_TICKS: Final = 10**12
DEFAULT_THRESHOLD_BPS: Final = 10_000


class VenueFile(Document):
    """The content of ``VENUE.toml`` (format ``zkm2m/venue/v1``).

    Attributes
    ----------
    name
        For people; the key is the identity.
    key_file
        The venue's signing key (``zkm2m keys venue``), relative to this file.
    insurance_fund_ticks
        What stands ready to cover deficits; every record publishes it.
    threshold_bps
        The margin ratio by which accounts are counted as below threshold, in basis points.
    refused_rows
        What a row of the book that breaks a rule does to an epoch: ``stop`` it, or be left out and ``count`` in the
        record.
    """

    format: Literal["zkm2m/venue/v1"] = "zkm2m/venue/v1"
    name: VenueName
    key_file: Annotated[str, Field(min_length=1)]
    insurance_fund_ticks: Annotated[int, Field(ge=0, lt=1 << 63)]
    threshold_bps: Annotated[int, Field(ge=1, lt=1 << THRESHOLD_BITS)] = DEFAULT_THRESHOLD_BPS
    refused_rows: Literal["stop", "count"] = "stop"

    def to_toml(self) -> str:
        """Return the text of ``VENUE.toml``, each line with its meaning."""
        lines = (
            ("# What the epochs of this venue are made by: zkm2m prove epoch --venue FILE", ""),
            (f'format = "{self.format}"', ""),
            (f"name = {_toml_text(self.name)}", "for people; the key is the identity"),
            (f"key_file = {_toml_text(self.key_file)}", "the signing key, relative to this file; secret"),
            (f"insurance_fund_ticks = {self.insurance_fund_ticks}", "in 10^-6 USD; covers deficits, is published"),
            (f"threshold_bps = {self.threshold_bps}", "a margin ratio below it counts as below threshold"),
            (f'refused_rows = "{self.refused_rows}"', 'rows that break a rule: "stop" the epoch, or "count" them'),
        )
        return "".join(f"{line}  # {meaning}\n" if meaning else f"{line}\n" for line, meaning in lines)


class Venue:
    """A venue ready to make epochs: what its file says, and its key.

    Parameters
    ----------
    file
        The file's content.
    key
        The signing key.
    development
        Whether it is the stand-in for a venue that was not named.
    """

    def __init__(self, file: VenueFile, key: Ed25519PrivateKey, *, development: bool = False) -> None:
        self.file = file
        self.key = key
        self.development = development

    @property
    def public_key(self) -> bytes:
        """The public half of the key, 32 bytes."""
        return self.key.public_key().public_bytes_raw()


def read_venue(path: Path) -> Venue:
    """Return the venue of a ``VENUE.toml``.

    Raises
    ------
    InputError
        The file or its key is missing or breaks a rule.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_FILE_BYTES + 1)
        if len(data) > _MAX_FILE_BYTES:
            raise InputError(str(path), f"must not be longer than {_MAX_FILE_BYTES} bytes")
        content = tomllib.loads(data.decode())
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(str(path), f"must be TOML: {error}") from None
    except (RecursionError, ValueError):
        # The parser calls itself for each bracket, and leaves numbers of thousands of digits to Python's own limit.
        raise InputError(str(path), "must be TOML of few levels and short numbers") from None
    file = VenueFile.from_json(content, str(path))
    return Venue(file, read_venue_key(path.parent / file.key_file))


def _toml_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
