"""One reader, fed what leads it down new paths: ``python -m tests.fuzz.guided FOLDER NAME SECONDS``.

atheris (libFuzzer) watches which branches of our own code a file takes, keeps the files that take new ones, and spoils
those further. What is no refusal ends the program with a traceback, and ``FOLDER/crash-…`` holds the file that did it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

import atheris

with atheris.instrument_imports(include=["rtnet_core", "prover", "verifier"], enable_loader_override=False):
    from tests.fuzz.readers import Reader, python_readers

#: What the process may take, and one read.
MEMORY_MB: Final = 2048
READ_SECONDS: Final = 30
#: Longest file: above every good one.
MAX_BYTES: Final = 1 << 20


def run(circuit: Path, name: str, seconds: int) -> None:
    """Feed one reader for some seconds, from its good files on."""
    reader = python_readers()[name]
    with tempfile.TemporaryDirectory() as temporary:
        folder, kept = Path(temporary, "files"), Path(temporary, "kept")
        folder.mkdir()
        kept.mkdir()
        seeds = reader.seeds(circuit)
        for number, seed in enumerate(seeds):
            (kept / str(number)).write_bytes(seed)

        def read(data: bytes) -> None:
            with suppress(*reader.refusals):
                reader.read(data, folder)

        limits = [f"-rss_limit_mb={MEMORY_MB}", f"-timeout={READ_SECONDS}", f"-max_len={MAX_BYTES}", "-len_control=0"]
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={circuit}/", "-verbosity=0"]
        atheris.Setup([name, *limits, *options, str(kept)], read, custom_mutator=_mutator(reader, seeds))
        atheris.Fuzz()


def _mutator(reader: Reader, seeds: list[bytes]) -> Callable[[bytes, int, int], bytes]:
    """Return what makes a file: a good one spoilt as its format is, or one that was kept, spoilt as libFuzzer does."""

    def made(data: bytes, max_size: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.5:
            return reader.spoil(random, random.choice(seeds))[:max_size]
        return bytes(atheris.Mutate(data, max_size))

    return made


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
