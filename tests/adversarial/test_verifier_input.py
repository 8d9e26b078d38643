"""Input that the verifier must survive: A32 to A36."""

from __future__ import annotations

import copy
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from py_ecc.optimized_bn128.optimized_curve import curve_order, field_modulus

from rtnet_core.errors import Refusal
from rtnet_core.statement import Statement
from tests.support.simulated_groth16 import twist_point_outside_subgroup
from tests.support.verifier_setting import KEY_JSON, TRAPDOOR, Setting, bundle_of, encoded, setting
from verifier import account
from verifier.bundle import MAX_BUNDLE_BYTES
from verifier.groth16 import Proof, VerificationKey, read_public, verify
from verifier.strict_json import MAX_BYTES, parse_json, read_bounded

COORDINATES = [("pi_a", 0), ("pi_a", 1), ("pi_b", 0, 0), ("pi_b", 0, 1), ("pi_b", 1, 0), ("pi_b", 1, 1), ("pi_c", 0)]
KEY = VerificationKey.from_json(KEY_JSON)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return setting(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def no_pairing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a pairing is asked for."""

    def fail(*_: object) -> bool:
        raise AssertionError("paired before the input was refused")

    monkeypatch.setattr(account, "verify", fail)


def refusal_of(situation: Setting, data: bytes) -> str:
    """Return the code with which the bytes are refused."""
    with pytest.raises(Refusal) as caught:
        situation.verify(data)
    return caught.value.code


def changed(bundle: dict[str, Any], path: tuple[str | int, ...], change: Callable[[Any], Any]) -> bytes:
    """Return the bundle's bytes with one place changed."""
    bundle = copy.deepcopy(bundle)
    place: Any = bundle
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = change(place[path[-1]])
    return encoded(bundle)


# A32: the public list


@pytest.mark.parametrize(
    "public",
    [["1", "2", "3", "4", "5"], ["1", "2", "3", "4", "5", "0", "0"], [], {"length": 6}, "123456", None, 6],
    ids=["short", "long", "empty", "object", "text", "null", "number"],
)
def test_a32_public_list_of_another_length_is_refused(public: object) -> None:
    with pytest.raises(Refusal) as caught:
        read_public(public, KEY.n_public)
    assert caught.value.code == "wrong_public_count"


@pytest.mark.parametrize("public", [(1, 2, 3, 0), (1, 2, 3, 0, 0, 0, 0), ()])
def test_a32_dropped_or_added_trailing_zeros_never_reach_the_pairing(public: tuple[int, ...]) -> None:
    proof = Proof.from_json(TRAPDOOR.proof_json((1, 2, 3, 0, 0, 0)))
    with pytest.raises(Refusal) as caught:
        verify(KEY, public, proof)
    assert caught.value.code == "wrong_public_count"


@pytest.mark.usefixtures("no_pairing")
def test_a32_statement_with_a_signal_missing_or_added_is_refused(honest: Setting) -> None:
    bundle = bundle_of(honest.statement())
    for statement in (
        {name: bundle["statement"][name] for name in Statement.names()[:-1]},
        {**bundle["statement"], "length": "6"},
        list(bundle["statement"].values()),
    ):
        assert refusal_of(honest, encoded({**bundle, "statement": statement})) == "malformed_bundle"


# A33: one spelling for a signal


SPELLINGS: dict[str, tuple[Callable[[str], object], str]] = {
    "plus_r": (lambda s: str(int(s) + curve_order), "signal_out_of_range"),
    "minus_r": (lambda s: str(int(s) - curve_order), "signal_not_canonical"),
    "equal_r": (lambda _: str(curve_order), "signal_out_of_range"),
    "hex": (lambda s: hex(int(s)), "signal_not_canonical"),
    "leading_zero": (lambda s: "0" + s, "signal_not_canonical"),
    "exponent": (lambda _: "1e3", "signal_not_canonical"),
    "fraction": (lambda s: s + ".0", "signal_not_canonical"),
    "number": (int, "signal_not_canonical"),
    "true": (lambda _: True, "signal_not_canonical"),
    "null": (lambda _: None, "signal_not_canonical"),
    "list": (lambda s: [s], "signal_not_canonical"),
    "arabic_digits": (lambda s: s.translate({48 + d: 0x660 + d for d in range(10)}), "signal_not_canonical"),
    "fullwidth_digits": (lambda s: s.translate({48 + d: 0xFF10 + d for d in range(10)}), "signal_not_canonical"),
    "arabic_digit_behind": (lambda _: "1\u0660", "signal_not_canonical"),
    "superscript": (lambda _: "\u00b2", "signal_not_canonical"),
    "plus_sign": (lambda s: "+" + s, "signal_not_canonical"),
    "minus_zero": (lambda _: "-0", "signal_not_canonical"),
    "underscore": (lambda _: "1_0", "signal_not_canonical"),
    "blank_before": (lambda s: " " + s, "signal_not_canonical"),
    "newline_after": (lambda s: s + "\n", "signal_not_canonical"),
    "empty": (lambda _: "", "signal_not_canonical"),
    "very_long": (lambda _: "9" * 60_000, "signal_not_canonical"),
}


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", Statement.names())
def test_a33_public_signal_in_another_spelling_is_refused(honest: Setting, name: str, spelling: str) -> None:
    change, code = SPELLINGS[spelling]
    assert refusal_of(honest, changed(bundle_of(honest.statement()), ("statement", name), change)) == code


@pytest.mark.usefixtures("no_pairing")
def test_a33_public_signal_float_is_refused(honest: Setting) -> None:
    data = changed(bundle_of(honest.statement()), ("statement", "verdict"), lambda _: 1.0)
    assert refusal_of(honest, data) == "malformed_json"


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a33_public_file_in_another_spelling_is_refused(spelling: str) -> None:
    change, code = SPELLINGS[spelling]
    with pytest.raises(Refusal) as caught:
        read_public(["1", "2", change("3"), "4", "5", "6"], 6)
    assert caught.value.code == code


# A34: the proof's points


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize("path", COORDINATES, ids=str)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda s: str(int(s) + field_modulus), "coordinate_out_of_range"),
        (lambda _: str(field_modulus), "coordinate_out_of_range"),
        (lambda s: str(int(s) - field_modulus), "coordinate_not_canonical"),
        (lambda s: hex(int(s)), "coordinate_not_canonical"),
        (int, "coordinate_not_canonical"),
        (lambda s: str((int(s) + 1) % field_modulus), "point_off_curve"),
    ],
    ids=["plus_q", "equal_q", "minus_q", "hex", "number", "off_curve"],
)
def test_a34_coordinate_in_another_spelling_or_off_the_curve_is_refused(
    honest: Setting, path: tuple[str | int, ...], change: Callable[[str], object], code: str
) -> None:
    assert refusal_of(honest, changed(bundle_of(honest.statement()), ("proof", *path), change)) == code


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize(
    ("name", "z", "code"),
    [
        ("pi_a", "0", "point_at_infinity"),
        ("pi_c", "0", "point_at_infinity"),
        ("pi_b", ["0", "0"], "point_at_infinity"),
        ("pi_a", "2", "proof_malformed"),
        ("pi_a", 1, "proof_malformed"),
        ("pi_a", "01", "proof_malformed"),
        ("pi_a", str(field_modulus + 1), "proof_malformed"),
        ("pi_a", ["1", "0"], "proof_malformed"),
        ("pi_c", "-1", "proof_malformed"),
        ("pi_b", ["0", "1"], "proof_malformed"),
        ("pi_b", ["1", "1"], "proof_malformed"),
        ("pi_b", ["1"], "proof_malformed"),
        ("pi_b", "1", "proof_malformed"),
        ("pi_b", [1, 0], "proof_malformed"),
    ],
)
def test_a34_last_coordinate_other_than_one_is_refused(honest: Setting, name: str, z: object, code: str) -> None:
    assert refusal_of(honest, changed(bundle_of(honest.statement()), ("proof", name, 2), lambda _: z)) == code


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("pi_a", ["0", "1", "0"]),
        ("pi_c", ["0", "1", "0"]),
        ("pi_b", [["0", "0"], ["1", "0"], ["0", "0"]]),
    ],
)
def test_a34_snarkjs_spelling_of_infinity_is_refused(honest: Setting, name: str, point: object) -> None:
    data = changed(bundle_of(honest.statement()), ("proof", name), lambda _: point)
    assert refusal_of(honest, data) == "point_at_infinity"


