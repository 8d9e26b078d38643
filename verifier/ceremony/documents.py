"""The two files beside the keys of a ceremony: what it is about, and what each contributor attests.

Neither is trusted: every value in them is compared with the keys, the constraint system and the phase-1 file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from rtnet_core.document import Document, Hex32
from rtnet_core.errors import InputError
from verifier.ceremony.phase_1_hashes import PUBLIC_PHASE_1

#: Longest name of a contributor, in bytes of UTF-8: more does not fit into a key.
MAX_NAME_BYTES: Final = 64
#: Longest attestation that is read, in bytes.
MAX_ATTESTATION_BYTES: Final = 1 << 16
#: An attestation begins with this line.
TITLE: Final = "Attestation of a contribution to a Groth16 key (zkm2m/attestation/v1)"

#: Fields of an attestation, as its lines call them; those of a beacon stand in its attestation only.
_LABELS: Final = {
    "circuit": "Circuit",
    "number": "Contribution",
    "name": "Name",
    "contribution_hash": "Contribution hash (BLAKE2b-512)",
    "key_before": "Key before (SHA-256)",
    "key_after": "Key after (SHA-256)",
    "made_with": "Made with",
    "made_at": "Made at",
    "beacon": "Beacon",
    "beacon_source": "Source of the beacon",
}
_OPTIONAL: Final = ("beacon", "beacon_source")
_CONTRIBUTOR_TEXT: Final = """\
I multiplied the key's delta by a secret that I drew at random, and kept no copy of the secret. I publish this text,
under my name and where others know it is mine, so that everybody can see that the finished key holds my contribution.
"""
_BEACON_TEXT: Final = """\
The secret of this last contribution follows from the value above, which nobody could foresee when the contribution
before it was published. Anyone can compute it again.
"""
#: A circuit's name.
CIRCUIT_NAME: Final = r"^[a-z][a-z0-9-]{0,63}$"
_Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]


class Ceremony(Document):
    """What a ceremony is about, fixed when it begins (format ``zkm2m/ceremony/v1``).

    Attributes
    ----------
    circuit
        Name of the circuit.
    r1cs_sha256
        Of its constraint system.
    phase_1_power, phase_1_blake2b_512
        Of the phase-1 file.
    circuit_hash
        The value with which the transcript of contributions begins; snarkjs computes it over the first key's points.
    first_key_sha256
        Of the key without contributions, ``circuit_0000.zkey``.
    """

    format: Literal["zkm2m/ceremony/v1"] = "zkm2m/ceremony/v1"
    circuit: Annotated[str, Field(pattern=CIRCUIT_NAME)]
    r1cs_sha256: Hex32
    phase_1_power: Annotated[int, Field(ge=1, le=28)]
    phase_1_blake2b_512: _Hex64
    circuit_hash: _Hex64
    first_key_sha256: Hex32

    @property
    def public_phase_1(self) -> bool:
        """Whether the phase-1 file is one of the public perpetual ceremony: if not, the keys are for development."""
        return PUBLIC_PHASE_1.get(self.phase_1_power) == self.phase_1_blake2b_512


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a contributor states, as a text for people whose lines a program can compare; hashes in hexadecimal."""

    circuit: str
    number: int  #: of the contribution, from 1 on
    name: str
    contribution_hash: str
    key_before: str  #: SHA-256
    key_after: str  #: SHA-256
    made_with: str
    made_at: str
    beacon: str = ""  #: as `Beacon.__str__` spells it; empty for a contributor
    beacon_source: str = ""  #: where its value is from

    def text(self) -> str:
        """Return the text to publish."""
        width = max(len(label) for label in _LABELS.values())
        lines = [
            f"{label + ':':<{width + 1}} {value}"
            for name, label in _LABELS.items()
            if (value := getattr(self, name)) != ""
        ]
        return "\n".join([TITLE, "", *lines, "", _BEACON_TEXT if self.beacon else _CONTRIBUTOR_TEXT])

    @classmethod
    def parse(cls, text: str, where: str) -> Attestation:
        """Return the attestation that a text states; its prose is not read.

        Raises
        ------
        InputError
            The text has another title, a line is missing, twice or of another form.
        """
        if text.partition("\n")[0] != TITLE:
            raise InputError(where, f"must begin with the line {TITLE!r}")
        found: dict[str, str] = {}
        for name, label in _LABELS.items():
            values = re.findall(rf"^{re.escape(label)}:[ ]+(.*)$", text, re.MULTILINE)
            if len(values) > 1 or (not values and name not in _OPTIONAL):
                raise InputError(where, f"must have one line {label!r}")
            found[name] = values[0] if values else ""
        if not re.fullmatch("[1-9][0-9]{0,4}", found["number"]):
            raise InputError(where, "must have the number of the contribution")
        return cls(**{**found, "number": int(found["number"])})  # type: ignore[arg-type]


def contributor_name(name: str) -> str:
    """Return `name` if it can stand in a key and in a text of lines.

    Raises
    ------
    InputError
        It is empty, longer than 64 bytes, begins or ends with a blank, or has characters that cannot be printed.
    """
    if not name or len(name.encode(errors="replace")) > MAX_NAME_BYTES or name != name.strip():
        raise InputError("name", f"must have 1 to {MAX_NAME_BYTES} bytes, the first and last no blank", name)
    if not name.isprintable():
        raise InputError("name", "must be printable", name)
    return name
