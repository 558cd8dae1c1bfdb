"""The best shot of a burst is the one on which everybody looks well."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from albumsort.culling.best_shot import WEIGHTS, BurstShot, facing, rank_burst
from albumsort.records import Box, Face, Photo, PhotoResult


@pytest.fixture
def person(face_of: Callable[..., Face]) -> Callable[..., Face]:
    def make(place: int, smile: float = 0.9, height: float = 100, sharpness: float = 100.0) -> Face:
        face = face_of("happy", smile, (120.0 * place + 20, 50, height * 0.8, height))
        return replace(face, sharpness=sharpness)

    return make


def shot(name: str, *faces: Face, exposure: float | None = 0.95) -> PhotoResult:
    return PhotoResult(Photo(name, 1, 1, name, 1000, 300, "2024-05-17T12:00:00", exposure=exposure), faces)


def best(*burst: PhotoResult) -> str:
    return rank_burst(burst, "happy")[0].photo.path


def test_the_shot_on_which_everybody_smiles_wins(person: Callable[..., Face]) -> None:
    one_frowns = shot("frowns", person(0, 0.99), person(1, 0.99), person(2, 0.1))
    all_smile = shot("smile", person(0, 0.8), person(1, 0.8), person(2, 0.8))
    assert best(one_frowns, all_smile) == "smile"
    assert rank_burst((one_frowns, all_smile), "joy") == rank_burst((one_frowns, all_smile), ["happy"])


def test_a_shot_on_which_somebody_turned_away_and_is_not_found_loses(person: Callable[..., Face]) -> None:
    assert best(shot("two", person(0), person(1)), shot("three", *(person(k, 0.8) for k in range(3)))) == "three"


def test_of_shots_with_equal_smiles_the_sharp_one_wins(person: Callable[..., Face]) -> None:
    blurred = shot("blurred", person(0), person(1, sharpness=5))
    assert best(blurred, shot("sharp", person(0), person(1, sharpness=90))) == "sharp"


def test_a_face_in_profile_or_cut_off_by_the_edge_lowers_the_score(person: Callable[..., Face]) -> None:
    straight = person(0)
    eyes = straight.landmarks[:2]
    nose = (eyes[1][0], straight.landmarks[2][1])
    turned = replace(straight, landmarks=(*eyes, nose, *straight.landmarks[3:]))
    assert (facing(straight), facing(turned)) == (pytest.approx(1), 0)
    assert best(shot("turned", turned), shot("straight", straight)) == "straight"
    cut = replace(straight, box=Box(-30.0, 50.0, 80.0, 100.0))
    assert best(shot("cut", cut), shot("straight", straight)) == "straight"


def test_a_tilted_head_is_not_turned_away(person: Callable[..., Face]) -> None:
    points = tuple((y, -x) for x, y in person(0).landmarks)
    assert facing(replace(person(0), landmarks=points)) == pytest.approx(1)


def test_people_in_the_background_do_not_count(person: Callable[..., Face]) -> None:
    passer_by = person(3, 0.01, height=30)
    assert best(shot("alone", person(0, 0.7)), shot("with", person(0, 0.9), passer_by)) == "with"


def test_a_passer_by_whom_the_edge_cuts_off_changes_no_score(person: Callable[..., Face]) -> None:
    cut = replace(person(3), box=Box(-30.0, 50.0, 80.0, 100.0))
    clean, passed = rank_burst(
        [shot("clean", person(0), person(1)), shot("passed", person(0), person(1), cut)], "happy"
    )
    assert (clean.photo.path, clean.score) == ("clean", passed.score)
    assert clean.parts["people"] == clean.parts["whole"] == 1.0


def test_a_member_of_the_group_whom_the_edge_cuts_off_is_missing(person: Callable[..., Face]) -> None:
    cut = replace(person(1), box=Box(950.0, 50.0, 80.0, 100.0))
    clean, spoilt = rank_burst([shot("a cut", person(0), cut), shot("b clean", person(0), person(1))], "happy")
    assert (clean.photo.path, spoilt.parts["people"], spoilt.parts["whole"]) == ("b clean", 0.5, 1.0)


def test_exposure_decides_among_shots_without_people(person: Callable[..., Face]) -> None:
    shots = rank_burst([shot("dark", exposure=0.2), shot("light", exposure=0.9)], "happy")
    assert [(shot.photo.path, shot.score, dict(shot.parts)) for shot in shots] == [
        ("light", 0.9, {"exposure": 0.9}),
        ("dark", 0.2, {"exposure": 0.2}),
    ]


def test_weights_decide_which_shot_wins(person: Callable[..., Face]) -> None:
    sharp, smile = shot("sharp", person(0, 0.3)), shot("smile", person(0, 0.9, sharpness=20))
    assert best(sharp, smile) == "smile"
    (first, _) = rank_burst([sharp, smile], "happy", {"sharpness": 1.0})
    assert (first.photo.path, first.score) == ("sharp", 1.0)
    assert set(first.parts) == set(WEIGHTS)
    assert all(0 <= value <= 1 for value in first.parts.values())


def test_a_score_is_the_weighted_mean_of_its_parts(person: Callable[..., Face]) -> None:
    best_of_two = rank_burst([shot("a", person(0, 0.6)), shot("b", person(0, 0.8))], "happy")[0]
    total = sum(WEIGHTS[name] * value for name, value in best_of_two.parts.items())
    assert best_of_two.score == pytest.approx(total / sum(WEIGHTS.values()), abs=1e-3)


def test_a_person_on_one_of_many_shots_does_not_lower_its_score(person: Callable[..., Face]) -> None:
    group = person(0, 0.9), person(1, 0.9)
    frowns = [shot(f"frowns{k}", person(0, 0.9), person(1, 0.3)) for k in range(3)]
    passed = shot("passed", *group, person(4, 0.0))
    assert best(*frowns, passed) == "passed"
    # The same person on half of the shots belongs to the group.
    assert best(*(shot(f"there{k}", *group, person(4, 0.2)) for k in range(3)), passed) != "passed"


def test_a_person_who_looks_up_once_and_smiles_decides_for_that_shot(person: Callable[..., Face]) -> None:
    group = person(0, 0.9), person(1, 0.9)
    alone = [shot(f"alone{k}", *group) for k in range(6)]
    assert best(*alone, shot("all", *group, person(2, 0.8))) == "all"


def test_while_the_camera_moves_everybody_belongs_to_the_group(person: Callable[..., Face]) -> None:
    moving = [shot(f"{k}", person(2 * k, 0.9), person(2 * k + 1, 0.1 if k else 0.8)) for k in range(4)]
    first, *others = rank_burst(moving, "happy")
    assert first.photo.path == "0"
    assert {shot.parts["people"] for shot in (first, *others)} == {1.0}
    assert {shot.parts["emotion"] for shot in others} == {0.1}


def test_a_face_that_moves_less_than_half_its_height_stays_the_same_person(person: Callable[..., Face]) -> None:
    def shifted(face: Face, by: float, factor: float = 1.0) -> Face:
        x, y, w, h = face.box
        return replace(face, box=Box(x + by, y, w * factor, h * factor))

    group = person(0, 0.9), person(5, 0.9)
    stays = [shot(f"{k}", *group, shifted(person(2, 0.1), 20 * (k % 3))) for k in range(6)]
    assert {shot.parts["emotion"] for shot in rank_burst(stays, "happy")} == {0.1}
    goes = [shot(f"{k}", *group, shifted(person(2, 0.1), 55 * k)) for k in range(6)]
    assert {shot.parts["emotion"] for shot in rank_burst(goes, "happy")[:2]} == {0.9}
    grows = [shot(f"{k}", *group, shifted(person(2, 0.1), 0, 2.5 if k else 1.0)) for k in range(6)]
    assert [shot.parts["emotion"] for shot in rank_burst(grows, "happy") if shot.photo.path == "0"] == [0.9]


def test_a_shot_on_which_all_moved_together_keeps_its_people(person: Callable[..., Face]) -> None:
    neutral = [shot(f"neutral{k}", person(0, 0.9), person(2, 0.1)) for k in range(5)]
    moved = shot("moved", person(1, 0.9), person(3, 0.9))
    assert best(*neutral, moved) == "moved"
    alone = [shot(f"alone{k}", person(0, 0.1)) for k in range(5)]
    assert best(*alone, shot("laughs", person(1, 0.9))) == "laughs"


def test_a_stranger_who_smiles_does_not_outweigh_the_group(person: Callable[..., Face]) -> None:
    alone = [shot(f"alone{k}", person(0, 0.1)) for k in range(4)]
    smiles = shot("smiles", person(0, 0.9))
    assert best(*alone, smiles, shot("stranger", person(0, 0.1), person(3, 0.95))) == "smiles"
    pair = [shot(f"pair{k}", person(0, 0.9), person(1, 0.9)) for k in range(8)]
    strangers = shot("strangers", person(0, 0.9), person(3, 0.95), person(5, 0.95))
    assert best(*pair, strangers) != "strangers"


def test_shots_of_different_sizes_show_the_same_people(person: Callable[..., Face]) -> None:
    def halved(face: Face) -> Face:
        return replace(face, box=face.box.scaled(0.5, 0.5))

    small = [shot(f"{k}", halved(person(0, 0.9)), halved(person(1, 0.1))) for k in range(6)]
    small = [replace(result, photo=replace(result.photo, width=500, height=150)) for result in small]
    shots = rank_burst([*small, shot("large", person(0), person(1, 0.2))], "happy")
    assert {shot.parts["emotion"] for shot in shots} == {0.1, 0.2}


def test_shots_keep_their_photos_and_faces_and_equal_scores_are_ordered_by_path(person: Callable[..., Face]) -> None:
    burst = [shot("b", person(0)), shot("a", person(0))]
    first, second = rank_burst(burst, "happy")
    assert isinstance(first, BurstShot) and isinstance(first, PhotoResult)
    assert (first.photo, first.faces, second.photo) == (burst[1].photo, burst[1].faces, burst[0].photo)
    assert first.score == second.score


def test_the_default_weights_are_those_of_the_page_on_finding_photos() -> None:
    page = (Path(__file__).parents[2] / "examples" / "finding.md").read_text(encoding="utf-8")
    assert {name: float(weight) for name, weight in re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", page, re.M)} == WEIGHTS


@pytest.mark.parametrize(
    ("shift", "expected"), [(0.0, 1.0), (0.1, 0.8), (-0.1, 0.8), (0.25, 0.5), (0.49, 0.02), (0.5, 0.0), (0.7, 0.0)]
)
def test_a_face_is_in_profile_when_its_nose_is_half_the_distance_of_the_eyes_off(
    person: Callable[..., Face], shift: float, expected: float
) -> None:
    landmarks = ((10.0, 50.0), (50.0, 50.0), (30.0 + 40 * shift, 70.0), (20.0, 90.0), (40.0, 90.0))
    assert facing(replace(person(0), landmarks=landmarks)) == pytest.approx(expected)


def test_a_face_without_landmarks_counts_as_straight_and_one_with_eyes_at_one_point_does_not(
    person: Callable[..., Face],
) -> None:
    assert facing(replace(person(0), landmarks=())) == 1.0
    assert facing(replace(person(0), landmarks=((10.0, 50.0), (10.0, 50.0), (10.0, 70.0)))) == 0.0


def test_who_is_on_a_third_of_the_shots_belongs_to_the_group(person: Callable[..., Face]) -> None:
    def emotion_with(frowner: Face, number: int) -> float:
        """The part ``emotion`` of the one shot of a burst of so many that the frowner is on."""
        burst = [shot("with", person(0), frowner), *(shot(f"{k}", person(0)) for k in range(number - 1))]
        return next(result.parts["emotion"] for result in rank_burst(burst, "happy") if result.photo.path == "with")

    assert emotion_with(person(3, 0.1), 3) == 0.1
    assert emotion_with(person(3, 0.1), 4) == 0.9


@pytest.mark.parametrize("smile", [0.2, 0.8])
def test_a_guest_counts_as_half_of_their_smile(person: Callable[..., Face], smile: float) -> None:
    burst = [shot("guest", person(0), person(3, smile)), *(shot(f"{k}", person(0)) for k in range(4))]
    parts = {result.photo.path: result.parts for result in rank_burst(burst, "happy")}
    assert parts["guest"]["people"] == 1.0
    assert parts["0"]["people"] == pytest.approx(1 / (1 + smile / 2), abs=1e-4)


@pytest.mark.parametrize(
    ("across", "down", "factor", "is_same"),
    [
        (49, 0, 1.0, True),
        (51, 0, 1.0, False),
        (-49, 0, 1.0, True),
        (-51, 0, 1.0, False),
        (0, 49, 1.0, True),
        (0, 51, 1.0, False),
        (0, 0, 1.99, True),
        (0, 0, 2.01, False),
        (0, 0, 0.51, True),
        (0, 0, 0.49, False),
        (74, 0, 2.0, True),
        (76, 0, 2.0, False),
    ],
)
def test_a_person_stays_within_half_a_height_and_twice_the_size(
    person: Callable[..., Face], across: float, down: float, factor: float, is_same: bool
) -> None:
    x, y, w, h = (300.0, 100.0, 80.0, 100.0)
    frowner = replace(person(0, 0.1), box=Box(x, y, w, h))
    middle = (x + w / 2 + across, y + h / 2 + down)
    box = Box(middle[0] - w * factor / 2, middle[1] - h * factor / 2, w * factor, h * factor)
    group = person(0), person(5), person(6)
    # Of four shots two have the frowner; only if both are at one place does that make a member of the group.
    burst = [shot("0", *group, frowner)]
    burst += [shot("other", *group, replace(frowner, box=box)), *(shot(f"without{k}", *group) for k in range(2))]
    emotions = {result.photo.path: result.parts["emotion"] for result in rank_burst(burst, "happy")}
    assert emotions["0"] == (0.1 if is_same else 0.9)


def test_the_camera_moved_when_the_median_face_is_in_its_place_on_fewer_than_half_of_the_shots(
    person: Callable[..., Face],
) -> None:
    def emotion(*places: int) -> float:
        """The part ``emotion`` of the first shot, on which a frowning guest is, too."""
        first, *others = places
        burst = [shot("0", person(first), person(7, 0.1)), *(shot(f"{k + 1}", person(p)) for k, p in enumerate(others))]
        return next(result.parts["emotion"] for result in rank_burst(burst, "happy") if result.photo.path == "0")

    assert emotion(0, 0, 3, 3) == 0.9
    assert emotion(0, 0, 3, 3, 5) == 0.1
