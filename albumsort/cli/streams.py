"""Standard input, output and error that may be closed: nothing that is printed can end the work."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO


def open_streams() -> None:
    """Replace streams that are closed, and print names of files unchanged. Call this before any file is opened.

    A file that is opened while standard error is closed gets its number, and libraries would write messages into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest free number: this one
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - as long as the program runs
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # File names may contain any bytes, and must be printed unchanged.
            stream.reconfigure(encoding=sys.getfilesystemencoding(), errors="surrogateescape")
    sys.stdout, sys.stderr = Output(sys.stdout), Messages(sys.stderr)


def shows_escapes(stream: TextIO) -> bool:
    """Whether a stream is a terminal on which colours and links may be shown.

    ``NO_COLOR`` (https://no-color.org) and ``TERM=dumb`` say that they may not. Consoles of Windows need to be told to
    show them, and may be too old for it.
    """
    return stream.isatty() and os.name != "nt" and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextmanager
def second_stderr() -> Iterator[TextIO]:
    """Standard error under a number of its own, to which a program can write while libraries are kept quiet.

    ``vision.engine.quiet_stderr`` holds back all that is written to standard error while the networks are loaded.
    """
    try:
        number = os.dup(sys.stderr.fileno())
    except OSError:  # it has no number: a test, or a notebook, keeps what is written
        yield sys.stderr
        return
    with open(number, "w", encoding=sys.stderr.encoding, errors=sys.stderr.errors) as stream:
        yield Messages(stream)  # type: ignore[misc]


class Output:
    """Standard output. Errors name it, such as one of a full disk; after the first, the rest is dropped."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if text == "":  # Typer tries so whether this is a stream of text, and keeps an error to itself
            return 0
        with self._named():
            return int(self._stream.write(text))

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with self._named():
            self._stream.flush()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Name the stream in an error.

        Raises:
            OSError: the stream cannot be written.
        """
        try:
            yield
        except BrokenPipeError:  # which is no failure
            raise
        except OSError as error:
            _drop(self._stream)  # Python would complain of what is left at its end
            raise OSError(error.errno, error.strerror, "standard output") from error


class Messages:
    """Standard error. Once nobody reads it any more, such as after its terminal was closed, messages are dropped."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return int(self._stream.write(text))
        except OSError:
            _drop(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            _drop(self._stream)


def _drop(stream: Any) -> None:
    """Send what is buffered, and all that follows, to nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
