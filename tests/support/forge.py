"""Forged witnesses that reach the constraint system.

A witness calculator that stops proves nothing: whoever cheats writes their own. Here the circom sources are copied,
their hints exchanged for forged ones and every ``===`` line dropped, so that a calculator runs through on any input,
every ``<==`` still following the forged value. The witness is then judged by the constraint system that ships
(``--O2``) and by the unsimplified one (``--O0``), whose signals all keep their names: it says *which* constraint stands
in the way.

The two systems agree on public signals. Where the simplified one has removed a signal it is recomputed there from the
others, so a forged witness that violates only the unsimplified system may stand for an honest one: both must be
violated.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import re
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType

from prover.checker import Checker, Violation
from prover.circuits import CIRCUITS
from prover.compiler import Build, Circuit, compile_circuit, package_version
from prover.formats.r1cs import read_r1cs
from prover.formats.sym import ELIMINATED, Symbols, read_sym
from prover.formats.wtns import parse_wtns
from prover.paths import build_folder, circuit_sources
from prover.witness import InputValue, WitnessCalculator
from rtnet_core.limits import FIELD_MODULUS
from tests.support.warm_compiler import compile_sources

#: (file below circuits/, text that occurs in it once) to the text that takes its place.
Replacements = Mapping[tuple[str, str], str]
NO_REPLACEMENT: Replacements = MappingProxyType({})

_STATEMENT = re.compile(r"^[^\n/]*===[^\n;]*;[ \t]*$", re.MULTILINE)
_ANONYMOUS = re.compile(r"\b(\w+?)_\d+_\d+\b")


@dataclass(frozen=True)
class Forged:
    """A witness, honest or forged, with its verdicts.

    Attributes
    ----------
    values
        Every signal by its `readable` name; names that two anonymous components share are left out.
    wires
        The witness of the system that ships.
    labelled
        The witness of the unsimplified system.
    violations
        What it violates there.
    broken
        What it violates in the unsimplified system; the names in here are complete.
    """

    values: Mapping[str, int]
    wires: tuple[int, ...]
    labelled: tuple[int, ...]
    violations: tuple[Violation, ...]
    broken: tuple[Violation, ...]

    def __getitem__(self, name: str) -> int:
        """Return the signed representative of a signal's value."""
        value = self.values[name]
        return value - FIELD_MODULUS if value > FIELD_MODULUS // 2 else value

    def array(self, name: str) -> list[int]:
        """Return the signed values of ``name[0]``, ``name[1]``, … of one dimension."""
        values: list[int] = []
        while f"{name}[{len(values)}]" in self.values:
            values.append(self[f"{name}[{len(values)}]"])
        return values

    def broken_at(self) -> set[str]:
        """Return the names of all signals in broken constraints, without positions of anonymous components."""
        return {readable(name) for violation in self.broken for name in violation.signals}

    def assert_accepted(self) -> None:
        """Both systems hold: the control of every refusal test."""
        assert not self.broken, f"unsimplified: {'; '.join(map(str, self.broken[:3]))}"
        assert not self.violations, f"shipped: {'; '.join(map(str, self.violations[:3]))}"

    def assert_refused(self, *at: str) -> None:
        """Both systems are violated, and every broken constraint of the unsimplified one has a signal that matches.

        Parameters
        ----------
        at
            Regular expressions. Each must match a broken constraint, and each broken constraint one of them: so a test
            says exactly where the refusal comes from.
        """
        assert self.broken, "the unsimplified system accepts the forged witness"
        assert self.violations, "the system that ships accepts the forged witness"
        names = [tuple(map(readable, violation.signals)) for violation in self.broken]
        for pattern in at:
            assert any(re.search(pattern, name) for signals in names for name in signals), (
                f"{pattern} holds; {names[:4]}"
            )
        for signals in names:
            assert any(re.search(pattern, name) for pattern in at for name in signals), f"broken elsewhere: {signals}"


def readable(name: str) -> str:
    """Return a signal name without ``main.`` and without the source positions in anonymous components' names."""
    return _ANONYMOUS.sub(r"\1", name).removeprefix("main.")


