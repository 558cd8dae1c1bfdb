"""The detector: a batched MTCNN cascade. One network proposes windows on a pyramid; two others refine them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from albumsort.arguments import checked_number
from albumsort.records import Box, Detection
from albumsort.resize import check_pixels, enlarge, shrink
from albumsort.vision.mtcnn import Networks, cut_patches, load

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

#: The largest number of pixels on the long side of the copy of a picture that is searched for faces.
SMALL_SIDE = 1024
#: A smaller picture is enlarged to ``SMALL_SIDE``, but at most by this factor. Of faces of less than 24 pixels on
#: street photos of 400 pixels, 58 % are found instead of 19 %; of larger ones, 88 % instead of 85 %.
MOST_ENLARGED = 4.0
#: The smallest face by default, in percent of the picture's long side.
MIN_FACE_PERCENT = 2.5
#: With fewer pixels than this in the copy that is searched, a face cannot be told from a leaf.
MIN_FACE_PIXELS = 20
#: The window and the stride of the proposal network in pixels, and the step of its pyramid (Zhang et al. 2016).
CELL, STRIDE, PYRAMID_STEP = 12, 2, 0.709
#: The scores that a window must exceed after the proposal, refinement and output network. The paper's code has 0.6, 0.7
#: and 0.7. Of 480 pasted FER2013 faces, our first two find 381 where the paper's find 382, with 30 % fewer windows to
#: refine. The last is higher, since a false face puts a wrong photo into a list.
SCORES = (0.7, 0.6, 0.9)
#: Levels with more than ``SPARSE_SIDE`` pixels on the long side hold the small faces and three quarters of all windows.
#: There, only every other window in both directions is evaluated, and ``SPARSE_SCORE`` is enough for it. This finds at
#: least 99 % of the faces that all windows find (tests/benchmarks/found_faces.py), in two thirds of the proposal
#: network's time.
SPARSE_SIDE, SPARSE_SCORE = 300, 0.5
#: If two windows overlap by more than this, the one with the lower score is dropped: within a level, between levels,
#: after the refinement network, and after the output network.
OVERLAPS = (0.5, 0.7, 0.7, 0.7)
#: A face is upside down if the output network is surer of it upside down, by this difference of log odds. Of 245
#: upright faces none has more than 1.5; of six faces that were found upside down, five have 3.0 or more.
UPSIDE_DOWN = 2.0
#: The sides of a canvas are multiples of this. So most photos of an album share a canvas, and go through in one batch.
CANVAS_STEP = 64
#: The most pictures in a batch, pixels in one call of the proposal network, and patches in one call of the other two by
#: their side. They limit the memory; larger calls are no faster.
MAX_PICTURES, MAX_PIXELS, MAX_PATCHES = 16, 1 << 19, {24: 128, 48: 64}


@dataclass(frozen=True)
class _Level:
    """One level of the pyramid: uint8 ``(n, h, w, 3)``, and its size as a share of the canvas, in x and y."""

    pictures: NDArray[np.uint8]
    scale: tuple[float, float]


@dataclass(frozen=True)
class _Windows:
    """Boxes of many pictures: edges ``(m, 4)`` left, top, right, bottom; picture numbers and scores ``(m,)``."""

    edges: Floats
    picture: Ints
    score: Floats

    def __getitem__(self, keep: NDArray[np.int64] | NDArray[np.bool_]) -> _Windows:
        return _Windows(self.edges[keep], self.picture[keep], self.score[keep])

    def __len__(self) -> int:
        return len(self.score)


class FaceDetector:
    """Finds faces, many pictures at a time.

    The faces of a picture do not depend on the other pictures of the batch, except for rounding.
    """

    def __init__(self, min_face: float = MIN_FACE_PERCENT, device: str = "auto", callers: int = 1) -> None:
        """Load the networks.

        Args:
            min_face: the smallest face to find, in percent of a picture's long side; above 0, at most 100.
            device: ``auto``, ``cpu`` or ``gpu``.
            callers: how many threads will search at once; each call then uses its share of the cores.

        Raises:
            ValueError: ``min_face`` is not in that range.
            AlbumsortError: a network is missing, or a GPU was requested and there is none.
        """
        if not checked_number("min_face", min_face, 0, 100):
            raise ValueError("min_face is 0; it must be above 0")
        self._min_face = min_face
        self._networks: Networks = load(device, callers)

    def detect(self, pictures: Sequence[NDArray[np.uint8]], side: int = SMALL_SIDE) -> list[list[Detection]]:
        """Find the faces in pictures.

        Args:
            pictures: uint8 RGB ``(height, width, 3)`` each, upright, of any sizes.
            side: the number of pixels on the long side of the copies that are searched. With fewer, the search is
                quicker and finds no small faces.

        Returns:
            the faces of each picture, the largest first, in pixels of that picture.

        Raises:
            ValueError: a picture has another shape or dtype.
        """
        for picture in pictures:
            check_pixels(picture)
        found: list[list[Detection]] = [[] for _ in pictures]
        groups: dict[tuple[int, int, int], list[tuple[int, NDArray[np.uint8]]]] = defaultdict(list)
        for number, picture in enumerate(pictures):
            small = enlarge(shrink(picture, side), side, MOST_ENLARGED)
            height, width = small.shape[:2]
            smallest = max(MIN_FACE_PIXELS, round(max(height, width) * self._min_face / 100))
            groups[_ceil(height), _ceil(width), smallest].append((number, small))
        for (height, width, smallest), members in groups.items():
            for start in range(0, len(members), MAX_PICTURES):
                batch = members[start : start + MAX_PICTURES]
                canvas = np.zeros((len(batch), height, width, 3), np.uint8)
                for place, (_, small) in enumerate(batch):
                    canvas[place, : small.shape[0], : small.shape[1]] = small
                for (number, small), faces in zip(batch, self._cascade(canvas, smallest), strict=True):
                    found[number] = [_enlarged(face, small, pictures[number]) for face in faces]
        return found

    def _cascade(self, canvas: NDArray[np.uint8], smallest: int) -> list[list[Detection]]:
        """Find faces of at least ``smallest`` pixels in each picture of one canvas, uint8 ``(n, h, w, 3)``."""
        levels = [_Level(pictures, scale) for pictures, scale in _pyramid(canvas, smallest)]
        if len(levels) == 1:  # a strip that is too narrow for such a face
            return [[] for _ in canvas]
        windows = self._propose(levels[1:])
        scores, shifts, _ = self._judge(levels, windows, 24)
        windows = _moved(windows, scores, shifts)[scores > SCORES[1]]
        windows = windows[_best_of_overlapping(windows, windows.picture, OVERLAPS[2])]
        squares = _squared(windows)
        scores, shifts, marks = self._judge(levels, squares, 48)
        good = scores > SCORES[2]
        squares, landmarks = squares[good], _landmarks(squares.edges[good], marks[good])
        windows = _moved(squares, scores[good], shifts[good])
        kept = _best_without_nested(windows, OVERLAPS[3])
        windows, landmarks = self._set_right(levels, squares[kept], windows[kept], landmarks[kept])
        faces: list[list[Detection]] = [[] for _ in canvas]
        for k in range(len(windows)):
            left, top, right, bottom = (float(edge) for edge in windows.edges[k])
            if max(right - left, bottom - top) < smallest:
                continue  # the networks shrank a window below the smallest face
            points = tuple((float(x), float(y)) for x, y in landmarks[k])
            faces[windows.picture[k]].append(
                Detection(Box(left, top, right - left, bottom - top), float(windows.score[k]), points)
            )
        return [sorted(each, key=lambda face: -face.box.area) for each in faces]

    def _set_right(
        self, levels: list[_Level], squares: _Windows, windows: _Windows, landmarks: Floats
    ) -> tuple[_Windows, Floats]:
        """Correct the faces that are upside down.

        The networks take some of them for upright faces, with the eyes where the mouth is. The output network sees each
        face once more, upside down. If it is then surer, its box, score and landmarks are those of that look.

        Args:
            levels: the pyramid.
            squares: the windows from which the output network found the faces.
            windows: the faces.
            landmarks: of the faces, ``(m, 5, 2)``.

        Returns:
            the faces and their landmarks.
        """
        scores, shifts, marks = self._judge(levels, squares, 48, upside_down=True)
        turned = _moved(squares, scores, -shifts[:, [2, 3, 0, 1]])
        is_turned = _log_odds(scores) > _log_odds(windows.score) + UPSIDE_DOWN
        return (
            _Windows(
                np.where(is_turned[:, None], turned.edges, windows.edges),
                windows.picture,
                np.where(is_turned, scores, windows.score),
            ),
            np.where(is_turned[:, None, None], _landmarks(squares.edges, 1 - marks), landmarks),
        )

    def _propose(self, levels: list[_Level]) -> _Windows:
        """Square windows that may hold a face, on the scale of the canvas."""
        parts: list[_Windows] = []
        groups: list[Ints] = []
        for depth, level in enumerate(levels):
            count, height, width, _ = level.pictures.shape
            is_sparse = max(height, width) > SPARSE_SIDE
            propose = self._networks.sparse_proposal if is_sparse else self._networks.proposal
            share = max(1, MAX_PIXELS // (height * width))
            outputs = [propose(level.pictures[start : start + share]) for start in range(0, count, share)]
            stride, least = (2 * STRIDE, SPARSE_SCORE) if is_sparse else (STRIDE, SCORES[0])
            scores, shifts = (np.concatenate(each) for each in zip(*outputs, strict=True))
            picture, row, column = np.nonzero(scores > least)
            corner = np.stack([column, row, column, row], 1) * stride + np.array([0, 0, CELL, CELL])
            edges = (corner + shifts[picture, row, column] * CELL) / np.tile(level.scale, 2)
            parts.append(_Windows(edges.astype(np.float32), picture, scores[picture, row, column]))
            groups.append(picture * len(levels) + depth)
        windows, group = _joined(parts), np.concatenate(groups)
        windows = windows[_best_of_overlapping(windows, group, OVERLAPS[0])]
        windows = windows[_best_of_overlapping(windows, windows.picture, OVERLAPS[1])]
        return _squared(windows)

    def _judge(
        self, levels: list[_Level], windows: _Windows, side: int, *, upside_down: bool = False
    ) -> tuple[Floats, Floats, Floats]:
        """Run the refinement (``side`` 24) or output network (``side`` 48) on windows, or on them upside down.

        Returns:
            scores ``(m,)``, shifts ``(m, 4)`` and landmarks ``(m, 10)``, the latter only from the output network.
        """
        # Each patch is taken from the smallest level in which it has ``side`` pixels or more: shrinking it by more than
        # the pyramid's step would alias, and the network's input should not depend on the size of the face.
        size = windows.edges[:, 2] - windows.edges[:, 0]
        scale = np.array([level.scale[0] for level in levels])
        enough = size[:, None] * scale[None] >= side
        choice = np.where(enough.any(1), len(levels) - 1 - enough[:, ::-1].argmax(1), 0)
        # Patches of several levels go through the network together, because a call with few takes nearly as long as a
        # full one.
        order = np.argsort(choice, kind="stable")
        network = self._networks.refine if side == 24 else self._networks.output
        scores, shifts, marks = (np.empty((len(windows), *shape), np.float32) for shape in ((), (4,), (10,)))
        patches = np.empty((min(len(order), MAX_PATCHES[side]), side, side, 3), np.float32)
        for start in range(0, len(order), MAX_PATCHES[side]):
            part = order[start : start + MAX_PATCHES[side]]
            for depth in np.unique(choice[part]):
                places = np.flatnonzero(choice[part] == depth)  # a range, because of the order
                chosen, target = part[places], patches[places[0] : places[-1] + 1]
                ends = _sampling(windows.edges[chosen], levels[depth], side)
                # Samples from the last to the first are the patch upside down.
                first, last = reversed(ends) if upside_down else ends
                cut_patches(levels[depth].pictures, first, last, windows.picture[chosen].tolist(), side, target)
            for rows, output in zip((scores, shifts, marks), network(patches[: len(part)]), strict=False):
                rows[part] = output
        return scores, shifts, marks


def _ceil(pixels: int) -> int:
    return -(-pixels // CANVAS_STEP) * CANVAS_STEP


def _pyramid(canvas: NDArray[np.uint8], smallest: int) -> Iterator[tuple[NDArray[np.uint8], tuple[float, float]]]:
    """The levels, each with its scales in x and y: the canvas, then all from where the smallest face fills a cell."""
    height, width = canvas.shape[1:3]
    yield canvas, (1.0, 1.0)
    scale = CELL / smallest
    halved, share = canvas, 1.0
    while min(height, width) * scale >= CELL:
        # Halving is quick and exact. For the rest, a factor below two, linear weights are enough.
        while share >= 2 * scale:
            half = (max(1, halved.shape[2] // 2), max(1, halved.shape[1] // 2))
            halved, share = _resized(halved, half, cv2.INTER_AREA), share / 2
        size = (round(width * scale), round(height * scale))
        yield _resized(halved, size, cv2.INTER_LINEAR), (size[0] / width, size[1] / height)
        scale *= PYRAMID_STEP


def _resized(pictures: NDArray[np.uint8], size: tuple[int, int], weights: int) -> NDArray[np.uint8]:
    smaller = np.empty((len(pictures), size[1], size[0], 3), np.uint8)
    for picture, place in zip(pictures, smaller, strict=True):
        cv2.resize(picture, size, place, interpolation=weights)
    return smaller


def _sampling(edges: Floats, level: _Level, side: int) -> tuple[Floats, Floats]:
    """The positions ``(m, 2)`` of the first and the last sample of each patch, as x and y.

    The samples are the centres of ``side`` equal parts of the box. The centre of a pixel is at its index in the result,
    and at its index plus one half in ``edges``.
    """
    box = edges * np.tile(level.scale, 2).astype(np.float32)
    half = (box[:, 2:] - box[:, :2]) / side / 2
    half_pixel = np.float32(0.5)
    first: Floats = np.asarray(box[:, :2] + half - half_pixel, np.float32)
    last: Floats = np.asarray(box[:, 2:] - half - half_pixel, np.float32)
    return first, last


def _log_odds(scores: Floats) -> Floats:
    """The logarithm of ``score / (1 - score)``, for scores from 0 to 1."""
    inner = scores.clip(1e-6, 1 - 1e-6)
    return np.asarray(np.log(inner / (1 - inner)), np.float32)


def _joined(parts: list[_Windows]) -> _Windows:
    return _Windows(
        np.concatenate([part.edges for part in parts]),
        np.concatenate([part.picture for part in parts]),
        np.concatenate([part.score for part in parts]),
    )


def _moved(windows: _Windows, scores: Floats, shifts: Floats) -> _Windows:
    """Give windows a network's scores, and move their edges by its shifts."""
    size = windows.edges[:, 2:] - windows.edges[:, :2]
    return _Windows(windows.edges + shifts * np.tile(size, 2), windows.picture, scores)