@pytest.mark.usefixtures("no_pairing")
def test_a34_zero_coordinates_are_off_the_curve(honest: Setting) -> None:
    """(0, 0) is how contracts spell infinity."""
    data = changed(bundle_of(honest.statement()), ("proof", "pi_c"), lambda _: ["0", "0", "1"])
    assert refusal_of(honest, data) == "point_off_curve"


@pytest.mark.usefixtures("no_pairing")
def test_a34_b_outside_the_subgroup_is_refused(honest: Setting) -> None:
    outside = twist_point_outside_subgroup()
    data = changed(bundle_of(honest.statement()), ("proof", "pi_b"), lambda _: outside)
    assert refusal_of(honest, data) == "point_outside_subgroup"


@pytest.mark.usefixtures("no_pairing")
def test_a34_rescaled_jacobian_point_is_refused(honest: Setting) -> None:
    """(4x, 8y, 2) is the same point in Jacobian coordinates; snarkjs accepts it."""

    def rescaled(point: list[str]) -> list[str]:
        return [str(int(point[0]) * 4 % field_modulus), str(int(point[1]) * 8 % field_modulus), "2"]

    data = changed(bundle_of(honest.statement()), ("proof", "pi_a"), rescaled)
    assert refusal_of(honest, data) == "proof_malformed"


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize(
    ("key", "value"), [("protocol", "plonk"), ("curve", "bls12381"), ("curve", "BN128"), ("protocol", None), ("x", "")]
)
def test_a34_another_protocol_or_curve_is_refused(honest: Setting, key: str, value: object) -> None:
    bundle = bundle_of(honest.statement())
    assert refusal_of(honest, encoded({**bundle, "proof": {**bundle["proof"], key: value}})) == "proof_malformed"


