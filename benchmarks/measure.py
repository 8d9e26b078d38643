"""Measuring whole processes and calls, and describing the machine they ran on."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measurement:
    """Wall seconds of one run, and the peak resident memory of the process that made it."""

    seconds: float
    peak_rss_bytes: int


def run_process(command: Sequence[str]) -> Measurement:
    """Run a program to its end and measure it; its output is thrown away.

    Raises
    ------
    RuntimeError
        It failed.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with ThreadPoolExecutor(max_workers=1) as watcher:
        peak = watcher.submit(_watched_peak_bytes, process.pid)
        process.wait()
        seconds = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed with exit code {process.returncode}")
    return Measurement(seconds, peak.result())


def time_call(call: Callable[[], object]) -> float:
    """Return the wall seconds of one call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def own_peak_rss_bytes() -> int:
    """Return the peak resident memory of this process."""
    return _peak_bytes("self")


def _watched_peak_bytes(process_id: int) -> int:
    """Return the peak resident memory of a process that runs, asked for until it ends.

    What ``wait4`` reports would be at least this program's own: a child begins with the memory of its parent.
    """
    peak = 0
    while True:
        try:
            now = _peak_bytes(str(process_id))
        except OSError:
            return peak
        if not now:  # it has ended: no memory is left to ask about
            return peak
        peak = now
        time.sleep(0.002)


def _peak_bytes(process: str) -> int:
    """Return the peak resident memory of a process by its number or ``self``, 0 once it has ended."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def median(runs: Sequence[Measurement]) -> Measurement:
    """Return the medians of several runs."""
    seconds = statistics.median(run.seconds for run in runs)
    return Measurement(seconds, int(statistics.median(run.peak_rss_bytes for run in runs)))


def machine() -> dict[str, str | int]:
    """Return what the figures depend on: processor, cores that this process may use, system, Python."""
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
