"""The best shot of a burst: each photo is scored by its people, their faces and its light."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from statistics import median
from typing import NamedTuple

from albumsort.arguments import checked_number, checked_one_of, checked_several, shown
from albumsort.culling.places import Place, is_same, place_of
from albumsort.culling.subjects import is_cut, subject_mask
from albumsort.emotion_words import emotions_named
from albumsort.records import Face, Photo, PhotoResult

#: The parts of a score (see ``rank_burst``) and their default weights.
WEIGHTS: Mapping[str, float] = {
    "emotion": 3.0,
    "people": 6.0,
    "sharpness": 0.5,
    "facing": 0.5,
    "whole": 1.0,
    "exposure": 0.5,
}
#: A face counts as turned away entirely if its nose is this far from the middle between the eyes, as a multiple of the
#: distance between the eyes. In profile the multiple is about a half.
_PROFILE = 0.5
#: A face belongs to the group if at least this share of the burst's shots have a face at its place. A face on fewer
#: shots may be a passer-by, a pattern that the detector takes for a face, or a person who looked up only once.
_MEMBER_SHARE = 1 / 3
#: Weight of a guest's emotion, for faces that are on fewer shots. With this weight a stranger who smiles cannot make up
#: for a member of the group who does not, but a person who looks up once and smiles decides for that shot.
_GUEST_WEIGHT = 0.5
#: If the median face has a face at its place on fewer than this share of the shots, the camera moved.
_STEADY_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class BurstShot(PhotoResult):
    """A photo of a burst with its score.

    Attributes:
        score: weighted mean of the parts, 0..1.
        parts: the values from which the score is made, 0..1 each, by the names in ``WEIGHTS``. A part that is unknown
            is left out.
    """

    score: float = 0.0
    parts: Mapping[str, float] = field(default_factory=dict)


class _People(NamedTuple):
    """The subjects of a shot: the members of the group, and the guests, who are on few shots of the burst."""

    members: list[Face]
    guests: list[Face]


def rank_burst(
    burst: Sequence[PhotoResult], emotion: str | Sequence[str], weights: Mapping[str, float] = WEIGHTS
) -> list[BurstShot]:
    """Score the photos of a burst, best first.

    Only subjects count (``culling.subjects``). A person seen on fewer than a third of the shots is a guest, and cannot
    lower the score of a shot. A score has these parts, all for the members of the group unless guests are named:

    - ``emotion``: probability of the emotion in the face that shows it least;
    - ``people``: number of people, relative to the shot that has most. A guest counts as half of the probability of the
      emotion in their face. People who turned away, who are blurred or whom the edge cuts off are missing;
    - ``sharpness``: sharpness of the least sharp face, relative to the shot for which it is highest;
    - ``facing``: how far the face that is turned away most still looks at the camera (``facing``);
    - ``whole``: share of the faces that the edge does not cut off. It is below 1 only if no face is whole and sharp;
    - ``exposure``: share of the pixels that are neither black nor white.

    Args:
        burst: photos of one moment with the faces that count.
        emotion: one or several, named as in ``emotion_words``; the probabilities of several are added up.
        weights: weights by the names in ``WEIGHTS``, 0 or more and not all 0. A part without a weight does not count.

    Returns:
        the shots, best score first; shots of equal score are ordered by path.

    Raises:
        ValueError: there is no such emotion or weight, or an argument has the wrong type.
    """
    burst = checked_several("burst", burst, PhotoResult)
    _check_weights(weights)
    people = _people(burst)
    emotions = emotions_named(emotion)
    numbers = [
        len(members) + _GUEST_WEIGHT * sum(_probability(face, emotions) for face in guests)
        for members, guests in people
    ]
    most = max(numbers, default=0)
    sharpest = max((min(face.sharpness for face in members) for members, _ in people if members), default=0.0)
    shots = []
    for result, (members, _), number in zip(burst, people, numbers, strict=True):
        photo = result.photo
        parts = {**_parts(photo, members, emotions, sharpest), "people": number / most} if most else {}
        if photo.exposure is not None:
            parts["exposure"] = photo.exposure
        total = sum(weights.get(name, 0.0) for name in parts)
        score = sum(weights.get(name, 0.0) * value for name, value in parts.items()) / total if total else 0.0
        rounded = {name: round(value, 4) for name, value in parts.items()}
        shots.append(BurstShot(photo, result.faces, round(score, 6), rounded))
    return sorted(shots, key=lambda shot: (-shot.score, shot.photo.path))


def _check_weights(weights: Mapping[str, float]) -> None:
    if not isinstance(weights, Mapping):
        raise ValueError(f"weights is {shown(weights)}; it must be a dict such as {{'emotion': 3, 'sharpness': 1}}")
    for name, weight in weights.items():
        checked_one_of("the name of a weight", name, WEIGHTS)
        checked_number(f"the weight {name}", weight, 0, sys.float_info.max)
    if not any(weights.values()):
        raise ValueError("weights are all 0; one must be more")


def facing(face: Face) -> float:
    """How far a face looks at the camera, from 0 (in profile) to 1 (straight), by the places of its eyes and nose.

    A face without landmarks counts as straight.
    """
    if len(face.landmarks) < 3:
        return 1.0
    (left_x, left_y), (right_x, right_y), (nose_x, nose_y) = face.landmarks[:3]
    dx, dy = right_x - left_x, right_y - left_y
    squared = dx * dx + dy * dy
    if not squared:
        return 0.0
    # Measured along the line through the eyes, so that a tilted head does not count as turned.
    shift = ((nose_x - (left_x + right_x) / 2) * dx + (nose_y - (left_y + right_y) / 2) * dy) / squared
    return max(0.0, 1 - abs(shift) / _PROFILE)


def _people(burst: Sequence[PhotoResult]) -> list[_People]:
    """The people of each shot."""
    subjects = [list(compress(shot.faces, subject_mask(shot.photo, shot.faces))) for shot in burst]
    places = [[place_of(face, shot.photo) for face in shot.faces] for shot in burst]

    def share(place: Place) -> float:
        """The share of the shots that have a face at a place."""
        return sum(any(is_same(place, other) for other in on_shot) for on_shot in places) / len(burst)

    shares = [
        [share(place_of(face, shot.photo)) for face in faces] for shot, faces in zip(burst, subjects, strict=True)
    ]
    if median([value for of_shot in shares for value in of_shot] or [0.0]) < _STEADY_SHARE:
        return [_People(faces, []) for faces in subjects]  # the camera moved, so places tell nothing about people
    people = []
    for faces, of_shot in zip(subjects, shares, strict=True):
        is_member = [value >= _MEMBER_SHARE for value in of_shot]
        if not any(is_member):  # all faces moved together, because the camera did
            people.append(_People(faces, []))
            continue
        is_guest = [not member for member in is_member]
        people.append(_People(list(compress(faces, is_member)), list(compress(faces, is_guest))))
    return people


def _probability(face: Face, emotions: Sequence[str]) -> float:
    return sum(face.probability(emotion) for emotion in emotions)


def _parts(photo: Photo, members: Sequence[Face], emotions: Sequence[str], sharpest: float) -> dict[str, float]:
    """The parts of a score that come from faces; 0 if the shot has none."""
    if not members:
        return dict.fromkeys(("emotion", "sharpness", "facing", "whole"), 0.0)
    least = min(face.sharpness for face in members)
    return {
        "emotion": min(_probability(face, emotions) for face in members),
        # Sharpness is a variance. With its root, a face whose details have half the contrast is half as sharp.
        "sharpness": math.sqrt(least / sharpest) if sharpest else 0.0,
        "facing": min(facing(face) for face in members),
        "whole": sum(not is_cut(face, photo) for face in members) / len(members),
    }
