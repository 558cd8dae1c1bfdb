"""Prints the log messages of the package on standard error."""

from __future__ import annotations

import logging
import sys

_handler = logging.StreamHandler()


def configure(verbosity: int, default: int = logging.WARNING) -> None:
    """Print the messages of the package to standard error, without a time or a level.

    Args:
        verbosity: how often ``-v`` was given: 0 shows messages from the level ``default``, and each shows one level
            more.
        default: WARNING, or INFO for commands that run for long.
    """
    logger = logging.getLogger("albumsort")
    levels = [level for level in (logging.WARNING, logging.INFO, logging.DEBUG) if level <= default]
    logger.setLevel(levels[min(verbosity, len(levels) - 1)])
    _handler.setStream(sys.stderr)  # the current one, which may have been replaced since this module was loaded
    logger.addHandler(_handler)  # does nothing if it is already there
    logger.propagate = False  # TensorFlow's log handlers belong to the root logger
