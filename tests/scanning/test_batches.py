"""Batches of photos from any decoders: every photo comes out once, every slot goes back, whatever goes wrong."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

import numpy as np
import pytest

from albumsort.album.decoders import DecodedPhoto, Decoders, KnownPhoto
from albumsort.records import Photo, PhotoFile, ReadPhoto
from albumsort.scanning.batches import PATIENCE, decoder_settings, read_in_batches
from albumsort.settings import ScanSettings
from albumsort.vision.reader import FaceReader, Picture, ReadFace


class FakeDecoders:
    """Gives photos of random shapes, known ones and bad ones, and as many at once as it has slots."""

    def __init__(self, photos: int, slots: int, seed: int, shapes: tuple[int, ...] = (64, 128, 192, 256)) -> None:
        self.photos, self.slots, self.shapes = photos, slots, shapes
        self.dice = random.Random(seed)
        self.free = threading.Semaphore(slots)
        self.out = 0
        self._lock = threading.Lock()

    def release(self, photo: DecodedPhoto) -> None:
        with self._lock:
            self.out -= 1
        self.free.release()

    def decoded(self, number: int, shape: tuple[int, int]) -> DecodedPhoto:
        assert self.free.acquire(timeout=20), "no slot comes back"
        with self._lock:
            self.out += 1
        pixels = np.empty((*shape, 3), np.uint8)
        return DecodedPhoto(Photo(str(number), 1, 1), pixels, pixels, 0)

    def __iter__(self) -> Iterator[DecodedPhoto | KnownPhoto | Photo]:
        for number in range(self.photos):
            kind = self.dice.random()
            if kind < 0.1:
                yield Photo(str(number), 1, 1, error="not an image")
            elif kind < 0.2:
                yield KnownPhoto(PhotoFile(str(number), 1, 1), "digest", None)
            else:
                yield self.decoded(number, (self.dice.choice(self.shapes), self.dice.choice(self.shapes)))


class OneOddShape(FakeDecoders):
    """All photos have one shape but the first."""

    def __iter__(self) -> Iterator[DecodedPhoto]:
        for number in range(self.photos):
            yield self.decoded(number, (320, 64) if number else (64, 64))


class NobodyThere:
    """A reader that finds nobody, and breaks at one of its calls."""

    def __init__(self, breaks_at: int = 0) -> None:
        self.calls, self.breaks_at = 0, breaks_at

    def read(self, pictures: list[Picture]) -> list[list[ReadFace]]:
        self.calls += 1
        if self.calls == self.breaks_at:
            raise RuntimeError("broken")
        return [[] for _ in pictures]


def reading(decoders: FakeDecoders, reader: NobodyThere | None = None) -> Any:
    return read_in_batches(cast(Decoders, decoders), cast(FaceReader, reader or NobodyThere()))


def name(item: ReadPhoto | KnownPhoto) -> int:
    return int(item.file.path if isinstance(item, KnownPhoto) else item.photo.path)


@pytest.mark.parametrize("slots", [1, 2, 5, 24])
@pytest.mark.parametrize("seed", range(4))
def test_every_photo_comes_out_once_with_few_slots_and_many_shapes(slots: int, seed: int) -> None:
    decoders = FakeDecoders(150, slots, seed)
    with closing(reading(decoders)) as items:
        assert sorted(map(name, items)) == list(range(150))
    assert decoders.out == 0


def test_a_photo_of_a_rare_shape_does_not_wait_for_the_end() -> None:
    order = [name(item) for item in reading(OneOddShape(400, 24, 0))]
    assert sorted(order) == list(range(400))
    assert order.index(0) < PATIENCE + 24


def test_what_breaks_a_batch_reaches_the_caller_and_no_thread_stays() -> None:
    before = threading.active_count()
    decoders = FakeDecoders(300, 8, 1)
    with pytest.raises(RuntimeError, match="broken"), closing(reading(decoders, NobodyThere(breaks_at=5))) as items:
        list(items)
    assert threading.active_count() == before


def test_leaving_early_leaves_no_thread() -> None:
    before = threading.active_count()
    with closing(reading(FakeDecoders(300, 24, 1))) as items:
        for _, _ in zip(items, range(40), strict=False):
            pass
    assert threading.active_count() == before


@pytest.mark.parametrize(("photos", "decoders"), [(None, 3), (0, 1), (1, 1), (2, 2), (3, 3), (500, 3)])
def test_there_are_no_more_decoders_than_photos(photos: int | None, decoders: int) -> None:
    assert decoder_settings(ScanSettings(workers=3), photos).workers == decoders


def test_the_detector_is_loaded_while_the_decoders_start() -> None:
    loads = threading.Event()

    class Waits(FakeDecoders):
        """Decoders that have started only when the reader loads."""

        def __iter__(self) -> Iterator[DecodedPhoto | KnownPhoto | Photo]:
            assert loads.wait(60)
            yield from super().__iter__()

    class Loads:
        def read(self, pictures: list[Picture]) -> list[list[ReadFace]]:
            loads.set()
            return [[] for _ in pictures]

    decoders = Waits(photos=3, slots=8, seed=0)
    assert len(list(read_in_batches(cast(Decoders, decoders), cast(FaceReader, Loads())))) == 3
