"""Witnesses, computed by the circuit's own WebAssembly program under Node, without a temporary file.

The inputs go through a pipe and the witness comes back through one: nothing secret reaches a file system, a command
line or an environment variable.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self

from prover.compiler import read_build
from prover.toolchain import node_program, stop_group, tool_environment
from rtnet_core.errors import InputError, Refusal, ToolError
from rtnet_core.limits import FIELD_MODULUS

if sys.platform == "linux":
    import resource

#: A number, or lists of numbers nested like the signal's array.
InputValue = int | list[Any] | tuple[Any, ...]

_WORKER: Final = Path(__file__).with_name("witness_worker.mjs")
#: Of an element, in inputs and in witnesses.
FIELD_BYTES: Final = 32
_START_TIMEOUT_S: Final = 120.0
_MAX_FRAME_BYTES: Final = 1 << 31


def flatten_inputs(inputs: Mapping[str, InputValue], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, list[int]]:
    """Return every input as a flat list in row-major order, in the order of `shapes`.

    Parameters
    ----------
    inputs
        A value for each name of `shapes` and no other.
    shapes
        The circuit's inputs, ``()`` for a single number.

    Raises
    ------
    InputError
        A name is missing or unknown, a list has another length, or a value is no integer in [0, r). Values are not
        shown: they may be positions.
    """
    missing, unknown = sorted(set(shapes) - set(inputs)), sorted(set(inputs) - set(shapes))
    if missing:
        raise InputError(f"inputs.{missing[0]}", "is missing")
    if unknown:
        raise InputError(f"inputs.{unknown[0]}", "is no input of this circuit")
    flat: dict[str, list[int]] = {}
    for name, shape in shapes.items():
        flat[name] = []
        _flatten(f"inputs.{name}", inputs[name], shape, flat[name])
    return flat


def _flatten(field: str, value: InputValue, shape: tuple[int, ...], into: list[int]) -> None:
    if shape:
        if not isinstance(value, list | tuple) or len(value) != shape[0]:
            raise InputError(field, f"must be a list of {shape[0]}")
        for index, element in enumerate(value):
            _flatten(f"{field}[{index}]", element, shape[1:], into)
    elif type(value) is not int or not 0 <= value < FIELD_MODULUS:
        raise InputError(field, "must be an integer of at least 0 and below the field modulus")
    else:
        into.append(value)


def encode_inputs(flat: Mapping[str, Sequence[int]]) -> bytes:
    """Return what a witness program reads: for each signal the hash of its name, its size, and its elements.

    Hash and size are 64-bit, an element is 32 bytes, all little-endian.

    >>> content = encode_inputs({"a": [1]})
    >>> content[:8].hex(), content[8:16].hex(), content[16:].hex()[:4], len(content)
    ('8cec01864cdc63af', '0100000000000000', '0100', 48)
    """
    parts: list[bytes] = []
    for name, values in flat.items():
        if values:  # a program does not know an array without elements
            parts += [signal_hash(name).to_bytes(8, "little"), len(values).to_bytes(8, "little")]
            parts += [value.to_bytes(FIELD_BYTES, "little") for value in values]
    return b"".join(parts)


def signal_hash(name: str) -> int:
    """Return the 64-bit FNV-1a hash of a signal's name: how circom's programs look their inputs up."""
    digest = 0xCBF29CE484222325
    for byte in name.encode():
        digest = (digest ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return digest


class Calculator(ABC):
    """Computes witnesses of one circuit by an outside process; a context manager. `generator` says by which kind."""

    generator: ClassVar[str]
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def calculate(self, inputs: Mapping[str, InputValue]) -> bytes:
        """Return the witness for `inputs` as the bytes of a ``.wtns`` file.

        Raises
        ------
        InputError
            `inputs` has not exactly the circuit's names and shapes, or a value is no integer in [0, r).
        Refusal
            ``witness_failed``: the inputs violate the circuit. Template and line are named, values are not.
        ToolError
            The program is missing, crashed, ran too long, or is not the one that the names belong to.
        """

    def close(self) -> None:
        """End the process, and a job that is under way; the next job would start another one."""
        process, self._process = self._process, None
        if process is not None:
            stop_group(process)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


class WitnessCalculator(Calculator):
    """Computes witnesses of one circuit; a context manager that keeps its Node process for many jobs.

    The process starts with the first job whose inputs pass the checks. A calculator serves one thread at a time.

    Parameters
    ----------
    wasm
        The circuit's witness program.
    inputs
        Its inputs with their shapes; by default those in the ``build.json`` beside `wasm`.
    timeout_s
        Most seconds for one job.

    Attributes
    ----------
    generator
        ``wasm``.

    Raises
    ------
    InputError
        `wasm` is no file, or `inputs` is not given and there is no ``build.json``.
    """

    generator = "wasm"

    def __init__(
        self, wasm: Path, inputs: Mapping[str, tuple[int, ...]] | None = None, *, timeout_s: float = 600.0
    ) -> None:
        if not wasm.is_file():
            raise InputError(str(wasm), "must be an existing witness program")
        self._wasm = Path(os.path.abspath(wasm))
        self._shapes = dict(read_build(wasm.parent).inputs if inputs is None else inputs)
        self._timeout_s = timeout_s
        self._wires = 0

    def calculate(self, inputs: Mapping[str, InputValue]) -> bytes:
        """Return the witness for `inputs` as the bytes of a ``.wtns`` file; see `Calculator.calculate`."""
        content = encode_inputs(flatten_inputs(inputs, self._shapes))
        try:
            process = self._started()
            deadline = time.monotonic() + self._timeout_s
            self._send(process, content, deadline)
            self._accept(self._receive_json(process, deadline))
            witness = self._receive(process, deadline)
        except Refusal:
            raise
        except BaseException:
            self.close()  # the pipe may hold half a frame
            raise
        if len(witness) <= self._wires * FIELD_BYTES:
            self.close()
            raise ToolError(f"{self._wasm.name} left a witness that is too short")
        return witness

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        try:
            process = subprocess.Popen(
                [node_program(), str(_WORKER), str(self._wasm)],
                env=tool_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise ToolError(f"node could not be started: {error.strerror or error}") from error
        self._process = process
        if sys.platform == "linux":
            resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))  # it could hold a witness
        assert process.stdin is not None and process.stdout is not None
        os.set_blocking(process.stdin.fileno(), False)
        answer = self._receive_json(process, time.monotonic() + _START_TIMEOUT_S)
        if not answer.get("ok"):
            raise ToolError(
                f"{self._wasm.name} is no witness program over BN254 ({answer.get('code')}): build it again"
            )
        expected = sum(_size(shape) for shape in self._shapes.values())
        if answer.get("inputs") != expected:
            raise ToolError(f"{self._wasm.name} has {answer.get('inputs')} inputs, not {expected}: build it again")
        self._wires = int(answer["wires"])
        return process

    def _accept(self, answer: Mapping[str, Any]) -> None:
        if answer.get("ok") is True:
            return
        code = answer.get("code")
        if code == "assertion_failed":
            places = " in ".join(f"{template} line {line}" for template, line in answer.get("at", ()))
            raise Refusal("witness_failed", f"the inputs violate the circuit at {places or 'an unnamed place'}")
        sent = [name for name, shape in self._shapes.items() if _size(shape)]
        signal = f" ({sent[answer['signal']]})" if "signal" in answer else ""
        raise ToolError(f"{self._wasm.name} could not compute a witness: {code}{signal}; build the circuit again")

    def _send(self, process: subprocess.Popen[bytes], content: bytes, deadline: float) -> None:
        assert process.stdin is not None
        rest = memoryview(len(content).to_bytes(4, "little") + content)
        while rest:
            self._wait(deadline, writable=process.stdin.fileno())
            try:
                rest = rest[os.write(process.stdin.fileno(), rest) :]
            except BrokenPipeError as error:
                raise ToolError(
                    "the witness process ended early: run again, with more memory if it was killed"
                ) from error

    def _receive(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        length = int.from_bytes(self._read(process, 4, deadline), "little")
        if length > _MAX_FRAME_BYTES:
            raise ToolError("the witness process sent a frame that is too long")
        return self._read(process, length, deadline)

    def _receive_json(self, process: subprocess.Popen[bytes], deadline: float) -> dict[str, Any]:
        try:
            answer = json.loads(self._receive(process, deadline))
        except ValueError as error:
            raise ToolError("the witness process sent something that is no answer") from error
        if not isinstance(answer, dict):
            raise ToolError("the witness process sent something that is no answer")
        return answer

    def _read(self, process: subprocess.Popen[bytes], count: int, deadline: float) -> bytes:
        assert process.stdout is not None
        content = bytearray()
        while len(content) < count:
            self._wait(deadline, readable=process.stdout.fileno())
            chunk = os.read(process.stdout.fileno(), min(count - len(content), 1 << 20))
            if not chunk:
                raise ToolError("the witness process ended early: run again, with more memory if it was killed")
            content += chunk
        return bytes(content)

    def _wait(self, deadline: float, *, readable: int | None = None, writable: int | None = None) -> None:
        left = deadline - time.monotonic()
        reads, writes = [fd for fd in (readable,) if fd is not None], [fd for fd in (writable,) if fd is not None]
        if left <= 0 or not any(select.select(reads, writes, [], left)):
            raise ToolError(f"the witness took longer than {self._timeout_s:g} seconds and was stopped")


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size
