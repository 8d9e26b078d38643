"""Every weakened statement is to be seen: ``python -m tests.mutation.run [--only TEMPLATE] [--seconds N]``.

A mutant is killed where a witness is shown that tells it from the circuit as it ships: one that the circuit refuses and
the mutant accepts (``assigned``, ``wider``), or the other way round (``narrower``). The witness comes from a program
whose checks are dropped and whose assignment is forged, with an input moved where one is what is assigned and with
commitments that fit, or from inputs at the range's ends. What no such witness tells apart survives, and must stand in
``survivors.json`` with the reason. An array that is assigned whole and is no input has no such text; what it carries is
attacked number by number in `tests.soundness`.

Results are kept in ``build/mutation/results.json`` under the hash of circuits and tool, so that a run goes on where the
last one ended. Exit code 1: a survivor without a reason, or a reason without its survivor.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from prover.atomic import write_atomically
from prover.checker import Checker
from prover.circuit_headers import read_sources
from prover.formats.r1cs import read_r1cs
from prover.formats.wtns import parse_wtns
from prover.paths import build_folder, circuit_sources
from rtnet_core.errors import ToolError
from tests.mutation.benches import ROUNDS, Inputs, bench_of, committed_anew
from tests.mutation.mutants import Mutant, mutants
from tests.support import forge_library
from tests.support.forge import Bench, Forged, _calculator, _compiled, reduced
from tests.support.forge_library import LibraryBench

SURVIVORS: Final = Path(__file__).with_name("survivors.json")
RESULTS: Final = build_folder() / "mutation" / "results.json"
KILLED, SURVIVED, STILLBORN = "killed", "survived", "does not compile"
#: Of an array that is assigned whole and is no input: there is no text that changes one of its numbers.
UNFORGED: Final = "cannot be forged"


def judge(mutant: Mutant) -> str:
    """Return what becomes of a mutant."""
    target, inputs = bench_of(mutant.file)
    change = {(mutant.file, mutant.anchor): mutant.weakened}
    folders: list[Path] = []
    try:
        try:
            folders.append(_compiled(target.circuit, change, strip=False, flags=("--r1cs", "--sym")))
        except ToolError:
            return STILLBORN
        weakened = Checker(read_r1cs(folders[0] / "main.r1cs"))
        if mutant.kind == "assigned":
            return _judge_assigned(mutant, target, inputs, weakened, folders)
        folders.append(_program(target, change))
        return _judge_range(mutant, target, inputs, weakened, folders[1])
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.with_suffix(".lock").unlink(missing_ok=True)


def _judge_assigned(mutant: Mutant, target: Bench, inputs: Inputs, weakened: Checker, folders: list[Path]) -> str:
    for forgery, moved in _forgeries(mutant, inputs):
        change = {(mutant.file, mutant.anchor): forgery}
        try:
            folders.append(_program(target, change))
        except ToolError:
            return UNFORGED
        for given in (inputs, moved):
            for forged in _forged(mutant, given, change):
                if forged.broken and weakened.is_satisfied(forged.labelled):
                    return KILLED
    return SURVIVED


def _forged(mutant: Mutant, inputs: Inputs, change: Mapping[tuple[str, str], str]) -> Iterator[Forged]:
    """Yield the forged witness, then those with the commitments among the inputs made anew for what is forged."""
    target, _ = bench_of(mutant.file)
    for _ in range(ROUNDS):
        forged = target.forge(inputs, change)
        yield forged
        anew = committed_anew(mutant.file, inputs, forged.values)
        if anew == inputs:
            return
        inputs = anew


def _forgeries(mutant: Mutant, inputs: Inputs) -> Iterator[tuple[str, Inputs]]:
    """Yield forged statements, each with inputs to try beside the given ones.

    Where an input is what is assigned, those have it moved the other way, so that the forged signal keeps its number.
    An array among the inputs is assigned element by element, the first or the last one forged.
    """
    before, _, expression = mutant.weakened.removesuffix(";").rpartition(" <-- ")
    found = re.fullmatch(r"(\w+)((?:\[\w+\])*)", expression)
    name, indices = (found[1], found[2].count("[")) if found and found[1] in inputs else ("", 0)
    element = inputs.get(name, 0)
    for _ in range(indices):
        element = element[0] if isinstance(element, list) else element
    if not isinstance(element, list):
        for forgery in mutant.forgeries:
            change = {" + 1;": -1, " - 1;": 1}.get(forgery[-5:], 0)
            yield forgery, _moved(inputs, name, (None,) * indices, change)
        # Of a loop's elements the first one alone.
        first = " && ".join(f"{index} == 0" for index in re.findall(r"\[([a-z])\]", expression))
        for change in (1, -1) if first and name else ():
            forgery = f"{before} <-- {expression} + ({first} ? {change} : 0);"
            yield forgery, _moved(inputs, name, (0,) * indices, -change)
        return
    start = len(mutant.anchor) - len(mutant.text)
    paths = list(_paths(element))
    for forged in (paths[0], paths[-1]):
        statement = mutant.weakened[:start]
        for path in paths:
            place = "".join(f"[{step}]" for step in path)
            statement += f"{before[start:]}{place} <-- {expression}{place}{' + 1' if path == forged else ''};"
        yield statement, _moved(inputs, name, (*(None,) * indices, *forged), -1)


def _moved(inputs: Inputs, name: str, path: tuple[int | None, ...], change: int) -> Inputs:
    """Return the inputs with the number at a path changed, at every place where a step of the path is none."""
    if not name or not change:
        return inputs

    def moved(value: Any, path: tuple[int | None, ...]) -> Any:
        if not path:
            return value + change
        return [moved(part, path[1:]) if path[0] in (None, place) else part for place, part in enumerate(value)]

    return {**inputs, name: moved(inputs[name], path)}


def _program(target: Bench, change: Mapping[tuple[str, str], str]) -> Path:
    """Return the folder of the program that `Bench.forge` runs."""
    if isinstance(target, LibraryBench):
        return forge_library._compiled(target.circuit, change)
    return _compiled(target.circuit, change, strip=True, flags=("--wasm", "--sym"))


def _judge_range(mutant: Mutant, target: Bench, inputs: Inputs, weakened: Checker, program: Path) -> str:
    calculator = _calculator(program / "main_js" / "main.wasm", target.build.inputs)
    for changed in _at_the_ends(inputs, _width(mutant, target), _bounds(mutant)):
        accepted = not target.forge(changed).broken
        values = parse_wtns(calculator.calculate(reduced(changed)))
        if accepted == (mutant.kind == "narrower") and weakened.is_satisfied(values) != accepted:
            return KILLED
    return SURVIVED


def _width(mutant: Mutant, target: Bench) -> int:
    """Return the bits of a range: its expression, with the template's arguments and the limits put in."""
    header = next(s for s in read_sources() if s.name == mutant.file).headers[0]
    arguments = target.circuit.call.partition("(")[2].rstrip(")").split(",")
    known = dict(zip(header.parameters, (int(a) for a in arguments if a.strip()), strict=True)) | _limits()
    expression = mutant.width.replace("()", "")
    total = sum(known[word] if word in known else int(word) for word in expression.split(" + "))
    return int(total)


