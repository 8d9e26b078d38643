"""What the system must survive: each attack's id, what is tried and refused, and where no test is needed.

Reviewed by hand. `tests.support.security_page` holds it to the tests that there are: each place that a group is about
has a test of each of its attacks, or a reason here why it has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.support.attack_tests import CIRCUITS


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    Attributes
    ----------
    id
        ``A01`` to ``A55``.
    tried
        What is tried, and what is to happen.
    untested
        Why some places have no test, by the places' names, blanks between them.
    """

    id: str
    tried: str
    untested: Mapping[str, str] = field(default_factory=dict)

    def reasons(self) -> dict[str, str]:
        """Return the reason of each place that has one."""
        return {place: reason for places, reason in self.untested.items() for place in places.split()}


@dataclass(frozen=True, slots=True)
class Group:
    """Attacks of one kind, and the places where each of them needs a test or a reason."""

    title: str
    places: tuple[str, ...]
    attacks: tuple[Attack, ...]


_NO_RULE: Final = "holds no margin rule"
_ADDS: Final = "adds what its children commit to, without taking it apart: A22 and A23 bind it"
_ONE: Final = "is about one account, named by its leaf: what others hold is not in it"
_NO_ACCOUNT: Final = "holds no account"
_NO_SIGNATURE: Final = "reads no signature and no time: the verifier compares its roots with the signed record"
_NO_FILES: Final = "reads no files: calldata has one form"

