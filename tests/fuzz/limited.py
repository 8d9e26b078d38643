"""Readers fed spoilt files in a process of little memory and time: ``python -m tests.fuzz.limited FOLDER COUNT NAME…``.

A reader that allocates what a header claims meets the limit on memory, one that takes too long the limit on processor
time, and a native one that crashes ends the process. Whichever it is, ``FOLDER/spoilt`` holds the file that did it.
"""

from __future__ import annotations

import importlib.util
import resource
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

from tests.fuzz.readers import Reader, readers

#: What a read may take beyond the process as it stands after it has read every good file once.
MEMORY_BYTES: Final = 512 << 20
CPU_SECONDS: Final = 30


def run(circuit: Path, count: int, names: list[str]) -> None:
    """Feed each reader `count` spoilt files; what is no refusal ends the program with a traceback."""
    native = importlib.util.find_spec("zkm2m_native") is not None
    chosen = {name: reader for name, reader in readers(circuit, native=native).items() if not names or name in names}
    if missing := set(names) - set(chosen):
        raise SystemExit(f"there are no readers {', '.join(sorted(missing))}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        seeds = {name: reader.seeds(circuit) for name, reader in chosen.items()}
        for name, reader in chosen.items():
            for seed in seeds[name]:
                reader.read(seed, folder)
        _limit_memory()
        for name, reader in chosen.items():
            for number in range(count):
                random = Random(f"{name} {number}")
                _feed(reader, reader.spoil(random, random.choice(seeds[name])), folder, circuit / "spoilt")


def _feed(reader: Reader, data: bytes, folder: Path, kept: Path) -> None:
    kept.write_bytes(data)
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    with suppress(*reader.refusals):
        reader.read(data, folder)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