def _limits() -> dict[str, int]:
    limits = {}
    for line in (circuit_sources() / "limits.circom").read_text("utf-8").splitlines():
        if line.startswith("function"):
            name, value = line.removeprefix("function ").split("() { return ")
            limits[name] = int(value.removesuffix("; }"))
    return limits


def _bounds(mutant: Mutant) -> list[int]:
    """Return the limits that are numbers, not widths, in the mutant's template: its ranges may begin or end there."""
    text = next(source.text for source in read_sources() if source.name == mutant.file)
    apart = ("_BITS", "_SHIFT", "_STRIDE")
    named = {name: bound for name, bound in _limits().items() if not name.startswith("TAG_")}
    return [bound for name, bound in named.items() if not name.endswith(apart) and f"{name}()" in text]


def _at_the_ends(inputs: Inputs, bits: int, bounds: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Yield the inputs with one number at a time at the ends of a range of these bits, signed or not, or at bounds."""
    top, half = 1 << bits, 1 << (bits - 1)
    ends = [0, 1, top, top - 1, -1, half, half - 1, -half, -half - 1, 2 * top - 1, -top, -top - 1]
    for bound in bounds:
        ends += [bound, bound - 1, bound + 1, -bound, -bound - 1]
    numbers = dict.fromkeys(ends)
    for name, value in inputs.items():
        for path in _paths(value):
            for number in numbers:
                changed = {key: deepcopy(part) for key, part in inputs.items()}
                yield _put(changed, name, path, number)


def _paths(value: Any) -> Iterator[tuple[int, ...]]:
    if isinstance(value, int):
        yield ()
        return
    for place, part in enumerate(value):
        yield from ((place, *path) for path in _paths(part))


def _put(inputs: dict[str, Any], name: str, path: tuple[int, ...], number: int) -> dict[str, Any]:
    holder: Any = inputs
    for step in (name, *path)[:-1]:
        holder = holder[step]
    holder[(name, *path)[-1]] = number
    return inputs


def judged(chosen: Iterable[Mutant], seconds: float) -> dict[str, str]:
    """Return what becomes of each mutant that there is time for; what is known of these sources is not tried again."""
    own = [Path(__file__).with_name(name).read_text("utf-8") for name in ("benches.py", "mutants.py", "run.py")]
    digest = hashlib.sha256(repr([(source.name, source.text) for source in read_sources()] + own).encode()).hexdigest()
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    results: dict[str, str] = known["results"] if known.get("sources") == digest else {}
    found, end = {}, time.monotonic() + seconds
    for mutant in chosen:
        if mutant.id not in results and time.monotonic() < end:
            results[mutant.id] = judge(mutant)
            print(f"{results[mutant.id]:<16} {mutant.id}", flush=True)  # noqa: T201
            write_atomically(RESULTS, json.dumps({"sources": digest, "results": results}, indent=1))
        if mutant.id in results:
            found[mutant.id] = results[mutant.id]
    return found


def main() -> int:
    """Judge mutants, and say which survivors have no reason, and which reasons no survivor."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.run", description="Weaken each constraint line.")
    parser.add_argument("--only", metavar="TEMPLATE", help="the mutants of one template")
    parser.add_argument("--seconds", type=float, default=8 * 3600.0, help="begin no mutant after this time")
    given = parser.parse_args()
    chosen = mutants(given.only)
    results = judged(chosen, given.seconds)
    explained = json.loads(SURVIVORS.read_text("utf-8"))
    survived = {name for name, end in results.items() if end == SURVIVED}
    counts = Counter(results.values())
    print(  # noqa: T201
        f"{len(chosen)} mutants: {counts[KILLED]} killed, {counts[STILLBORN]} do not compile, "
        f"{counts[UNFORGED]} cannot be forged, {counts[SURVIVED]} survived, {len(chosen) - len(results)} not tried"
    )
    unexplained = sorted(survived - set(explained))
    stale = sorted(name for name in explained if results.get(name, SURVIVED) != SURVIVED)
    for name in unexplained:
        print(f"survived without a reason: {name}")  # noqa: T201
    for name in stale:
        print(f"explained, and survives no more: {name}")  # noqa: T201
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main())
