"""The register of seen statements: append-only, shared, crash-safe."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from pathlib import Path

import pytest

from rtnet_core.errors import InputError, Refusal
from verifier.replay import SeenRegister, statement_digest

ONE, TWO = statement_digest((1, 2, 3)), statement_digest((1, 2, 4))


def entry(digest: bytes) -> bytes:
    """Return the line of a statement without its end."""
    return json.dumps({"statement": digest.hex(), "accepted_ms": 5}, separators=(",", ":")).encode()


def is_seen(register: SeenRegister, digest: bytes) -> bool:
    """Return whether the register refuses the statement as seen."""
    try:
        register.require_unseen(digest)
    except Refusal as refusal:
        assert refusal.code == "replayed"
        return True
    return False


def test_the_digest_is_over_the_decimal_signals() -> None:
    assert hashlib.sha256(b"zkm2m/statement/v1\n1\n2\n3\n").digest() == ONE


def test_signals_do_not_run_into_each_other() -> None:
    assert len({statement_digest(signals) for signals in [(1, 23), (12, 3), (123,), (0, 123), (123, 0)]}) == 5


def test_a_statement_is_accepted_once(tmp_path: Path) -> None:
    register = SeenRegister(tmp_path / "seen.jsonl")
    assert not is_seen(register, ONE)
    assert not register.path.exists()
    register.accept(ONE, 5)
    assert register.path.read_bytes() == entry(ONE) + b"\n"
    assert register.path.stat().st_mode & 0o777 == 0o600
    assert is_seen(register, ONE)
    assert not is_seen(register, TWO)
    with pytest.raises(Refusal, match="replayed"):
        register.accept(ONE, 6)
    register.accept(TWO, 7)
    assert len(register.path.read_bytes().splitlines()) == 2


def test_another_object_or_a_later_start_sees_what_was_accepted(tmp_path: Path) -> None:
    first, second = SeenRegister(tmp_path / "seen.jsonl"), SeenRegister(tmp_path / "seen.jsonl")
    first.accept(ONE, 5)
    assert is_seen(second, ONE)
    second.accept(TWO, 5)
    assert is_seen(first, TWO)
    assert is_seen(SeenRegister(tmp_path / "seen.jsonl"), ONE)


@pytest.mark.parametrize("kept", range(len(entry(TWO))))
def test_a_torn_last_line_is_cut_off(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "seen.jsonl"
    path.write_bytes(entry(ONE) + b"\n" + entry(TWO)[:kept])
    register = SeenRegister(path)
    assert is_seen(register, ONE)
    assert not is_seen(register, TWO)
    register.accept(TWO, 5)
    assert path.read_bytes() == entry(ONE) + b"\n" + entry(TWO) + b"\n"


def test_a_last_line_whole_but_for_its_end_counts(tmp_path: Path) -> None:
    path = tmp_path / "seen.jsonl"
    path.write_bytes(entry(ONE))
    assert is_seen(SeenRegister(path), ONE)
    assert path.read_bytes() == entry(ONE) + b"\n"


@pytest.mark.parametrize("line", [b"", b"{}", b"x", entry(TWO)[:-1], entry(TWO).replace(b"accepted_ms", b"accepted")])
def test_a_damaged_line_is_named_and_nothing_is_accepted(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "seen.jsonl"
    damaged = entry(ONE) + b"\n" + line + b"\n" + entry(TWO) + b"\n"
    path.write_bytes(damaged)
    for use in (lambda r: r.require_unseen(TWO), lambda r: r.accept(TWO, 5)):
        with pytest.raises(InputError, match=f"damaged at byte {len(entry(ONE)) + 1}"):
            use(SeenRegister(path))
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("tail", [b"{}", b"\x00" * 8, b'{"format":"zkm2m/market/v1"}', b'{"statement":"' + b"0" * 600])
def test_a_file_that_ends_in_something_else_is_left_as_it_is(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "market.json"
    path.write_bytes(tail)
    with pytest.raises(InputError, match="damaged at byte 0"):
        SeenRegister(path).accept(ONE, 5)
    assert path.read_bytes() == tail


def test_a_register_that_became_shorter_or_vanished_is_an_error(tmp_path: Path) -> None:
    register = SeenRegister(tmp_path / "seen.jsonl")
    register.accept(ONE, 5)
    register.path.write_bytes(b"")
    with pytest.raises(InputError, match="has become shorter"):
        register.require_unseen(ONE)
    register.path.unlink()
    with pytest.raises(InputError, match="has vanished"):
        register.require_unseen(ONE)


def test_a_place_that_cannot_hold_the_register_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be in an existing folder"):
        SeenRegister(tmp_path / "nowhere" / "seen.jsonl").accept(ONE, 5)
    with pytest.raises(InputError, match="must be a file open to reading and writing"):
        SeenRegister(tmp_path).accept(ONE, 5)


def accept_in_child(path: Path, digests: list[bytes], answers: multiprocessing.SimpleQueue[int]) -> None:
    """Accept what can be accepted and answer how many it was."""
    register, count = SeenRegister(path), 0
    for digest in digests:
        try:
            register.accept(digest, 5)
            count += 1
        except Refusal:
            pass
    answers.put(count)


def test_of_processes_at_once_exactly_one_accepts_each_statement(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    digests = [statement_digest((i,)) for i in range(20)]
    path = tmp_path / "seen.jsonl"
    children = [context.Process(target=accept_in_child, args=(path, digests, answers)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert answers.get() + answers.get() == len(digests)
    assert len(path.read_bytes().splitlines()) == len(digests)
