"""Poseidon against circomlib: published digests, and every generated constant against the library's own file."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.paths import project_root
from rtnet_core.errors import RangeError
from rtnet_core.hashing import Tag, hash_fields, limbs_per_field, pack, text_digest
from rtnet_core.limits import FIELD_MODULUS, IDENTITY_BITS, MAX_SAFE_BITS
from rtnet_core.poseidon import PARTIAL_ROUNDS, compress_block, parameters, permute, permute_plainly

CONSTANTS = project_root() / "node_modules" / "circomlib" / "circuits" / "poseidon_constants.circom"
FIELD = st.integers(0, FIELD_MODULUS - 1)


@pytest.mark.parametrize(
    ("inputs", "digest"),
    [
        ([1], 18586133768512220936620570745912940619677854269274689475585506675881198879027),
        ([1, 2], 7853200120776062878684798364095072458815029376092732009249414926327459813530),
        ([1, 2, 3, 4], 18821383157269793795438455681495246036402687001665670618754263018637548127333),
    ],
)
def test_digests_that_circomlib_publishes(inputs: list[int], digest: int) -> None:
    # Source: the test vectors of circomlibjs, test/poseidon.js.
    assert compress_block(0, inputs) == digest


@pytest.mark.skipif(not CONSTANTS.exists(), reason="circomlib is not installed: run `npm ci`")
@pytest.mark.parametrize("width", range(2, 18))
def test_generated_matrix_and_constants_are_circomlibs(width: int) -> None:
    text = CONSTANTS.read_text()
    matrices = text[text.index("function POSEIDON_M(t)") : text.index("function POSEIDON_P(t)")]
    theirs = [int(number, 16) for number in re.findall(r"0x[0-9a-f]+", _branch(matrices, width))]
    rounds, matrix = parameters(width)
    # circomlib stores the matrix by column.
    assert theirs == [matrix[i][j] for j in range(width) for i in range(width)]
    # It stores transformed round constants; the first round's are the plain ones.
    stored = text[text.index("function POSEIDON_C(t)") : text.index("function POSEIDON_M(t)")]
    first = [int(number, 16) for number in re.findall(r"0x[0-9a-f]+", _branch(stored, width))[:width]]
    assert first == list(rounds[0])
    assert len(rounds) == 8 + PARTIAL_ROUNDS[width - 2]


def _branch(text: str, width: int) -> str:
    start = text.index(f"(t=={width})") if f"(t=={width})" in text else text.index(f"(t == {width})")
    following = re.search(r"\(t ?== ?\d+\)", text[start + 8 :])
    return text[start : start + 8 + following.start()] if following else text[start:]


@given(st.lists(FIELD, min_size=2, max_size=5))
@settings(max_examples=20)
def test_the_permutation_is_one(state: list[int]) -> None:
    changed = [*state[:-1], (state[-1] + 1) % FIELD_MODULUS]
    assert permute(state) != permute(changed)
    assert all(0 <= element < FIELD_MODULUS for element in permute(state))


def test_one_element_is_the_chain_of_compressions() -> None:
    elements = list(range(40))
    digest = compress_block((Tag.LEAF << 32) + 40, elements[:16])
    digest = compress_block(digest, elements[16:32])
    assert hash_fields(Tag.LEAF, elements) == compress_block(digest, elements[32:])


def test_tag_length_and_order_change_the_digest() -> None:
    digests = {
        hash_fields(Tag.NODE, (1, 2)),
        hash_fields(Tag.BOOK, (1, 2)),
        hash_fields(Tag.NODE, (2, 1)),
        hash_fields(Tag.NODE, (1, 2, 0)),
        hash_fields(Tag.NODE, (0, 1, 2)),
    }
    assert len(digests) == 5


@pytest.mark.parametrize("elements", [[], [FIELD_MODULUS], [-1]])
def test_what_cannot_be_hashed_is_refused(elements: list[int]) -> None:
    with pytest.raises(ValueError, match="a hash"):
        hash_fields(Tag.LEAF, elements)


@given(st.integers(1, MAX_SAFE_BITS), st.data())
@settings(max_examples=60)
def test_packing_can_be_undone(width: int, data: st.DataObject) -> None:
    limbs = data.draw(st.lists(st.integers(0, (1 << width) - 1), min_size=1, max_size=12))
    packed = pack(limbs, width)
    per_field = limbs_per_field(width)
    unpacked = [packed[i // per_field] >> width * (i % per_field) & ((1 << width) - 1) for i in range(len(limbs))]
    assert unpacked == limbs
    assert all(element < 1 << MAX_SAFE_BITS for element in packed)


@pytest.mark.parametrize("limb", [-1, 16])
def test_a_limb_out_of_range_does_not_pack(limb: int) -> None:
    with pytest.raises(RangeError, match="packed limb"):
        pack([1, limb], 4)


def test_text_digests_separate_domains_and_boundaries() -> None:
    assert text_digest("a", b"bc") != text_digest("a", b"b", b"c") != text_digest("ab", b"c")
    assert text_digest("a", b"bc") < 1 << IDENTITY_BITS


@pytest.mark.parametrize("width", range(2, 18))
def test_unrolled_partial_rounds_give_what_the_rounds_of_the_paper_give(width: int) -> None:
    for state in ([0] * width, [FIELD_MODULUS - 1] * width, [pow(7, i + 1, FIELD_MODULUS) for i in range(width)]):
        assert permute(state) == permute_plainly(state)
