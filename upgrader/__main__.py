"""``python -m upgrader``."""

from upgrader.cli.entry import main

main()
