"""Prints the log messages of the package on standard error."""

from __future__ import annotations

import logging
import sys

_handler = logging.StreamHandler()


def configure(verbosity: int, default: int = logging.WARNING) -> None:
    """Print the messages of the package to standard error, without a time or a level.

    Args:
        verbosity: how often ``-v`` was given: 0 shows messages from the level ``default``, 1 from INFO, 2 and more
            from DEBUG.
        default: a level of ``logging``; INFO for commands that run for long.
    """
    logger = logging.getLogger("albumsort")
    logger.setLevel(min(default, (logging.CRITICAL, logging.INFO, logging.DEBUG)[min(verbosity, 2)]))
    _handler.setStream(sys.stderr)  # the current one, which may have been replaced since this module was loaded
    logger.addHandler(_handler)  # does nothing if it is already there
    logger.propagate = False  # TensorFlow's log handlers belong to the root logger
