"""The command `skaha` as a module: `python -m skaha.cli`."""

from skaha.cli import main

main()
