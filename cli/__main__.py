"""``python -m cli`` is ``zkm2m``."""

from cli.main import main

main()
