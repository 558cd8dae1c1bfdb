"""Whatever a file holds, a decoder decodes it or gives an error of one line, and goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albumsort.album.decoder_worker import Decoded, Failed, Opened, decode_file

from . import corpus

pytestmark = pytest.mark.slow

DETAIL, SMALL = 64, 32
EXAMPLES = 2000

cuts = st.tuples(st.just("cut"), st.floats(0, 1), st.just(0))
flips = st.tuples(st.just("flip"), st.floats(0, 1), st.integers(0, 7))
values = st.tuples(st.just("set"), st.floats(0, 1), st.integers(0, 255))
# The start of a file holds lengths and offsets that decoders rely on.
early = st.tuples(st.just("set"), st.floats(0, 0.05), st.integers(0, 255))
repeats = st.tuples(st.just("repeat"), st.floats(0, 1), st.integers(1, 40))
changes = st.lists(st.one_of(cuts, flips, values, early, repeats), min_size=1, max_size=12)


def changed(data: bytes, what: list[tuple[str, float, int]]) -> bytes:
    for how, share, number in what:
        place = min(int(share * len(data)), max(len(data) - 1, 0))
        if how == "cut":
            data = data[:place]
        elif how == "repeat":
            data = data[:place] + data[place : place + number] * 2 + data[place + number :]
        elif data:
            value = data[place] ^ 1 << number if how == "flip" else number
            data = data[:place] + bytes([value]) + data[place + 1 :]
    return data


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "photo.jpg"


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(kind=st.sampled_from(sorted(corpus.whole())), what=changes)
def test_any_file_is_decoded_or_gets_an_error_of_one_line(place: Path, kind: str, what: list) -> None:
    place.write_bytes(changed(corpus.whole()[kind][1], what))
    opened: list[Opened] = []

    def grant(message: Opened) -> memoryview | None:
        opened.append(message)
        # A header may claim any size. The parent refuses large ones; here, the limit is lower, to be quick.
        return memoryview(bytearray(3 * (DETAIL**2 + SMALL**2))) if message.header.megapixels <= 4 else None

    message = decode_file(os.fspath(place), grant, DETAIL, SMALL)
    if isinstance(message, Failed):
        assert message.reason.isprintable() and 0 < len(message.reason) <= 250
        assert message.digest
    elif isinstance(message, Decoded):
        assert max(message.pixels) <= max(DETAIL, 3) and max(message.small) <= max(SMALL, 3)
        assert opened[0].header.width >= 1 and opened[0].header.height >= 1
    else:
        assert message is None and opened[0].header.megapixels > 4
