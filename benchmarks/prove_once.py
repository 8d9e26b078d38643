"""One native proof as a whole process.

``python -m benchmarks.prove_once KEY.zkey WITNESS.wtns PROOF.json PUBLIC.json``

``python -m benchmarks.prove_once --repeat N TABLE_MIB KEY.zkey WITNESS.wtns``

proves N times under the loaded key, with tables of so many MiB at most, and prints the seconds of each as JSON. Tables
are made by one more proof before.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import zkm2m_native


def main(arguments: list[str]) -> None:
    """Prove once to files, or repeatedly for timing."""
    if arguments[0] == "--repeat":
        # Only here: what it imports takes a tenth of a second, which is no part of a proof.
        from benchmarks.measure import own_peak_rss_bytes, time_call

        repeats, table_mib, (key, witness_file) = int(arguments[1]), int(arguments[2]), arguments[3:]
        prover = zkm2m_native.Prover(key, table_bytes=table_mib << 20)
        witness = Path(witness_file).read_bytes()
        if table_mib:
            prover.prove(witness)
        seconds = [time_call(lambda: prover.prove(witness)) for _ in range(repeats)]
        print(json.dumps({"seconds": seconds, "peak_rss_bytes": own_peak_rss_bytes()}))
        return
    key, witness_file, proof_file, public_file = arguments
    result = zkm2m_native.Prover(key).prove(Path(witness_file).read_bytes())
    Path(proof_file).write_text(json.dumps(result["proof"]))
    Path(public_file).write_text(json.dumps(result["public"]))


if __name__ == "__main__":
    main(sys.argv[1:])