class Bench:
    """One circuit, honest as it ships, with any number of forged witness programs.

    Parameters
    ----------
    circuit
        What to compile. All inputs of a single template are public here, so that none is simplified away.
    """

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit

    @cached_property
    def build(self) -> Build:
        """The circuit as it ships."""
        return compile_circuit(self.circuit)

    @cached_property
    def shipped(self) -> Checker:
        """The constraint system as it ships, with its names."""
        return Checker(read_r1cs(self.build.r1cs), self._shipped_symbols)

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """For each wire that ships, its number in the unsimplified system."""
        return read_r1cs(self.build.r1cs).labels

    @cached_property
    def unsimplified(self) -> Checker:
        """The constraint system before any simplification: wire = label, every signal has its name."""
        folder = _compiled(self.circuit, NO_REPLACEMENT, strip=False, flags=("--r1cs", "--sym"))
        return Checker(read_r1cs(folder / "main.r1cs"), read_sym(folder / "main.sym"))

    @cached_property
    def _shipped_symbols(self) -> Symbols:
        return read_sym(self.build.sym)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the public signals that are outputs, in their order."""
        return tuple(name for name in self.build.public if re.sub(r"\[.*", "", name) not in self.build.inputs)

    def witness(self, inputs: Mapping[str, InputValue]) -> list[int]:
        """Return the witness of the program that ships, which checks as it goes."""
        return parse_wtns(_calculator(self.build.wasm, self.build.inputs).calculate(reduced(inputs)))

    def compute(self, inputs: Mapping[str, InputValue]) -> dict[str, int]:
        """Return the outputs (signed) of the witness program that ships."""
        half = FIELD_MODULUS // 2
        return {
            name: value - FIELD_MODULUS if value > half else value
            for name, value in zip(self.outputs, self.witness(inputs)[1:], strict=False)
        }

    def forge(self, inputs: Mapping[str, InputValue], replacements: Replacements = NO_REPLACEMENT) -> Forged:
        """Return the witness for any integers, some hints or assignments replaced, no check in the calculator."""
        folder = _compiled(self.circuit, replacements, strip=True, flags=("--wasm", "--sym"))
        program = _calculator(folder / "main_js" / "main.wasm", self.build.inputs)
        values = parse_wtns(program.calculate(reduced(inputs)))
        return self.judge(values, read_sym_cached(folder / "main.sym"))

    def judge(self, values: list[int], symbols: Symbols | None = None) -> Forged:
        """Return the verdicts on a value for every signal of the unsimplified system, by label."""
        symbols = symbols or self._unsimplified_symbols
        self._require_same_names(symbols)
        wires = tuple(values[label] for label in self.labels)
        for name, label, wire in self._shared_wires:
            assert values[label] == wires[wire], f"{name} differs from the wire it shares"
        return Forged(
            values={name: values[label] for name, label in self._label_by_readable_name.items()},
            wires=wires,
            labelled=tuple(values),
            violations=tuple(self.shipped.violations(wires)),
            broken=tuple(self.unsimplified.violations(values)),
        )

    @cached_property
    def _unsimplified_symbols(self) -> Symbols:
        folder = _compiled(self.circuit, NO_REPLACEMENT, strip=False, flags=("--r1cs", "--sym"))
        return read_sym(folder / "main.sym")

    @cached_property
    def _label_of(self) -> dict[str, int]:
        return {name: label for label, name in self._shipped_symbols.labels.items()}

    @cached_property
    def _readable_names(self) -> dict[int, str]:
        return {label: readable(name) for label, name in self._shipped_symbols.labels.items()}

    @cached_property
    def _label_by_readable_name(self) -> dict[str, int]:
        count = Counter(self._readable_names.values())
        return {name: label for label, name in self._readable_names.items() if count[name] == 1}

    @cached_property
    def _shared_wires(self) -> list[tuple[str, int, int]]:
        """Name, label and wire of every signal whose wire is that of another label."""
        named = ((name, self._label_of[name], wire) for name, wire in self._shipped_symbols.wires.items())
        return [(name, label, wire) for name, label, wire in named if wire != ELIMINATED and label != self.labels[wire]]

    def _require_same_names(self, symbols: Symbols) -> None:
        """Labels number the signals of the forged program as those of the circuit that ships."""
        if symbols is not getattr(self, "_accepted_symbols", None):
            names = {label: readable(name) for label, name in symbols.labels.items()}
            assert names == self._readable_names, "the forged program has other signals than the circuit"
            self._accepted_symbols = symbols

    def accepts_without(self, check: tuple[str, str], values: Sequence[int]) -> bool:
        """Return whether the circuit less one statement (its file and its text) would accept a witness, by label."""
        folder = _compiled(self.circuit, {check: ""}, strip=False, flags=("--r1cs", "--sym"))
        return Checker(read_r1cs(folder / "main.r1cs")).is_satisfied(values)


@cache
def bench(file: str, call: str) -> Bench:
    """Return the bench of one template, all of its inputs public: ``bench("lib/hinge.circom", "Hinge(8)")``."""
    source = (circuit_sources() / file).read_text("utf-8")
    body = source[source.index(f"template {call.split('(')[0]}(") :]
    public = tuple(re.findall(r"signal input (\w+)", body))
    name = "bench-" + re.sub(r"\W+", "-", call).strip("-").lower()
    return Bench(Circuit(name, f"circuits/{file}", call, public))


@lru_cache(maxsize=1)
def account_bench() -> Bench:
    """Return the bench of the account circuit in the small profile, as it ships."""
    return Bench(CIRCUITS["account-small"])


@lru_cache(maxsize=1)
def batch_bench() -> Bench:
    """Return the bench of the batch circuit in the small profile, as it ships."""
    return Bench(CIRCUITS["batch-small"])


@lru_cache(maxsize=1)
def merge_bench() -> Bench:
    """Return the bench of the merge circuit in the small profile, as it ships."""
    return Bench(CIRCUITS["merge-small"])


@lru_cache(maxsize=1)
def market_bench() -> Bench:
    """Return the bench of the market circuit in the small profile, as it ships."""
    return Bench(CIRCUITS["market-small"])


def forge(target: Bench, replacements: Replacements = NO_REPLACEMENT, *, inputs: Mapping[str, InputValue]) -> Forged:
    """Return the forged witness of a circuit after the control: the same inputs without the forgery are accepted."""
    target.forge(inputs).assert_accepted()
    return target.forge(inputs, replacements)


def reduced(value: Mapping[str, InputValue]) -> dict[str, InputValue]:
    """Return inputs modulo r, whatever their range."""

    def reduce(part: InputValue) -> InputValue:
        return part % FIELD_MODULUS if isinstance(part, int) else [reduce(element) for element in part]

    return {name: reduce(part) for name, part in value.items()}


_RUNNING: OrderedDict[Path, WitnessCalculator] = OrderedDict()
_MOST_RUNNING = 6


def _calculator(wasm: Path, shapes: Mapping[str, tuple[int, ...]]) -> WitnessCalculator:
    """Return the calculator of a witness program; the least recently used ones are ended."""
    if wasm not in _RUNNING:
        _RUNNING[wasm] = WitnessCalculator(wasm, shapes)
    _RUNNING.move_to_end(wasm)
    while len(_RUNNING) > _MOST_RUNNING:
        _RUNNING.popitem(last=False)[1].close()
    return _RUNNING[wasm]


@atexit.register
def _end_calculators() -> None:
    while _RUNNING:
        _RUNNING.popitem()[1].close()


@lru_cache(maxsize=64)
def read_sym_cached(path: Path) -> Symbols:
    """Return `prover.formats.sym.read_sym` of a file that is never rewritten."""
    return read_sym(path)


def without_checks(source: str) -> str:
    """Return a circom source without its ``===`` statements, the lines kept."""
    stripped = _STATEMENT.sub("", source)
    for line in stripped.splitlines():
        assert "===" not in line.split("//")[0] or line.lstrip().startswith("*"), (
            f"a check that was not dropped: {line}"
        )
    return stripped


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _compiled(circuit: Circuit, replacements: Replacements, *, strip: bool, flags: tuple[str, ...]) -> Path:
    """Return the folder of a compiled copy of the sources, kept under the hash of all that decides it."""
    sources = {
        path.relative_to(circuit_sources()).as_posix(): path.read_text("utf-8")
        for path in sorted(circuit_sources().rglob("*.circom"))
    }
    for (file, anchor), forged in replacements.items():
        assert sources[file].count(anchor) == 1, f"{file} has {anchor!r} {sources[file].count(anchor)} times, not once"
        sources[file] = sources[file].replace(anchor, forged)
    if strip:
        sources = {name: without_checks(text) for name, text in sources.items()}
    sources["main.circom"] = circuit.main_text.replace("../../circuits/", "circuits/")
    digest = hashlib.sha256(repr((sorted(sources.items()), flags)).encode())
    digest.update((package_version("circom2") + package_version("circomlib")).encode())
    folder = build_folder() / "forge" / digest.hexdigest()[:32]
    if not folder.is_dir():
        with _exclusive(folder.with_suffix(".lock")):
            if not folder.is_dir():
                placed = {("" if name == "main.circom" else "circuits/") + name: text for name, text in sources.items()}
                compile_sources(folder, placed, flags)
    return folder
