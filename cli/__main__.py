"""``zkm2m``, and ``python -m cli``, which is the same."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def main() -> None:
    """Run the command line, or say what an installation of the verifier alone can do."""
    if find_spec("typer") is None:
        print("this installation has the verifier alone: python -m verifier --help", file=sys.stderr)  # noqa: T201
        print("for all commands: pip install 'zk-m2m[cli]'", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    from cli.main import main as run

    run()


if __name__ == "__main__":
    main()
