"""``python -m albumsort`` is the same as ``albumsort``."""

from albumsort.cli import main

if __name__ == "__main__":
    main()
