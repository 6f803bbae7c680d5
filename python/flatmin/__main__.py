"""The command ``flatmin``: the same program as the one that cargo builds."""

import sys

from ._flatmin import main as _main


def main() -> None:
    """Runs the command line and exits with its code."""
    sys.exit(_main(["flatmin", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
