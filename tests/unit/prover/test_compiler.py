"""Compiling: what decides a build, that it is reused, and that two at once do not collide."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from prover import compiler
from prover.compiler import Build, Circuit, compile_circuit, compiler_version, content_hash, file_sha256, read_build
from prover.paths import build_folder, built_circuit_folder
from rtnet_core.errors import InputError, ToolError
from tests.support.toy_circuit import SOURCE, remove, toy


@pytest.fixture
def fresh() -> Iterator[Circuit]:
    """A toy circuit that was not built yet."""
    name = f"toy-fresh-{os.getpid()}"
    yield toy(name)
    remove(name)


def test_the_main_file_has_five_lines(fresh: Circuit) -> None:
    lines = fresh.main_text.splitlines()
    assert lines[0] == "pragma circom 2.1.6;"
    assert lines[2:] == [
        f'include "../../{fresh.include}";',
        "",
        "component main {public [bound, total]} = Toy(3);",
    ]
    assert "{public" not in replace(fresh, public=()).main_text


def test_a_build_holds_its_files_and_describes_them(toy_build: Build) -> None:
    assert sorted(file.name for file in toy_build.folder.iterdir()) == sorted(
        ["build.json", toy_build.r1cs.name, toy_build.wasm.name, toy_build.sym.name]
    )
    assert toy_build.r1cs_sha256 == file_sha256(toy_build.r1cs)
    assert toy_build.wasm_sha256 == file_sha256(toy_build.wasm)
    described = json.loads((toy_build.folder / "build.json").read_text())
    assert described["format"] == "zkm2m/build/v1"
    assert "folder" not in described
    assert read_build(toy_build.folder) == toy_build


def test_the_content_hash_follows_everything_that_decides_a_build(
    fresh: Circuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = content_hash(fresh)
    assert content_hash(fresh) == first
    found = {first, content_hash(replace(fresh, call="Toy(4)")), content_hash(replace(fresh, public=("bound",)))}
    found.add(content_hash(replace(fresh, witness_program=False)))
    source = build_folder().parent / fresh.include
    source.write_text(SOURCE + "\n")
    found.add(content_hash(fresh))
    source.write_text(SOURCE)
    monkeypatch.setattr(compiler, "package_version", lambda package: f"{package} 9.9.9")
    found.add(content_hash(fresh))
    assert len(found) == 6


def test_an_up_to_date_build_is_reused(toy_build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the compiler was called")

    monkeypatch.setattr(compiler, "run_tool", refuse)
    assert compile_circuit(toy(toy_build.circuit)) == toy_build


def test_a_build_that_was_changed_is_refused(fresh: Circuit) -> None:
    build = compile_circuit(fresh)
    for file in (build.r1cs, build.wasm):
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(ToolError, match=r"was changed after it was built: remove .* and build again"):
            compile_circuit(fresh)
        file.write_bytes(content)
    (build.folder / "build.json").write_text('{"format": "zkm2m/build/v1"}')
    with pytest.raises(InputError, match="must describe a built circuit"):
        compile_circuit(fresh)


def test_a_source_that_does_not_compile_shows_the_compilers_words_and_leaves_nothing(fresh: Circuit) -> None:
    (build_folder().parent / fresh.include).write_text(SOURCE.replace("sum === total;", "sum == total;"))
    with pytest.raises(ToolError, match=r"circom2 failed with exit code 1:\n(.|\n)*toy\.circom"):
        compile_circuit(fresh)
    left = [file.name for file in built_circuit_folder(fresh.name).iterdir()]
    assert left == [".lock"]


def test_what_a_killed_build_left_is_removed_by_the_next(fresh: Circuit) -> None:
    abandoned = built_circuit_folder(fresh.name) / ".hash.0123456789ab.partial"
    abandoned.mkdir(parents=True)
    (abandoned / "half.r1cs").write_text("half")
    compile_circuit(fresh)
    assert not abandoned.exists()


def _compiled(name: str) -> str:
    return str(compile_circuit(toy(name)).folder)


def test_two_builds_at_once_give_one_build(fresh: Circuit) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        folders = set(pool.map(_compiled, [fresh.name] * 2, chunksize=1))
    assert len(folders) == 1
    assert sorted(file.name for file in built_circuit_folder(fresh.name).iterdir()) == sorted(
        [".lock", Path(folders.pop()).name]
    )


def test_a_circuit_without_a_witness_program_compiles_faster_and_to_the_same_constraints(
    fresh: Circuit, toy_build: Build
) -> None:
    build = compile_circuit(replace(fresh, witness_program=False))
    assert build.r1cs_sha256 == toy_build.r1cs_sha256
    assert not build.wasm.exists()
    assert build.wasm_sha256 == ""


def test_the_compiler_names_both_its_versions() -> None:
    assert compiler_version() == "circom2 0.2.23 (circom 2.2.3)"


def test_the_content_hash_follows_includes_and_nothing_else(fresh: Circuit) -> None:
    source = build_folder().parent / fresh.include
    part = source.with_name("part.circom")
    part.write_text("pragma circom 2.1.6;\n")
    alone = content_hash(fresh)
    source.write_text(f'include "{part.name}";\n' + SOURCE)
    included = content_hash(fresh)
    part.write_text("pragma circom 2.1.6;\n\n")
    assert len({alone, included, content_hash(fresh)}) == 3
    part.unlink()
    with pytest.raises(ToolError, match="cannot be read"):
        content_hash(fresh)
    source.write_text(SOURCE)
    assert content_hash(fresh) == alone
