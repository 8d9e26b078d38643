"""The native module: what it refuses, what its files hold, and that it may be called from anywhere."""

from __future__ import annotations

import hashlib
import inspect
import json
import multiprocessing
import pathlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from py_ecc.optimized_bn128 import curve_order, field_modulus

from prover.compiler import Build
from prover.formats.wtns import serialize_wtns
from tests.support.toy_circuit import CANARIES, INPUTS

native = pytest.importorskip("zkm2m_native", reason="the native prover is not installed")
pytestmark = pytest.mark.native

SEED = bytes(range(32))
PUBLIC = ["1", str(INPUTS["total"]), str(INPUTS["bound"])]


@pytest.fixture(scope="module")
def key_file(toy_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A native development key of the toy."""
    path = tmp_path_factory.mktemp("native") / "toy.zkey"
    native.dev_setup(toy_build.r1cs, path, seed=SEED)
    return path


@pytest.fixture(scope="module")
def prover(key_file: Path) -> Any:
    """The toy's prover."""
    return native.Prover(key_file)


@pytest.fixture(scope="module")
def key(toy_keys: Any) -> dict[str, Any]:
    """The toy's verifying key, made from the same seed by the project's own means."""
    return dict(toy_keys.verification_key)


@pytest.fixture(scope="module")
def proven(prover: Any, toy_witness_file: bytes) -> dict[str, Any]:
    """A proof of the toy and its public signals."""
    result = prover.prove(toy_witness_file)
    assert result["public"] == PUBLIC
    return dict(result)


def _verify(key: dict[str, Any], public: list[str], proof: dict[str, Any]) -> bool:
    return bool(native.verify(json.dumps(key), public, json.dumps(proof)))


def _changed(proof: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return a deep copy of a JSON object with one member replaced."""
    copy = json.loads(json.dumps(proof))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return dict(copy)


def test_the_summary_describes_both_files(toy_build: Build, tmp_path: Path) -> None:
    path = tmp_path / "a key with blanks; and 'quotes'.zkey"
    summary = native.dev_setup(str(toy_build.r1cs), str(path))
    assert summary["zkey_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert summary["r1cs_sha256"] == hashlib.sha256(toy_build.r1cs.read_bytes()).hexdigest()
    assert summary["zkey_bytes"] == path.stat().st_size
    assert summary["n_public"] == 3
    assert summary["domain_size"] >= summary["n_constraints"] + summary["n_public"] + 1
    prover = native.Prover(path)
    assert (prover.n_vars, prover.n_public) == (summary["n_vars"], summary["n_public"])
    assert prover.domain_size == summary["domain_size"]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_keys_without_a_seed_differ(toy_build: Build, tmp_path: Path) -> None:
    hashes = {native.dev_setup(toy_build.r1cs, tmp_path / f"{i}.zkey")["zkey_sha256"] for i in range(2)}
    assert len(hashes) == 2


@pytest.mark.parametrize("seed", [b"", SEED[:-1], SEED + b"\0"])
def test_a_seed_of_another_length_is_refused(seed: bytes, toy_build: Build, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed: must have 32 bytes"):
        native.dev_setup(toy_build.r1cs, tmp_path / "k.zkey", seed=seed)
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_one(toy_build: Build, tmp_path: Path) -> None:
    calls: list[tuple[str, float]] = []
    native.dev_setup(toy_build.r1cs, tmp_path / "k.zkey", progress=lambda stage, share: calls.append((stage, share)))
    shares = [share for _, share in calls]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert calls[-1][0] == "done"


@pytest.mark.parametrize("last", ["read", "points in G2", "done"])
def test_a47_a_callback_that_raises_leaves_no_key(last: str, toy_build: Build, tmp_path: Path) -> None:
    def stop(stage: str, _: float) -> None:
        if stage == last:
            raise KeyboardInterrupt(stage)

    with pytest.raises(KeyboardInterrupt, match=last):
        native.dev_setup(toy_build.r1cs, tmp_path / "k.zkey", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_be_opened_are_os_errors(toy_build: Build, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent.r1cs"):
        native.dev_setup(tmp_path / "absent.r1cs", tmp_path / "k.zkey")
    with pytest.raises(FileNotFoundError, match=r"absent.*k\.zkey"):
        native.dev_setup(toy_build.r1cs, tmp_path / "absent" / "k.zkey")
    with pytest.raises(FileNotFoundError):
        native.Prover(tmp_path / "absent.zkey")
    with pytest.raises((OSError, ValueError)):
        native.Prover(tmp_path)
    (tmp_path / "empty").touch()
    with pytest.raises((OSError, ValueError)):
        native.Prover(tmp_path / "empty")


def test_a44_truncated_and_foreign_files_are_refused(toy_build: Build, key_file: Path, tmp_path: Path) -> None:
    whole = key_file.read_bytes()
    path = tmp_path / "cut.zkey"
    for length in [4, 11, 40, 500, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="^zkey, "):
            native.Prover(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match="1 bytes too long"):
        native.Prover(path)
    with pytest.raises(ValueError, match="zkey, file header: does not begin with the magic"):
        native.Prover(toy_build.r1cs)
    with pytest.raises(ValueError, match="r1cs, file header: does not begin with the magic"):
        native.dev_setup(key_file, tmp_path / "k.zkey")


def test_a46_a_false_witness_gives_no_proof(prover: Any, toy_witness: list[int]) -> None:
    # The compiler drops the unused input, so that every wire is in some constraint.
    for wire in range(1, len(toy_witness)):
        edited = [*toy_witness]
        edited[wire] = (edited[wire] + 1) % curve_order
        with pytest.raises(ValueError, match="does not satisfy") as refusal:
            prover.prove(serialize_wtns(edited))
        assert not any(canary in str(refusal.value) for canary in CANARIES)


def test_a45_malformed_witnesses_are_refused(prover: Any, toy_witness: list[int], toy_witness_file: bytes) -> None:
    with pytest.raises(ValueError, match=f"holds {len(toy_witness) - 1} values, the key is for {len(toy_witness)}"):
        prover.prove(serialize_wtns(toy_witness[:-1]))
    large = toy_witness_file[:-32] + curve_order.to_bytes(32, "little")
    with pytest.raises(ValueError, match=f"wire {len(toy_witness) - 1} has a value that is not below the prime"):
        prover.prove(large)
    for length in (0, 3, 50, len(toy_witness_file) - 1):
        with pytest.raises(ValueError, match="^wtns, "):
            prover.prove(toy_witness_file[:length])
    with pytest.raises(TypeError):
        prover.prove("not bytes")


def test_a51_two_proofs_differ_and_both_verify(prover: Any, key: dict[str, Any], toy_witness_file: bytes) -> None:
    first, second = (prover.prove(toy_witness_file)["proof"] for _ in range(2))
    assert all(first[name] != second[name] for name in ("pi_a", "pi_b", "pi_c"))
    assert _verify(key, PUBLIC, first)
    assert _verify(key, PUBLIC, second)


def test_a36_each_signal_is_bound(proven: dict[str, Any], key: dict[str, Any]) -> None:
    for index in range(3):
        for change in (1, -1):
            other = [*PUBLIC]
            other[index] = str((int(other[index]) + change) % curve_order)
            assert not _verify(key, other, proven["proof"])
    assert not _verify(key, [PUBLIC[0], PUBLIC[2], PUBLIC[1]], proven["proof"])
    assert _verify(key, PUBLIC, proven["proof"])


@pytest.mark.parametrize("public", [[], PUBLIC[:-1], [*PUBLIC, "0"]])
def test_a32_lists_of_another_length_are_refused(
    public: list[str], proven: dict[str, Any], key: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=f"public: holds {len(public)} signals, the key is for 3"):
        _verify(key, public, proven["proof"])


@pytest.mark.parametrize(
    "signal",
    [
        str(curve_order), str(curve_order + 1), "-1", "+1", "", " 1", "1 ", "01", "0x1", "1e0", "1.0", "1_0", "\u0661",
        "1" * 79, 1, 1.0, True, None, b"1",
    ],
)  # fmt: skip
def test_a33_loose_signals_are_refused(signal: Any, proven: dict[str, Any], key: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="public"):
        _verify(key, [signal, *PUBLIC[1:]], proven["proof"])


@pytest.mark.parametrize("public", ["111", ("1", "2", "3"), {"length": 3}, None])
def test_a32_only_a_list_is_a_list(public: Any, proven: dict[str, Any], key: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="must be a list of strings"):
        _verify(key, public, proven["proof"])


def _bad_points() -> list[tuple[tuple[Any, ...], Any, str]]:
    return [
        (("pi_a", 2), "2", "pi_a: the third coordinate"),
        (("pi_a", 2), "0", "pi_a: the third coordinate"),
        (("pi_c", 2), "01", "pi_c: the third coordinate"),
        (("pi_b", 2), ["1", "1"], "pi_b: the third coordinate"),
        (("pi_b", 2), ["0", "0"], "pi_b: the third coordinate"),
        (("pi_a",), ["0", "0", "1"], "pi_a: the point is not on the curve"),
        (("pi_a", 1), "1", "pi_a: the point is not on the curve"),
        (("pi_c", 0), "1", "pi_c: the point is not on the curve"),
        (("pi_b", 0, 0), "1", "pi_b: the point is not on the curve"),
        (("pi_a", 0), str(field_modulus), "pi_a: a coordinate must be below"),
        (("pi_a", 0), "007", "pi_a: a coordinate must not begin with a zero"),
        (("pi_a", 0), 7, "JSON: invalid type"),
        (("pi_a",), ["1", "2"], "JSON: invalid length"),
        (("pi_a",), ["1", "2", "1", "0"], "JSON: "),
        (("protocol",), "plonk", "protocol: must be"),
        (("curve",), "bn254", "curve: must be"),
        (("extra",), 1, "JSON: unknown field"),
    ]


@pytest.mark.parametrize(("path", "value", "rule"), _bad_points())
def test_a34_a35_proofs_in_another_form_are_refused(
    path: tuple[Any, ...], value: Any, rule: str, proven: dict[str, Any], key: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=f"^proof, {rule}"):
        _verify(key, PUBLIC, _changed(proven["proof"], path, value))


def test_a34_coordinates_plus_the_modulus_are_refused(proven: dict[str, Any], key: dict[str, Any]) -> None:
    for path in (("pi_a", 0), ("pi_a", 1), ("pi_c", 0), ("pi_b", 0, 1), ("pi_b", 1, 0)):
        place = proven["proof"]
        for step in path:
            place = place[step]
        with pytest.raises(ValueError, match="must be below the modulus"):
            _verify(key, PUBLIC, _changed(proven["proof"], path, str(int(place) + field_modulus)))


def test_a34_a_point_outside_the_subgroup_is_refused(proven: dict[str, Any], key: dict[str, Any]) -> None:
    spelling = _point_outside_the_subgroup()
    with pytest.raises(ValueError, match="pi_b: the point is outside the subgroup"):
        _verify(key, PUBLIC, proven["proof"] | {"pi_b": spelling})


def _point_outside_the_subgroup() -> list[list[str]]:
    """Return the spelling of a point of the twist that is of another order than r."""
    from py_ecc.fields import optimized_bn128_FQ2 as FQ2
    from py_ecc.optimized_bn128 import b2, is_inf, is_on_curve, multiply

    x = 1
    while True:
        square = FQ2([x, 0]) ** 3 + b2
        root = square ** ((field_modulus**2 + 15) // 32)
        # q^2 = 9 mod 16: a square's root is the candidate times an eighth root of unity.
        unit = FQ2([1, 1]) ** ((field_modulus**2 - 1) // 16)
        for power in range(16):
            y = root * unit**power
            point = (FQ2([x, 0]), y, FQ2.one())
            if y * y == square and is_on_curve(point, b2) and not is_inf(multiply(point, curve_order)):
                return [[str(x), "0"], [str(int(part)) for part in y.coeffs], ["1", "0"]]
        x += 1


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", "{}", '{"pi_a": NaN}', "\ufeff{}", "[" * 100_000, '{"a":' * 100_000, "{}" + " " * 20_000],
)
def test_a35_texts_that_are_no_proof_are_refused(text: str, key: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="^proof, "):
        native.verify(json.dumps(key), PUBLIC, text)


def test_a35_an_array_of_the_members_and_repeated_members_are_refused(
    proven: dict[str, Any], key: dict[str, Any]
) -> None:
    text = json.dumps(proven["proof"])
    for bad, rule in (
        (json.dumps(list(proven["proof"].values())), "must be an object"),
        (text[:-1] + ', "curve": "bn128"}', "duplicate field"),
        (text + "{}", "trailing characters"),
        (json.dumps({name: value for name, value in proven["proof"].items() if name != "pi_c"}), "missing field"),
    ):
        with pytest.raises(ValueError, match=rule):
            native.verify(json.dumps(key), PUBLIC, bad)


def _bad_keys() -> list[tuple[tuple[Any, ...], str, str]]:
    """Return members, the member of the key to put there, and the rule that this breaks."""
    return [
        (("vk_delta_2",), "vk_gamma_2", "delta2: equals gamma2 up to sign"),
        (("vk_gamma_2",), "vk_beta_2", "gamma2: equals beta2 up to sign"),
        (("vk_delta_2",), "vk_beta_2", "delta2: equals beta2 up to sign"),
    ]


@pytest.mark.parametrize(("path", "source", "rule"), _bad_keys())
def test_a40_keys_under_which_anyone_can_forge_are_refused(
    path: tuple[Any, ...], source: str, rule: str, proven: dict[str, Any], key: dict[str, Any]
) -> None:
    forged = _changed(key, path, key[source])
    with pytest.raises(ValueError, match=rule):
        _verify(forged, PUBLIC, proven["proof"])
    x, (c0, c1), z = key[source]
    opposite = [x, [str(-int(c0) % field_modulus), str(-int(c1) % field_modulus)], z]
    with pytest.raises(ValueError, match=rule):
        _verify(_changed(key, path, opposite), PUBLIC, proven["proof"])


def test_a41_malformed_keys_are_refused(proven: dict[str, Any], key: dict[str, Any]) -> None:
    x, y, _ = key["IC"][0]
    opposite = [x, str(-int(y) % field_modulus), "1"]
    for path, value, rule in (
        (("IC", 1), key["IC"][0], r"IC\[1\]: equals an earlier point"),
        (("IC", 2), opposite, r"IC\[2\]: equals an earlier point"),
        (("IC", 1), ["0", "1", "0"], r"IC\[1\]: the third coordinate"),
        (("IC",), key["IC"][:-1], "IC: holds 3 points"),
        (("nPublic",), 2, "IC: holds 4 points"),
        (("nPublic",), "3", "JSON: invalid type"),
        (("nPublic",), -1, "JSON: invalid value"),
        (("curve",), "bls12381", "curve: must be"),
        (("protocol",), "plonk", "protocol: must be"),
        (("vk_alpha_1", 0), "1", "vk_alpha_1: the point is not on the curve"),
        (("vk_alphabeta_12",), None, "JSON: invalid type"),
        (("note",), "x", "JSON: unknown field"),
    ):
        with pytest.raises(ValueError, match=f"^verification key, {rule}"):
            _verify(_changed(key, path, value), PUBLIC, proven["proof"])
    small = {name: value for name, value in key.items() if name != "vk_alphabeta_12"}
    assert _verify(small, PUBLIC, proven["proof"])


def test_threads_share_one_prover(prover: Any, key: dict[str, Any], toy_witness_file: bytes) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: prover.prove(toy_witness_file), range(24)))
    assert len({json.dumps(result["proof"]) for result in results}) == 24
    assert all(_verify(key, result["public"], result["proof"]) for result in results)


def test_other_threads_run_during_a_setup(toy_build: Build, tmp_path: Path) -> None:
    reached, released = threading.Event(), threading.Event()

    def wait(stage: str, _: float) -> None:
        if stage == "evaluate":
            reached.set()
            assert released.wait(30)

    with ThreadPoolExecutor(1) as pool:
        setup = pool.submit(native.dev_setup, toy_build.r1cs, tmp_path / "k.zkey", None, wait)
        assert reached.wait(30)
        # The set-up is in the middle of its work, and this thread still runs.
        released.set()
        assert setup.result(30)["n_public"] == 3


def _prove_elsewhere(key_file: str, witness: bytes, answer: Any) -> None:
    answer.put(native.Prover(key_file).prove(witness)["public"])


def test_a_forked_process_proves_with_threads_of_its_own(key_file: Path, toy_witness_file: bytes) -> None:
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("this platform does not fork")
    native.Prover(key_file).prove(toy_witness_file)
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    child = context.Process(target=_prove_elsewhere, args=(str(key_file), toy_witness_file, answer))
    child.start()
    try:
        assert answer.get(timeout=60) == PUBLIC
    finally:
        child.join(10)
        child.kill()


def test_every_public_name_is_in_the_stub() -> None:
    package = Path(inspect.getfile(native)).parent
    stub = next(path for path in (package / "__init__.pyi", package / "zkm2m_native.pyi") if path.exists()).read_text()
    names = [name for name in dir(native) if not name.startswith("_") and name != "zkm2m_native"]
    assert {"Prover", "dev_setup", "verify", "version", "threads"} <= set(names)
    for name in names:
        assert f"def {name}(" in stub or f"class {name}:" in stub


def test_version_and_threads() -> None:
    source = pathlib.Path(__file__).parents[3] / "prover" / "native" / "Cargo.toml"
    assert f'version = "{native.version()}"' in source.read_text()
    assert native.threads() >= 1


def test_many_proofs_are_read_as_strictly_as_one(proven: dict[str, Any], key: dict[str, Any]) -> None:
    text, good = json.dumps(key), json.dumps(proven["proof"])
    assert native.verify_many(text, [PUBLIC] * 3, [good] * 3) is None
    assert native.verify_many(text, [PUBLIC, ["0", *PUBLIC[1:]]], [good] * 2) == 1
    assert native.verify_many(text, [], []) is None
    for path, value, rule in _bad_points():
        bad = json.dumps(_changed(proven["proof"], path, value))
        rule = rule.removeprefix("JSON: ")
        with pytest.raises(ValueError, match=f"^proof, number 1, .*{rule}"):
            native.verify_many(text, [PUBLIC] * 3, [good, bad, "{}"])
    with pytest.raises(ValueError, match="^public, number 1, signal 0: must not begin with a zero"):
        native.verify_many(text, [PUBLIC, ["01", *PUBLIC[1:]]], [good] * 2)
    with pytest.raises(ValueError, match="^public: number 1, holds 2 signals, the key is for 3"):
        native.verify_many(text, [PUBLIC, PUBLIC[1:]], [good] * 2)
    with pytest.raises(ValueError, match="^publics: holds 1 lists of signals for 2 proofs"):
        native.verify_many(text, [PUBLIC], [good] * 2)
    with pytest.raises(ValueError, match="publics: must hold strings only"):
        native.verify_many(text, [[1, 2, 3]], [good])
    with pytest.raises(ValueError, match="delta2: equals gamma2"):
        native.verify_many(json.dumps(key | {"vk_delta_2": key["vk_gamma_2"]}), [PUBLIC], [good])
    for publics, proofs in ((PUBLIC, [good]), ("", [good]), ([PUBLIC], good), ((PUBLIC,), [good])):
        with pytest.raises(TypeError, match="must be a list of"):
            native.verify_many(text, publics, proofs)


@pytest.mark.parametrize(
    ("width", "elements", "rule"),
    [
        (1, curve_order.to_bytes(32, "little"), "elements: element 0 of list 0 is not below the prime"),
        (2, bytes(96) + b"\xff" * 32, "elements: element 1 of list 1 is not below the prime"),
        (1, bytes(31), "elements: has 31 bytes"),
        (3, bytes(64), "elements: has 64 bytes, must have a multiple of"),
        (0, b"", "width: must be at least 1"),
        (1 << 32, b"", "width: must be at least 1 and below"),
    ],
)
def test_lists_that_cannot_be_hashed_are_refused(width: int, elements: bytes, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        native.hash_fields_many(1, width, elements)


def test_no_list_has_no_digest_and_no_level_is_above_one_leaf() -> None:
    assert native.hash_fields_many(1, 3, b"") == b""
    assert native.merkle_levels(1, bytes(32), 0) == b""
    with pytest.raises(OverflowError):
        native.hash_fields_many(-1, 1, bytes(32))


@pytest.mark.parametrize(
    ("leaves", "depth", "rule"),
    [
        (bytes(32) + curve_order.to_bytes(32, "little"), 1, "leaves: leaf 1 is not below the prime"),
        (bytes(32), 1, "leaves: has 32 bytes, must have 64"),
        (b"", 0, "leaves: has 0 bytes, must have 32"),
        (bytes(32), 33, "depth: is 33, must be at most 32"),
    ],
)
def test_leaves_that_make_no_tree_are_refused(leaves: bytes, depth: int, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        native.merkle_levels(1, leaves, depth)


def test_a_prover_takes_threads_of_its_own(key_file: Path, key: dict[str, Any], toy_witness_file: bytes) -> None:
    result = native.Prover(key_file, threads=1).prove(toy_witness_file)
    assert _verify(key, result["public"], result["proof"])
    for count in (0, 1025):
        with pytest.raises(ValueError, match="threads: must be from 1 to 1024"):
            native.Prover(key_file, threads=count)


def test_a_prover_makes_tables_within_a_budget(key_file: Path, key: dict[str, Any], toy_witness_file: bytes) -> None:
    for budget in (0, 1, 5_000, 1 << 30):
        prover = native.Prover(key_file, table_bytes=budget)
        assert prover.table_bytes == 0
        for _ in range(3):
            result = prover.prove(toy_witness_file)
            assert _verify(key, result["public"], result["proof"])
            assert prover.table_bytes <= budget
        assert (prover.table_bytes > 0) == (budget > 1)
    with pytest.raises(OverflowError):
        native.Prover(key_file, table_bytes=-1)


def test_a_contributed_key_gives_proofs_of_its_own(
    key_file: Path, key: dict[str, Any], toy_witness_file: bytes, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.zkey", tmp_path / "second.zkey"
    made = native.contribute(key_file, first, name="Ada")
    assert made["zkey_sha256"] == hashlib.sha256(first.read_bytes()).hexdigest()
    assert made["zkey_bytes"] == first.stat().st_size
    assert native.contribute(key_file, second)["contribution_hash"] != made["contribution_hash"]
    result = native.Prover(first).prove(toy_witness_file)  # checked under its own key before it is returned
    assert not _verify(key, result["public"], result["proof"])


def test_a_beacon_makes_the_same_key_every_time(key_file: Path, tmp_path: Path) -> None:
    keys = [tmp_path / name for name in ("first.zkey", "second.zkey")]
    first, second = (native.apply_beacon(key_file, path, b"\x07" * 32, 10, name="beacon") for path in keys)
    assert first == second
    assert keys[0].read_bytes() == keys[1].read_bytes()


def test_contributions_out_of_range_are_refused(key_file: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.zkey"
    with pytest.raises(ValueError, match="name: must have at most 64 bytes"):
        native.contribute(key_file, new, name="a" * 65)
    for beacon, exponent, rule in (
        (b"", 10, "beacon: must not be empty"),
        (bytes(256), 10, "beacon: must have at most 255 bytes"),
        (bytes(32), 9, "iterations_exponent: must be from 10 to 63"),
        (bytes(32), 64, "iterations_exponent: must be from 10 to 63"),
    ):
        with pytest.raises(ValueError, match=rule):
            native.apply_beacon(key_file, new, beacon, exponent)
    truncated = tmp_path / "truncated.zkey"
    truncated.write_bytes(key_file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="section 10"):
        native.contribute(truncated, new)
    assert not new.exists()
