"""The best frame of a burst is the one in which everybody looks well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from albumsort.culling.best_shot import WEIGHTS, facing, judged
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
    return judged(burst, "happy")[0].photo.path


def test_the_frame_where_everybody_smiles_wins(person: Callable[..., Face]) -> None:
    one_frowns = shot("frowns", person(0, 0.99), person(1, 0.99), person(2, 0.1))
    all_smile = shot("smile", person(0, 0.8), person(1, 0.8), person(2, 0.8))
    assert best(one_frowns, all_smile) == "smile"


def test_who_turned_away_and_is_not_found_spoils_a_frame(person: Callable[..., Face]) -> None:
    assert best(shot("two", person(0), person(1)), shot("three", *(person(k, 0.8) for k in range(3)))) == "three"


def test_of_equal_smiles_the_sharp_frame_wins(person: Callable[..., Face]) -> None:
    blurred = shot("blurred", person(0), person(1, sharpness=5))
    assert best(blurred, shot("sharp", person(0), person(1, sharpness=90))) == "sharp"


def test_a_face_in_profile_or_cut_by_the_edge_counts_against_a_frame(person: Callable[..., Face]) -> None:
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


def test_a_passer_by_whom_the_edge_cuts_neither_wins_nor_loses_a_burst(person: Callable[..., Face]) -> None:
    cut = replace(person(3), box=Box(-30.0, 50.0, 80.0, 100.0))
    clean, passed = judged([shot("clean", person(0), person(1)), shot("passed", person(0), person(1), cut)], "happy")
    assert (clean.photo.path, clean.score) == ("clean", passed.score)
    assert clean.parts["people"] == clean.parts["whole"] == 1.0


def test_a_friend_whom_the_edge_cuts_is_missing(person: Callable[..., Face]) -> None:
    cut = replace(person(1), box=Box(950.0, 50.0, 80.0, 100.0))
    clean, spoilt = judged([shot("a cut", person(0), cut), shot("b clean", person(0), person(1))], "happy")
    assert (clean.photo.path, spoilt.parts["people"], spoilt.parts["whole"]) == ("b clean", 0.5, 1.0)


def test_exposure_decides_where_nobody_is(person: Callable[..., Face]) -> None:
    frames = judged([shot("dark", exposure=0.2), shot("light", exposure=0.9)], "happy")
    assert [(frame.photo.path, frame.score, dict(frame.parts)) for frame in frames] == [
        ("light", 0.9, {"exposure": 0.9}),
        ("dark", 0.2, {"exposure": 0.2}),
    ]


def test_weights_decide_and_parts_are_shown(person: Callable[..., Face]) -> None:
    sharp, smile = shot("sharp", person(0, 0.3)), shot("smile", person(0, 0.9, sharpness=20))
    assert best(sharp, smile) == "smile"
    (first, _) = judged([sharp, smile], "happy", {"sharpness": 1.0})
    assert (first.photo.path, first.score) == ("sharp", 1.0)
    assert set(first.parts) == set(WEIGHTS)
    assert all(0 <= value <= 1 for value in first.parts.values())


def test_a_score_is_the_weighted_mean_of_its_parts(person: Callable[..., Face]) -> None:
    frame = judged([shot("a", person(0, 0.6)), shot("b", person(0, 0.8))], "happy")[0]
    total = sum(WEIGHTS[name] * value for name, value in frame.parts.items())
    assert frame.score == pytest.approx(total / sum(WEIGHTS.values()), abs=1e-3)


def test_who_passes_by_one_of_many_frames_does_not_spoil_it(person: Callable[..., Face]) -> None:
    group = person(0, 0.9), person(1, 0.9)
    frowns = [shot(f"frowns{k}", person(0, 0.9), person(1, 0.3)) for k in range(3)]
    passed = shot("passed", *group, person(4, 0.0))
    assert best(*frowns, passed) == "passed"
    # On half of the frames, he is one of the group.
    assert best(*(shot(f"there{k}", *group, person(4, 0.2)) for k in range(3)), passed) != "passed"


def test_who_looks_up_once_and_smiles_makes_the_frame(person: Callable[..., Face]) -> None:
    group = person(0, 0.9), person(1, 0.9)
    alone = [shot(f"alone{k}", *group) for k in range(6)]
    assert best(*alone, shot("all", *group, person(2, 0.8))) == "all"


def test_while_the_camera_moves_nobody_has_a_place(person: Callable[..., Face]) -> None:
    moving = [shot(f"{k}", person(2 * k, 0.9), person(2 * k + 1, 0.1 if k else 0.8)) for k in range(4)]
    first, *others = judged(moving, "happy")
    assert first.photo.path == "0"
    assert {frame.parts["people"] for frame in (first, *others)} == {1.0}
    assert {frame.parts["emotion"] for frame in others} == {0.1}


def test_a_face_that_moves_less_than_half_its_height_stays(person: Callable[..., Face]) -> None:
    def shifted(face: Face, by: float, factor: float = 1.0) -> Face:
        x, y, w, h = face.box
        return replace(face, box=Box(x + by, y, w * factor, h * factor))

    group = person(0, 0.9), person(5, 0.9)
    stays = [shot(f"{k}", *group, shifted(person(2, 0.1), 20 * (k % 3))) for k in range(6)]
    assert {frame.parts["emotion"] for frame in judged(stays, "happy")} == {0.1}
    goes = [shot(f"{k}", *group, shifted(person(2, 0.1), 55 * k)) for k in range(6)]
    assert {frame.parts["emotion"] for frame in judged(goes, "happy")[:2]} == {0.9}
    grows = [shot(f"{k}", *group, shifted(person(2, 0.1), 0, 2.5 if k else 1.0)) for k in range(6)]
    assert [frame.parts["emotion"] for frame in judged(grows, "happy") if frame.photo.path == "0"] == [0.9]


def test_a_frame_in_which_all_have_moved_together_keeps_its_people(person: Callable[..., Face]) -> None:
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


def test_frames_of_another_size_are_of_the_same_people(person: Callable[..., Face]) -> None:
    def halved(face: Face) -> Face:
        return replace(face, box=face.box.scaled(0.5, 0.5))

    small = [shot(f"{k}", halved(person(0, 0.9)), halved(person(1, 0.1))) for k in range(6)]
    small = [replace(one, photo=replace(one.photo, width=500, height=150)) for one in small]
    frames = judged([*small, shot("large", person(0), person(1, 0.2))], "happy")
    assert {frame.parts["emotion"] for frame in frames} == {0.1, 0.2}
