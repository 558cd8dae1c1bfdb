"""A wrong argument in Python is a ValueError of one line that names it, whichever public name it is given to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import albumsort
from albumsort import Index, PhotoResult, RankedPhoto
from albumsort.index.statistics import Timeline

PIXELS = np.zeros((60, 80, 3), np.uint8)


def message(call: Callable[[], Any]) -> str:
    with pytest.raises(ValueError) as refused:
        call()
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda index: index.top(5), "5 is not one of angry"),
        (lambda index: index.top("happy", "3"), "n is '3'; it must be a whole number"),
        (lambda index: index.top("happy", threshold="0.5"), "the threshold is '0.5'; it must be a number"),
        (lambda index: index.top("happy", filters={"since": "2024"}), "filters is {'since': '2024'}"),
        (lambda index: index.top("happy", everyone="no"), "everyone is 'no'; it must be True or False"),
        (lambda index: index.search("happy"), "query is 'happy'; it must be a Query"),
        (lambda index: index.photos({"n": 3}), "query is {'n': 3}; it must be a Query"),
        (lambda index: index.bursts("happy"), "query is 'happy'; it must be a Query"),
        (lambda index: index.stats(albumsort.Filters()), "query is Filters("),
        (lambda index: index.timeline(2024), "query is 2024; it must be a Query"),
        (lambda index: index.photo(5), "path is 5; it must be the path of a file or folder"),
    ],
)
def test_a_wrong_argument_of_a_question_is_named(scanned: Path, call: Callable, words: str) -> None:
    with Index(scanned) as index:
        assert words in message(lambda: call(index))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: albumsort.Index(5), "index is 5; it must be the path"),
        (lambda: albumsort.scan(5, "index.db"), "paths is 5; it must be the path"),
        (lambda: albumsort.scan(["photos", None], "index.db"), "paths is None; it must be the path"),
        (lambda: albumsort.scan("photos", None), "index is None; it must be the path"),
        (lambda: albumsort.scan("photos", "index.db", {"min_face": 3}), "settings is {'min_face': 3}; it must be a Sc"),
        (lambda: albumsort.scan("photos", "index.db", None, 5), "progress is 5; it must be a function"),
        (lambda: next(albumsort.predict(5)), "an image is 5; it must be a path, or a uint8 array"),
        (lambda: next(albumsort.predict(["a.jpg", [1, 2]])), "an image is [1, 2]; it must be a path, or a uint8 array"),
        (lambda: next(albumsort.predict(PIXELS.astype(float))), "a picture is float64 (60, 80, 3), not uint8"),
        (lambda: next(albumsort.predict("a.jpg", {"device": "cpu"})), "settings is {'device': 'cpu'}"),
        (lambda: next(albumsort.predict("a.jpg", cropped="no")), "cropped is 'no'; it must be True or False"),
        (lambda: albumsort.ScanSettings(exclude=5), "exclude is 5; it must be a list"),
        (lambda: albumsort.ScanSettings(rescan="no"), "rescan is 'no'; it must be True or False"),
        (lambda: albumsort.ScanSettings(model=5), "model is 5; it must be the path"),
        (lambda: albumsort.ScanSettings(workers=1.5), "workers is 1.5; it must be a whole number"),
        (lambda: albumsort.FaceReader(min_face="5"), "min_face is '5'; it must be a number"),
        (lambda: albumsort.FaceReader(model=5), "model is 5; it must be the path"),
        (lambda: albumsort.FaceReader().read([PIXELS]), "pictures has an item that is array("),
        (lambda: albumsort.FaceReader().read(albumsort.Picture(PIXELS)), "pictures is Picture("),
        (lambda: albumsort.Picture([[0]]), "a picture is [[0]], not uint8 (height, width, 3)"),
        (lambda: albumsort.FaceDetector("5"), "min_face is '5'; it must be a number"),
        (lambda: albumsort.FaceDetector(0), "min_face is 0; it must be above 0"),
        (lambda: albumsort.EmotionClassifier(labels=["fer2013"]), "labels is ['fer2013']; it must be one of"),
        (lambda: albumsort.EmotionClassifier(5), "model is 5; it must be the path"),
        (lambda: albumsort.ExportOptions(mode="move"), "mode is 'move'; it must be one of copy, hardlink, symlink"),
        (lambda: albumsort.ExportOptions(layout=["flat"]), "layout is ['flat']; it must be one of emotion"),
        (lambda: albumsort.ExportOptions(dry_run="no"), "dry_run is 'no'; it must be True or False"),
        (lambda: albumsort.place(5, "best"), "ranking is 5; it must be a list"),
        (lambda: albumsort.place(["a.jpg"], "best"), "ranking has an item that is 'a.jpg'; it must be a RankedPhoto"),
        (lambda: albumsort.place([], None), "folder is None; it must be the path"),
        (lambda: albumsort.place([], "best", {"mode": "copy"}), "options is {'mode': 'copy'}; it must be an Export"),
        (lambda: albumsort.rank_burst("abc", "happy"), "burst is 'abc'; it must be a list"),
        (lambda: albumsort.rank_burst([5], "happy"), "burst has an item that is 5; it must be a PhotoResult"),
        (lambda: albumsort.rank_burst([], 5), "5 is not one of angry"),
        (lambda: albumsort.rank_burst([], "happy", 3), "weights is 3; it must be a dict"),
        (lambda: albumsort.rank_burst([], "happy", {"beauty": 3}), "the name of a weight is 'beauty'; it must be one"),
        (lambda: albumsort.rank_burst([], "happy", {"emotion": "3"}), "the weight emotion is '3'; it must be a number"),
        (lambda: albumsort.rank_burst([], "happy", {"emotion": -1}), "the weight emotion is -1; it must be from 0"),
        (lambda: albumsort.rank_burst([], "happy", {"emotion": 0}), "weights are all 0"),
        (lambda: albumsort.plot_timeline({}, "a.png"), "timeline is {}; it must be a Timeline"),
        (lambda: albumsort.plot_timeline(Timeline({}, 0, (0,) * 50, 0.5), "a.png"), "the timeline has no faces"),
        (lambda: albumsort.plot_timeline(Timeline({}, 0, (1,) * 50, 0.5), 5), "target is 5; it must be the path"),
    ],
)
def test_a_wrong_argument_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    assert words in message(call)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"], "nothing was written"


def test_a_face_has_no_other_emotions_and_schemes(face_of: Callable) -> None:
    face = face_of("happy", 0.9)
    assert "'bliss' is not one of angry" in message(lambda: face.probability("bliss"))
    assert face.probability("Joy") == face.probability("happy") == 0.9
    assert "scheme is 'nine'; it must be one of seven, six, four" in message(lambda: face.in_scheme("nine"))


def test_paths_may_be_texts_bytes_or_paths(scanned: Path, album: Path, tmp_path: Path) -> None:
    for form in (str, Path, lambda path: str(path).encode()):
        with Index(form(scanned)) as index:
            found = index.photo(form(album / "dim.jpg"))
            assert found and len(found.faces) == 1
            placed = albumsort.place(index.photos(albumsort.Query("happy", 1)), form(tmp_path / "best"))
            assert [row.action for row in placed] in (["written"], ["present"])
            albumsort.plot_timeline(index.timeline(), form(tmp_path / f"{form.__name__.strip('<>')}.png"))
    assert albumsort.ScanSettings(exclude="*.png", model=Path("my.keras")) == albumsort.ScanSettings(
        exclude=("*.png",), model="my.keras"
    )


def test_a_burst_may_be_any_photos(face_of: Callable) -> None:
    photo = albumsort.Photo("/a.jpg", 1, 1)
    for kind in (PhotoResult, RankedPhoto):
        (shot,) = albumsort.rank_burst(iter([kind(photo, (face_of("happy", 0.9),))]), "happy")
        assert shot.photo == photo


def test_a_folder_for_a_model_names_the_model_in_it(tmp_path: Path) -> None:
    with pytest.raises(albumsort.AlbumsortError, match="not a model"):
        albumsort.EmotionClassifier(tmp_path)
    (tmp_path / "mine.keras").touch()
    with pytest.raises(albumsort.AlbumsortError, match=r"a folder; name the model in it: .*mine\.keras"):
        albumsort.EmotionClassifier(tmp_path)