@pytest.mark.parametrize("name", ["pi_a", "pi_c"])
def test_a34_valid_but_negated_point_fails_the_pairing(honest: Setting, name: str) -> None:
    data = changed(bundle_of(honest.statement()), ("proof", name, 1), lambda y: str(field_modulus - int(y)))
    assert refusal_of(honest, data) == "proof_invalid"


# A35: the file


def json_bombs() -> Iterator[tuple[str, bytes]]:
    yield "arrays", b"[" * (MAX_BUNDLE_BYTES - 1)
    yield "objects", b'{"a":' * (MAX_BUNDLE_BYTES // 5)
    yield "escaped_quotes", b'"' + b'\\"' * (MAX_BUNDLE_BYTES // 2 - 1)
    yield "open_strings", b'["' * (MAX_BUNDLE_BYTES // 2)
    yield "digits", b"9" * MAX_BUNDLE_BYTES
    yield "many_keys", b"{" + b",".join(b'"%d":0' % i for i in range(6_000)) + b"}"
    yield "blanks", b" " * MAX_BUNDLE_BYTES
    yield "backslashes", b'"' + b"\\" * (MAX_BUNDLE_BYTES - 1)


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize(
    ("name", "data"), list(json_bombs()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a35_bombs_are_refused_in_bounded_time_and_memory(honest: Setting, name: str, data: bytes) -> None:
    tracemalloc.start()
    started = time.process_time()
    code = refusal_of(honest, data)
    seconds = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code == ("malformed_bundle" if name == "many_keys" else "malformed_json")
    assert peak < 64 * MAX_BUNDLE_BYTES
    assert seconds < 10, "quadratic in the size of the file"


@pytest.mark.usefixtures("no_pairing")
def test_a35_a_hundred_megabytes_are_refused_unread(honest: Setting, tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    tracemalloc.start()
    with pytest.raises(Refusal) as caught:
        read_bounded(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == "malformed_json"
    assert peak < 4 * MAX_BYTES
    assert refusal_of(honest, bytes(100 << 20)) == "malformed_json"


def test_a35_the_depth_scan_is_linear_for_the_largest_files() -> None:
    with pytest.raises(Refusal, match="Unterminated"):
        parse_json(b'"' + b'\\"' * (MAX_BYTES // 2 - 1), "text")


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data + b"x",
        lambda data: data + data,
        lambda data: data + b"\x00",
        lambda data: data[:-1] + b', "format": "zkm2m/account-proof/v1"}',
        lambda data: data.replace(b'"verdict": "1"', b'"verdict": "0", "verdict": "1"'),
        lambda data: data.replace(b'"verdict": "1"', b'"verdict": NaN'),
        lambda data: data.replace(b'"verdict": "1"', b'"verdict": Infinity'),
        lambda data: data.replace(b"account-small", b"account-small\xff"),
        lambda data: data.decode().encode("utf-16"),
        lambda data: data[: len(data) // 2],
        lambda _: b"",
    ],
    ids=[
        "bom",
        "tail",
        "twice",
        "nul",
        "duplicate",
        "inner_duplicate",
        "nan",
        "infinity",
        "utf8",
        "utf16",
        "cut",
        "empty",
    ],
)
def test_a35_what_is_not_strict_json_is_refused(honest: Setting, spoil: Callable[[bytes], bytes]) -> None:
    honest_bytes = encoded(bundle_of(honest.statement()))
    spoilt = spoil(honest_bytes)
    assert spoilt != honest_bytes
    assert refusal_of(honest, spoilt) == "malformed_json"


@pytest.mark.usefixtures("no_pairing")
@pytest.mark.parametrize("path", [(), ("statement",), ("proof",)], ids=str)
def test_a35_unknown_and_missing_keys_are_refused(honest: Setting, path: tuple[str, ...]) -> None:
    code = "proof_malformed" if path == ("proof",) else "malformed_bundle"

    def part(bundle: dict[str, Any]) -> dict[str, Any]:
        return bundle[path[0]] if path else bundle

    keys = list(part(bundle_of(honest.statement())))
    for key in keys:
        bundle = bundle_of(honest.statement())
        del part(bundle)[key]
        assert refusal_of(honest, encoded(bundle)) == code
    bundle = bundle_of(honest.statement())
    part(bundle)["vk"] = KEY_JSON
    assert refusal_of(honest, encoded(bundle)) == code


# A36: every signal counts


def neighbours(statement: Statement) -> Iterator[tuple[str, Statement]]:
    names = Statement.names()
    for name in names:
        for step in (1, -1):
            yield f"{name}{step:+}", replace(statement, **{name: (getattr(statement, name) + step) % curve_order})
    for first, second in zip(names, names[1:] + names[:1], strict=True):
        swapped = {first: getattr(statement, second), second: getattr(statement, first)}
        yield f"{first}<->{second}", replace(statement, **swapped)


def test_a36_each_signal_changed_or_swapped_fails_the_pairing_and_the_original_holds(honest: Setting) -> None:
    statement = honest.statement()
    proof = Proof.from_json(bundle_of(statement)["proof"])
    for what, neighbour in neighbours(statement):
        assert not verify(KEY, neighbour.public_signals(), proof), what
    assert verify(KEY, statement.public_signals(), proof)


def test_a36_each_signal_changed_in_a_bundle_is_refused_by_name_and_the_original_accepted(honest: Setting) -> None:
    statement = honest.statement()
    expected = {"verdict+1": "signal_out_of_range", "verdict-1": "proof_invalid"}
    expected |= {f"threshold_bps{step}": "proof_invalid" for step in ("+1", "-1")}
    expected |= {
        f"{name}{step}": "statement_mismatch"
        for name in ("risk_root", "params_root", "book_root")
        for step in ("+1", "-1")
    }
    expected |= {f"context{step}": "wrong_challenge" for step in ("+1", "-1")}
    proof = bundle_of(statement)["proof"]
    found = {
        what: refusal_of(honest, encoded({**bundle_of(statement), "statement": spelt(neighbour), "proof": proof}))
        for what, neighbour in neighbours(statement)
        if "<->" not in what
    }
    assert found == expected
    for what, neighbour in neighbours(statement):
        if "<->" in what:
            bundle = {**bundle_of(statement), "statement": spelt(neighbour), "proof": proof}
            assert refusal_of(honest, encoded(bundle)) in ("statement_mismatch", "signal_out_of_range"), what
    assert honest.verify(encoded(bundle_of(statement))).clears


def spelt(statement: Statement) -> dict[str, str]:
    """Return the signals as a bundle spells them."""
    return {name: str(getattr(statement, name)) for name in Statement.names()}


def test_a36_reading_does_not_depend_on_white_space_or_key_order(honest: Setting) -> None:
    bundle = bundle_of(honest.statement())
    assert honest.verify(json.dumps(dict(reversed(bundle.items())), indent=2).encode() + b"\n").accepted