def _squared(windows: _Windows) -> _Windows:
    """Enlarge windows to squares around their centres."""
    centre = (windows.edges[:, :2] + windows.edges[:, 2:]) / 2
    half = (windows.edges[:, 2:] - windows.edges[:, :2]).max(1, initial=0)[:, None] / 2
    return _Windows(np.concatenate([centre - half, centre + half], 1), windows.picture, windows.score)


def _landmarks(edges: Floats, marks: Floats) -> Floats:
    """Five points ``(m, 5, 2)`` in pixels, from marks ``(m, 10)`` in shares of the boxes: five x, then five y."""
    shares = np.stack([marks[:, :5], marks[:, 5:]], 2)
    return edges[:, None, :2] + shares * (edges[:, None, 2:] - edges[:, None, :2])


def _best_of_overlapping(windows: _Windows, group: Ints, overlap: float) -> Ints:
    """Non-maximum suppression within each group, by intersection over union; the best first."""
    if not len(windows):
        return np.empty(0, np.int64)
    boxes = np.concatenate([windows.edges[:, :2], windows.edges[:, 2:] - windows.edges[:, :2]], 1)
    kept = []
    for member in np.unique(group):
        chosen = np.flatnonzero(group == member)
        best = cv2.dnn.NMSBoxes(boxes[chosen].tolist(), windows.score[chosen].tolist(), 0.0, overlap)
        kept.append(chosen[np.asarray(best, np.int64).ravel()])
    return np.concatenate(kept)


def _best_without_nested(windows: _Windows, overlap: float) -> Ints:
    """Non-maximum suppression within each picture, by intersection over the smaller area: a nested face is dropped."""
    kept: list[int] = []
    for k in np.argsort(-windows.score, kind="stable"):
        rivals = [j for j in kept if windows.picture[j] == windows.picture[k]]
        edges = windows.edges[rivals]
        sides = np.minimum(edges[:, 2:], windows.edges[k, 2:]) - np.maximum(edges[:, :2], windows.edges[k, :2])
        common = sides.clip(0).prod(1)
        area = (windows.edges[:, 2:] - windows.edges[:, :2]).prod(1)
        if not (common > overlap * np.minimum(area[rivals], area[k])).any():
            kept.append(int(k))
    return np.array(kept, np.int64)


def _enlarged(face: Detection, small: NDArray[np.uint8], picture: NDArray[np.uint8]) -> Detection:
    """Convert a face that was found in the small copy to pixels of the picture."""
    return face.scaled(picture.shape[1] / small.shape[1], picture.shape[0] / small.shape[0])
