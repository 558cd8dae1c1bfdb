"""The command line: ``albumsort``, which is the same as ``python -m albumsort``."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C is handled from the very start."""
    try:
        from albumsort.cli import main as run

        run()
    except KeyboardInterrupt:  # while it was loaded
        sys.exit(130)


if __name__ == "__main__":
    main()
