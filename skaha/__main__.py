"""The command `skaha` as a module: `python -m skaha`."""

from skaha.cli import main

if __name__ == "__main__":
    main()