GROUPS: Final = (
    Group(
        "Arithmetic and ranges",
        CIRCUITS,
        (
            Attack(
                "A01",
                "a number one beyond either end of its range, or a small negative read as r − 1",
                {"merge": _ADDS},
            ),
            Attack(
                "A02",
                "a price, mark or parameter one above its width, or r − 1, although it is public",
                {"merge": _ADDS},
            ),
            Attack("A03", "everything at its maximum at once is accepted and exact; one more is refused"),
            Attack(
                "A04",
                "a value one below the threshold, no maintenance, both at their extremes",
                {"merge market": _NO_RULE},
            ),
            Attack("A05", "a hinted number one off, its remainder moved to fit"),
            Attack("A06", "a remainder as large as its divisor, or −1"),
            Attack("A07", "rounding toward the account"),
            Attack("A08", "a divisor of zero, an option at or behind its expiry"),
            Attack("A09", "zero with a minus sign", {"merge": "has no sign: it adds field elements"}),
            Attack("A10", "the digits of x + r in place of those of x", {"merge": "takes nothing apart into digits"}),
            Attack("A11", "a scan risk other than the largest loss", {"merge market": _NO_RULE}),
            Attack("A12", "a flag, path digit or selector that is none", {"merge": "has no flag and no selector"}),
            Attack("A13", "collateral credit above its envelope, size add-on below it", {"merge market": _NO_RULE}),
            Attack(
                "A14",
                "a borrow between neighbouring lanes, a lane one beyond its bound, a number moved to the next lane",
                {
                    "merge": _ADDS,
                    "market": "packs numbers that it computed in their ranges (A02, A05), and takes no lanes apart",
                },
            ),
        ),
    ),
    Group(
        "Commitments and completeness",
        CIRCUITS,
        (
            Attack("A15", "two lists of numbers that pack alike", {"merge": _ADDS}),
            Attack(
                "A16",
                "an account or batch twice, left out, or exchanged for another",
                {"account": _ONE, "market": _NO_ACCOUNT},
            ),
            Attack(
                "A17",
                "an empty place that holds something, an account marked as an empty place",
                {
                    "account": "has no places: a leaf of nobody is A19",
                    "market": "has slots of instruments: A09 keeps empty ones empty",
                },
            ),
            Attack(
                "A18",
                "a node shown as a leaf, a path of another length or order",
                {"batch": "builds its tree itself, from leaves alone", "merge market": "has no tree"},
            ),
            Attack(
                "A19",
                "a leaf behind the last account",
                {"merge": "sees no leaves: A17 keeps its places empty", "market": _NO_ACCOUNT},
            ),
            Attack(
                "A20",
                "what one account owes netted against what another has",
                {"account": _ONE, "merge": _ADDS, "market": _NO_ACCOUNT},
            ),
            Attack(
                "A21",
                "a scenario dropped or flattened, a parameter other than the published one",
                {"merge": "reads no parameters: the batches below it name their root"},
            ),
            Attack(
                "A22",
                "amounts moved between assets, lots between instruments, either between accounts",
                {"market": _NO_ACCOUNT},
            ),
            Attack(
                "A23",
                "a net position that is not zero, by one lot or by a whole field",
                {"account": _ONE, "market": _NO_ACCOUNT},
            ),
            Attack(
                "A24",
                "invented accounts that hedge each other on thin collateral",
                {"account": _ONE, "merge": _ADDS, "market": _NO_ACCOUNT},
            ),
            Attack("A25", "one leaf for two customers", {"merge": "sees no leaves", "market": _NO_ACCOUNT}),
            Attack(
                "A26",
                "an unchanged account recognised in the next epoch",
                {"market": "speaks of public numbers alone: there is nothing to hide"},
            ),
        ),
    ),
    Group(
        "Prices, freshness, replay",
        (*CIRCUITS, "verifier", "contract"),
        (
            Attack(
                "A27",
                "a signature over other data, by another key, by too few keys, or in a second form",
                {"account batch merge": _NO_SIGNATURE},
            ),
            Attack(
                "A28",
                "a market that is too old or from the future, data of two times",
                {"account batch merge": _NO_SIGNATURE},
            ),
            Attack(
                "A29",
                "one statement shown twice, to another recipient, or for another venue",
                {"market": "is about a public market at its time, the same for every venue"},
            ),
            Attack(
                "A30",
                "another proof of a statement that was shown before",
                {" ".join(CIRCUITS): "makes statements; who has seen them is the verifier's to know"},
            ),
            Attack(
                "A31",
                "an epoch that does not follow the one before it",
                {" ".join(CIRCUITS): "has the number and the record before it in its context, or no context: A29"},
            ),
        ),
    ),
    Group(
        "What a verifier reads",
        ("verifier", "contract"),
        (
            Attack("A32", "a list of public signals that is too short or too long, or no list"),
            Attack("A33", "a public signal in a second spelling, or not below r"),
            Attack("A34", "a point that is none, lies beside its subgroup, or is spelt in a second way"),
            Attack(
                "A35",
                "files with unknown, missing or repeated keys, of enormous size or depth",
                {"contract": _NO_FILES},
            ),
            Attack("A36", "each public signal one off; two exchanged"),
            Attack("A37", "a valid proof of another circuit, size or version"),
            Attack("A38", "one wrong proof among many, at every place"),
            Attack("A39", "a failed proof that reaches a record, register or total"),
        ),
    ),
    Group(
        "Keys and set-up",
        ("verifier", "contract"),
        (
            Attack("A40", "a key under which anyone can forge (γ₂ = δ₂)"),
            Attack("A41", "a key with points at infinity, repeated, exchanged, too many or too few"),
            Attack(
                "A42",
                "a key one byte off, or one that came with the proof",
                {"contract": "has its key as constants of its own"},
            ),
            Attack("A43", "a development key, or one of no ceremony, in production"),
            Attack("A44", "a proving key of another constraint system, a damaged phase-1 file"),
        ),
    ),
    Group(
        "Proving",
        ("prover",),
        (
            Attack("A45", "inputs that are too large, negative, missing, unknown or no integers"),
            Attack("A46", "an edited witness"),
            Attack("A47", "a tool that ends well and leaves an old or empty file, or is killed while writing"),
            Attack("A48", "witness program, constraint system and key of different versions"),
            Attack("A49", "awkward file names, a folder that cannot be written, two runs at once"),
            Attack("A50", "positions, salts or ids in logs, errors, command lines, bundles or files left behind"),
            Attack("A51", "two proofs of one witness that are the same"),
            Attack("A52", "a run killed at any moment: a batch lost, or proven twice into the record"),
        ),
    ),
    Group(
        "The circuits' own text",
        CIRCUITS,
        (
            Attack("A53", "a constraint deleted or weakened without a test that fails"),
            Attack("A54", "a hint that no comment binds, an assert on a signal, a comparison of numbers without range"),
            Attack("A55", "a changed circuit that the changelog does not name"),
        ),
    ),
)

#: Attacks that are tried on more places than the others of their group.
MORE_PLACES: Final = {"A36": CIRCUITS}
