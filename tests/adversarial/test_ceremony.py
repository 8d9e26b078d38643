"""What a ceremony's check must refuse: foreign files, contributions out of place, keys of something else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from prover.ceremony import apply_beacon, contribute, snarkjs_accepts, write_key_folder
from prover.formats.zkey import read_zkey
from rtnet_core.errors import InputError, Refusal
from tests.support.ceremonies import (
    BEACON,
    Finished,
    as_public,
    edited,
    finished_ceremony,
    flipped,
    ran,
    run,
    with_contributions,
)
from verifier.ceremony.binary import BinaryFile
from verifier.ceremony.chain import read_chain, require_sound
from verifier.ceremony.circuit_key import Circuit, require_matches, require_matrices, require_points
from verifier.ceremony.phase_1 import Phase1
from verifier.ceremony.transcript import file_sha256, verify_ceremony
from verifier.keystore import PinnedKey

__all__ = ["as_public", "finished_ceremony"]

BACKENDS = ["native", pytest.param("snarkjs", marks=pytest.mark.slow)]


def refused(code: str, folder: Path, made: Finished, *, r1cs: Path | None = None, phase_1: Path | None = None) -> str:
    """Return the message of the refusal, which must have that code."""
    with pytest.raises(Refusal) as caught:
        verify_ceremony(folder, r1cs or made.r1cs, phase_1 or made.phase_1)
    assert caught.value.code == code, caught.value
    return caught.value.message


# Phase-1 files


def test_a44_a_phase_1_file_of_unknown_origin_is_refused_unless_permitted(finished_ceremony: Finished) -> None:
    with pytest.raises(Refusal, match="unknown_phase_1"):
        Phase1.open(finished_ceremony.phase_1)
    opened = Phase1.open(finished_ceremony.phase_1, permit_unknown=True)
    assert (opened.power, opened.public) == (6, False)


@pytest.mark.parametrize("kept", [10, 100, -1, -400])
def test_a44_a_truncated_phase_1_file_is_refused_even_where_unknown_ones_are_permitted(
    finished_ceremony: Finished, as_public: None, tmp_path: Path, kept: int
) -> None:
    cut = tmp_path / "cut.ptau"
    cut.write_bytes(finished_ceremony.phase_1.read_bytes()[:kept])
    with pytest.raises(Refusal, match="unknown_phase_1"):
        Phase1.open(cut)
    with pytest.raises(InputError, match=r"ends too early"):
        Phase1.open(cut, permit_unknown=True)


def test_a44_a_phase_1_file_with_one_byte_changed_is_refused(
    finished_ceremony: Finished, as_public: None, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.ptau"
    shutil.copyfile(finished_ceremony.phase_1, changed)
    edited(changed, 12, flipped(64 * 63 + 5))
    refused("unknown_phase_1", finished_ceremony.copy(tmp_path / "copy"), finished_ceremony, phase_1=changed)
    opened = Phase1.open(changed, permit_unknown=True)
    with pytest.raises(InputError, match="section 12: must hold points of G1 only"):
        opened.tau(64)


def test_a44_a_phase_1_file_that_was_not_prepared_is_refused(finished_ceremony: Finished) -> None:
    with pytest.raises(InputError, match="section 12: is missing"):
        Phase1.open(finished_ceremony.phase_1.with_name("contributed.ptau"), permit_unknown=True)


def test_a44_a_phase_1_file_too_small_for_the_circuit_is_refused(finished_ceremony: Finished) -> None:
    opened = Phase1.open(finished_ceremony.phase_1, permit_unknown=True)
    opened.require_room(64)
    with pytest.raises(InputError, match="must have a power of at least 7"):
        opened.require_room(128)


def test_a44_another_phase_1_file_than_the_one_named_is_refused(finished_ceremony: Finished, tmp_path: Path) -> None:
    changed = tmp_path / "changed.ptau"
    shutil.copyfile(finished_ceremony.phase_1, changed)
    edited(changed, 7, lambda contributions: contributions + b"\0")
    refused("wrong_phase_1", finished_ceremony.folder, finished_ceremony, phase_1=changed)


# Keys of something else


def test_a44_a_key_of_another_circuit_is_refused(finished_ceremony: Finished, tmp_path: Path) -> None:
    refused("wrong_circuit", finished_ceremony.folder, finished_ceremony, r1cs=finished_ceremony.other_r1cs)
    header = read_chain(finished_ceremony.key()).header
    with pytest.raises(Refusal, match="wrong_key"):
        require_matches(Circuit.open(finished_ceremony.other_r1cs), header)
    ran(
        *("new", finished_ceremony.other_r1cs, "--phase-1", finished_ceremony.phase_1),
        *("--out", tmp_path / "other", "--unknown-phase-1"),
    )
    folder = finished_ceremony.copy(tmp_path / "copy")
    shutil.copyfile(tmp_path / "other" / "circuit_0000.zkey", folder / "circuit_0004.zkey")
    refused("wrong_circuit_hash", folder, finished_ceremony)


def test_a44_constraints_of_another_circuit_of_the_same_size_are_refused(
    finished_ceremony: Finished, tmp_path: Path
) -> None:
    r1cs = tmp_path / "toy.r1cs"
    shutil.copyfile(finished_ceremony.r1cs, r1cs)
    edited(r1cs, 2, lambda rows: rows[:8] + bytes([rows[8] ^ 2]) + rows[9:])  # a coefficient of the first row
    key, chain = BinaryFile(finished_ceremony.key(), "zkey"), read_chain(finished_ceremony.key())
    with pytest.raises(Refusal, match="section 4: the entry of constraint 0"):
        require_matrices(Circuit.open(r1cs), key)
    with pytest.raises(Refusal, match=r"wrong_key.*section"):
        require_points(Circuit.open(r1cs), _phase_1(finished_ceremony), chain.header, key)


def _phase_1(made: Finished) -> Phase1:
    return Phase1.open(made.phase_1, permit_unknown=True)


def _exchanged(size: int, one: int, other: int) -> Callable[[bytes], bytes]:
    """Return the edit that exchanges two points of a section, both of which stay valid."""

    def edit(data: bytes) -> bytes:
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        assert parts[one] != parts[other]
        parts[one], parts[other] = parts[other], parts[one]
        return b"".join(parts)

    return edit


@pytest.mark.parametrize(
    ("section", "size", "points", "named"),
    [
        (3, 64, (1, 2), "section 3: IC"),
        (5, 64, (1, 5), "section 5: A"),
        (6, 64, (5, 6), "section 6: B1"),
        (7, 128, (5, 6), "section 7: B2"),
        (8, 64, (0, 1), "sections 8 and 9: C and H"),
        (9, 64, (0, 63), "sections 8 and 9: C and H"),
    ],
)
def test_a_key_with_two_points_exchanged_is_refused(
    finished_ceremony: Finished, tmp_path: Path, section: int, size: int, points: tuple[int, int], named: str
) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy")
    edited(folder / "circuit_0004.zkey", section, _exchanged(size, *points))
    key = BinaryFile(folder / "circuit_0004.zkey", "zkey")
    with pytest.raises(Refusal, match=named):
        require_points(
            Circuit.open(finished_ceremony.r1cs),
            _phase_1(finished_ceremony),
            read_chain(finished_ceremony.key()).header,
            key,
        )


def test_a_key_with_other_fixed_points_or_matrices_is_refused(finished_ceremony: Finished, tmp_path: Path) -> None:
    key = tmp_path / "key.zkey"
    shutil.copyfile(finished_ceremony.key(), key)
    sizes = 2 * (4 + 32) + 3 * 4
    alpha, beta = slice(sizes, sizes + 64), slice(sizes + 64, sizes + 128)
    edited(key, 2, lambda head: head[: alpha.start] + head[beta] + head[alpha] + head[beta.stop :])
    circuit = Circuit.open(finished_ceremony.r1cs)
    with pytest.raises(Refusal, match="section 2: alpha, beta or gamma"):
        require_points(circuit, _phase_1(finished_ceremony), read_chain(key).header, BinaryFile(key, "zkey"))
    edited(key, 4, lambda entries: (int.from_bytes(entries[:4], "little") - 1).to_bytes(4, "little") + entries[4:-44])
    with pytest.raises(Refusal, match="section 4: the entry of constraint"):
        require_matrices(circuit, BinaryFile(key, "zkey"))


@pytest.mark.parametrize("section", range(1, 11))
def test_a_key_cut_off_in_any_section_is_bad_input(finished_ceremony: Finished, tmp_path: Path, section: int) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy", contributions=3)
    shutil.copyfile(finished_ceremony.key(), folder / "circuit_0004.zkey")
    edited(folder / "circuit_0004.zkey", section, lambda data: data[:-1])
    with pytest.raises(InputError, match=rf"section {section}"):
        chain = read_chain(folder / "circuit_0004.zkey")
        key, circuit = BinaryFile(folder / "circuit_0004.zkey", "zkey"), Circuit.open(finished_ceremony.r1cs)
        require_matrices(circuit, key)
        require_points(circuit, _phase_1(finished_ceremony), chain.header, key)


# Contributions


@pytest.mark.parametrize(
    "choose",
    [lambda c: [c[0], c[2], c[3]], lambda c: [c[1], c[2], c[3]], lambda c: [c[1], c[0], c[2], c[3]], lambda c: c[1:2]],
    ids=["second_dropped", "first_dropped", "swapped", "only_second"],
)
def test_a_contribution_dropped_from_the_chain_or_out_of_order_is_refused(
    finished_ceremony: Finished, tmp_path: Path, choose: Callable[[Sequence[bytes]], Sequence[bytes]]
) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy")
    edited(folder / "circuit_0004.zkey", 10, with_contributions(choose))
    assert "contribution" in refused("transcript_broken", folder, finished_ceremony)


def test_the_last_contribution_dropped_leaves_another_delta(finished_ceremony: Finished, tmp_path: Path) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy", contributions=2)
    edited(folder / "circuit_0002.zkey", 10, with_contributions(lambda entries: entries[:1]))
    refused("delta_mismatch", folder, finished_ceremony)


def test_a_proof_of_knowledge_over_another_point_is_refused(finished_ceremony: Finished, tmp_path: Path) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy")
    swapped = with_contributions(lambda e: [e[0][:64] + e[0][128:192] + e[0][64:128] + e[0][192:], *e[1:]])
    edited(folder / "circuit_0004.zkey", 10, swapped)  # s and x*s
    assert "contribution 1" in refused("transcript_broken", folder, finished_ceremony)


def test_a_delta_that_does_not_follow_the_secret_is_refused(finished_ceremony: Finished, tmp_path: Path) -> None:
    """A contributor keeps a valid proof of knowledge, and puts another delta into it and into the key."""
    key = finished_ceremony.copy(tmp_path / "copy", contributions=1) / "circuit_0001.zkey"
    generator = bytes(BinaryFile(finished_ceremony.key(0), "zkey").section(2).data[-64 - 128 : -128])
    edited(key, 10, with_contributions(lambda entries: [generator + entries[0][64:]]))
    with pytest.raises(Refusal, match="delta_mismatch"):
        require_sound(read_chain(key))
    edited(key, 2, lambda head: head[: -64 - 128] + generator + head[-128:])
    with pytest.raises(Refusal, match="contribution_invalid"):
        require_sound(read_chain(key))


def test_a_proof_of_another_secret_is_refused(finished_ceremony: Finished, tmp_path: Path) -> None:
    """The point x*t, which no hash of the last contribution covers, is replaced by that of another contribution."""
    key = finished_ceremony.copy(tmp_path / "copy", contributions=2) / "circuit_0002.zkey"
    edited(key, 10, with_contributions(lambda e: [e[0], e[1][:192] + e[0][192:320] + e[1][320:]]))
    with pytest.raises(Refusal, match=r"contribution_invalid.*contribution 2"):
        require_sound(read_chain(key))


def test_a_key_whose_delta_in_g2_is_another_is_refused(finished_ceremony: Finished, tmp_path: Path) -> None:
    key = finished_ceremony.copy(tmp_path / "copy", contributions=1) / "circuit_0001.zkey"
    other = bytes(BinaryFile(finished_ceremony.key(2), "zkey").section(2).data[-128:])
    edited(key, 2, lambda head: head[:-128] + other)
    with pytest.raises(Refusal, match=r"delta_mismatch.*G2"):
        require_sound(read_chain(key))


def test_a_contribution_under_another_name_is_refused(finished_ceremony: Finished, tmp_path: Path) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy")
    for path in folder.glob("*.zkey"):
        edited(path, 10, lambda data: data.replace(b"Ada", b"Eve"))
    assert "attestation_0001.txt: name" in refused("attestation_mismatch", folder, finished_ceremony)


def test_keys_beside_the_last_one_must_be_of_its_chain(finished_ceremony: Finished, tmp_path: Path) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy")
    shutil.copyfile(finished_ceremony.key(2), folder / "circuit_0001.zkey")
    refused("file_mismatch", folder, finished_ceremony)
    shutil.copyfile(finished_ceremony.key(1), folder / "circuit_0001.zkey")
    shutil.copyfile(finished_ceremony.key(4), folder / "circuit_0005.zkey")
    refused("file_mismatch", folder, finished_ceremony)
    (folder / "circuit_0005.zkey").unlink()
    edited(folder / "circuit_0000.zkey", 9, _exchanged(64, 0, 1))
    assert "circuit_0000.zkey" in refused("file_mismatch", folder, finished_ceremony)


# The beacon


def test_a_beacon_of_another_value_is_refused(finished_ceremony: Finished, tmp_path: Path) -> None:
    key = finished_ceremony.copy(tmp_path / "copy") / "circuit_0004.zkey"
    value = bytes.fromhex(BEACON)
    edited(key, 10, lambda data: data.replace(value, value[:-1] + b"\0"))
    with pytest.raises(Refusal, match="beacon_mismatch"):
        require_sound(read_chain(key))


@pytest.mark.parametrize("exponent", [9, 31, 63])
def test_a_beacon_that_would_take_too_long_to_check_is_refused(
    finished_ceremony: Finished, tmp_path: Path, exponent: int
) -> None:
    key = finished_ceremony.copy(tmp_path / "copy") / "circuit_0004.zkey"
    edited(key, 10, lambda data: data[:-36] + bytes([2, exponent]) + data[-34:])
    with pytest.raises(Refusal, match=rf"beacon_mismatch.*2\^{exponent}"):
        require_sound(read_chain(key))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_second_beacon_and_a_contribution_after_the_beacon_are_refused(
    finished_ceremony: Finished, tmp_path: Path, backend: str
) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy")
    for words in (["beacon", folder, "--beacon", "00", "--iterations", 10], ["contribute", folder, "--name", "Eve"]):
        result = run(*words, *(["--entropy", "x"] if words[0] == "contribute" else []), "--backend", backend)
        assert result.exit_code == 1
        assert "after_beacon" in result.stderr
    last, after = folder / "circuit_0004.zkey", folder / "circuit_0005.zkey"
    if backend == "native":
        pytest.importorskip("zkm2m_native")
        apply_beacon(last, after, "beacon", b"\x01", 10, "native")
    else:
        contribute(last, after, "Eve", b"x", "snarkjs")
    refused("after_beacon", folder, finished_ceremony)


# Production


def test_a43_no_beacon_no_contributor_or_unknown_phase_1_is_refused_under_production(
    finished_ceremony: Finished, as_public: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = verify_ceremony(finished_ceremony.folder, finished_ceremony.r1cs, finished_ceremony.phase_1)
    whole.require_production()
    contributions = whole.contributions
    for kept, code in (
        (contributions[:3], "no_beacon"),
        (contributions[3:], "no_contribution"),
        ((), "no_contribution"),
    ):
        with pytest.raises(Refusal) as caught:
            replace(whole, contributions=kept).require_production()
        assert caught.value.code == code
    monkeypatch.undo()
    with pytest.raises(Refusal, match="not_for_production"):
        whole.require_production()


def test_a40_the_first_key_is_no_key_to_verify_with(finished_ceremony: Finished, tmp_path: Path) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy", contributions=0)
    assert verify_ceremony(folder, finished_ceremony.r1cs, finished_ceremony.phase_1).verifying_key is None
    first = folder / "circuit_0000.zkey"
    transcript = {"circuit": "toy", "r1cs_sha256": "0" * 64, "key_sha256": file_sha256(first)}
    write_key_folder(tmp_path / "toy", first, transcript, development=False, beacon="00")
    with pytest.raises(Refusal, match="key_gamma_equals_delta"):
        PinnedKey.load(tmp_path / "toy")


def test_a_key_that_changed_after_it_was_checked_makes_no_key_folder(
    finished_ceremony: Finished, tmp_path: Path
) -> None:
    transcript = {"circuit": "toy", "r1cs_sha256": "0" * 64, "key_sha256": file_sha256(finished_ceremony.key(3))}
    with pytest.raises(InputError, match="changed after it was checked"):
        write_key_folder(tmp_path / "toy", finished_ceremony.key(), transcript, development=False, beacon="00")
    assert not (tmp_path / "toy").exists()


# Agreement with snarkjs


def test_snarkjs_accepts_what_is_accepted_here(finished_ceremony: Finished) -> None:
    assert snarkjs_accepts(finished_ceremony.r1cs, finished_ceremony.phase_1, finished_ceremony.key())


@pytest.mark.slow
def test_snarkjs_refuses_what_is_refused_here(finished_ceremony: Finished, tmp_path: Path) -> None:
    folder = finished_ceremony.copy(tmp_path / "copy")
    edited(folder / "circuit_0004.zkey", 8, _exchanged(64, 0, 1))
    assert not snarkjs_accepts(finished_ceremony.r1cs, finished_ceremony.phase_1, folder / "circuit_0004.zkey")
    for path in folder.glob("attestation_*"):
        path.unlink()
    refused("wrong_key", folder, finished_ceremony)


def test_the_chain_is_what_the_provers_own_reader_counts(finished_ceremony: Finished) -> None:
    chain = read_chain(finished_ceremony.key())
    require_sound(chain)
    key = read_zkey(finished_ceremony.key())
    assert (key.contributions, key.circuit_hash.hex()) == (4, chain.circuit_hash)
    assert (key.delta1, key.delta2) == (chain.header.delta1, chain.header.delta2)
    assert [contribution.name for contribution in chain.contributions] == ["Ada", "Bob", "Cy", "beacon"]
