"""What a caller gives to the contracts."""

from __future__ import annotations

import doctest
import hashlib
from typing import Any

import pytest

from prover.paths import project_root
from rtnet_core.errors import InputError
from rtnet_core.statement import check_challenge
from tests.support.simulated_groth16 import Trapdoor
from verifier.groth16 import Proof
from verifier.onchain.calldata import account_commitment, challenge_text, proof_words

CONTRACT = f"0x{'ab' * 20}"


def test_a_proof_as_words_has_the_imaginary_parts_first() -> None:
    spelled = Trapdoor.of(2).proof_json([3, 4])
    (x0, x1), (y0, y1), _ = spelled["pi_b"]
    expected = [*spelled["pi_a"][:2], x1, x0, y1, y0, *spelled["pi_c"][:2]]
    assert proof_words(Proof.from_json(spelled)) == [int(word) for word in expected]


def test_a_commitment_depends_on_venue_and_handle() -> None:
    venue, handle = bytes(range(32)), bytes(range(32, 64))
    assert account_commitment(venue, handle) == hashlib.sha256(bytes(range(64))).digest()
    assert account_commitment(handle, venue) != account_commitment(venue, handle)
    for arguments in ((venue[1:], handle), (venue, handle + b"\0")):
        with pytest.raises(InputError, match="must be 32 bytes"):
            account_commitment(*arguments)


def test_a29_a_challenge_names_chain_contract_account_and_turn() -> None:
    texts = {
        challenge_text(1, CONTRACT, bytes(32), 0),
        challenge_text(11, CONTRACT, bytes(32), 0),
        challenge_text(1, f"0x{'cd' * 20}", bytes(32), 0),
        challenge_text(1, CONTRACT, bytes(31) + b"\1", 0),
        challenge_text(1, CONTRACT, bytes(32), 1),
    }
    assert len(texts) == 5
    longest = challenge_text((1 << 256) - 1, CONTRACT, bytes(32), (1 << 24) - 1)
    check_challenge(longest)


@pytest.mark.parametrize(
    "arguments",
    [
        (1, CONTRACT.upper(), bytes(32), 0),
        (1, CONTRACT[:-1], bytes(32), 0),
        (1, CONTRACT, bytes(31), 0),
        (-1, CONTRACT, bytes(32), 0),
        (1, CONTRACT, bytes(32), True),
    ],
)
def test_a_challenge_of_malformed_parts(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(InputError):
        challenge_text(*arguments)


def test_the_example_of_the_page_runs() -> None:
    result = doctest.testfile(str(project_root() / "docs" / "onchain.md"), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0
