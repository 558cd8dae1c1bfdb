"""albumsort stats and problems."""

from __future__ import annotations

import json
import os

import pytest
from PIL import Image

from albumsort.cli.problems import problems
from albumsort.cli.stats import stats
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index.writer import IndexWriter


@pytest.fixture
def counted(album, index_of):
    """An index of three photos with faces, one without and one that cannot be read."""
    return index_of(
        {
            album / "dim.jpg": [("happy", 0.7)],
            album / "groups" / "both.jpg": [("happy", 0.9), ("sad", 0.4)],
            album / "places" / "cat.jpg": [],
            album / "portraits" / "grace-hopper.jpg": [("neutral", 0.9)],
            album / "renamed-notes.jpg": "not an image",
        }
    )


def test_stats_count_photos_faces_and_emotions(counted, capsys):
    stats(db=counted, as_json=True)
    counts = json.loads(capsys.readouterr().out)
    assert (counts["photos"], counts["photos_with_faces"], counts["errors"], counts["faces"]) == (5, 3, 1, 4)
    assert counts["emotions"] == {**dict.fromkeys(EMOTIONS, 0), "happy": 2, "neutral": 1}
    assert counts["uncertain"] == 1


def test_stats_apply_the_threshold_that_is_asked_for(counted, capsys):
    stats(db=counted, threshold=0.8, as_json=True)
    counts = json.loads(capsys.readouterr().out)
    assert (counts["emotions"]["happy"], counts["uncertain"], counts["threshold"]) == (1, 2, 0.8)


def test_stats_for_people_name_every_emotion(counted, capsys):
    stats(db=counted)
    printed = capsys.readouterr().out
    assert printed.startswith("5 photos, 3 with faces, 1 problem")
    assert all(emotion in printed for emotion in EMOTIONS)


def test_stats_say_how_many_photos_are_copies(album, index_of, tmp_path, capsys):
    places = [tmp_path / name for name in ("a.jpg", "b.jpg", "below/c.jpg", "d.jpg")]
    for place in places:
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"bytes" if place.name != "d.jpg" else b"others")
    index = index_of({place: [("happy", 0.9)] for place in places})
    stats(db=index)
    assert capsys.readouterr().out.startswith("4 photos, 2 of them byte-identical copies, 4 with faces, 0 problems\n")
    stats(db=index, under=[tmp_path / "below"])
    assert capsys.readouterr().out.startswith("1 photo, 1 with faces, 0 problems\n")
    stats(db=index, as_json=True)
    assert json.loads(capsys.readouterr().out)["copies"] == 2


def test_stats_of_an_empty_index_are_zeros(index_of, capsys):
    stats(db=index_of({}))
    assert "0 photos" in capsys.readouterr().out


def test_problems_name_the_file_and_why(scanned, album, capsys):
    problems(db=scanned, as_json=True)
    (problem,) = json.loads(capsys.readouterr().out)
    assert problem == {"path": str(album / "renamed-notes.jpg"), "error": "not an image"}
    problems(db=scanned)
    assert capsys.readouterr().out == f"{album / 'renamed-notes.jpg'}: not an image\n"


def test_problems_print_hostile_names_on_one_line_each(index_of, tmp_path, capsys):
    names = [os.fsdecode(b"caf\xe9.jpg"), "clear\x1b[2J\n.jpg", "tab\t.jpg"]
    index = index_of({tmp_path / name: "not an image" for name in names})
    problems(db=index)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    problems(db=index, as_json=True)
    assert {item["path"] for item in json.loads(capsys.readouterr().out)} == {str(tmp_path / name) for name in names}


def test_no_problems_leaves_standard_output_empty(album, index_of, capsys):
    problems(db=index_of({album / "dim.jpg": []}))
    assert capsys.readouterr().out == ""


def test_stats_draw_a_plot_beside_what_they_print(scanned, tmp_path, capsys):
    stats(db=scanned, plot=tmp_path / "timeline.png", as_json=True)
    assert json.loads(capsys.readouterr().out)["faces"] == 12
    with Image.open(tmp_path / "timeline.png") as picture:
        assert picture.format == "PNG"


def test_a_plot_is_drawn_in_the_label_scheme(index_of, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("albumsort.report.timeline.plot_timeline", lambda found, target: drawn.append(found))
    stats(db=index_of({"/photos/a.jpg": [("disgust", 0.9)]}), scheme="six", plot=tmp_path / "six.png")
    assert drawn[0].months["2024-05"]["angry"] == 1 and "disgust" not in drawn[0].months["2024-05"]


def test_an_empty_index_has_no_plot(index_of, tmp_path):
    with pytest.raises(AlbumsortError, match="the index has no photos"):
        stats(db=index_of({}), plot=tmp_path / "empty.png")
    assert not (tmp_path / "empty.png").exists()


def test_a_plot_of_another_kind_is_wrong_usage(call, scanned):
    assert call("stats", "--db", scanned, "--plot", "timeline.gif").returncode == 2


def test_stats_say_what_ran_the_networks(album, index_of, capsys):
    index = index_of({"/photos/a.jpg": [("happy", 0.9)]})
    with IndexWriter(index) as writer:
        writer.name_model(1, "emotion 0123456789ab", EMOTIONS, "ONNX Runtime 9.9, CPU")
    stats(db=index)
    words = "last scan: read with emotion 0123456789ab, on ONNX Runtime 9.9, CPU\n"
    assert capsys.readouterr().out.endswith(words)
    stats(db=index, as_json=True)
    assert json.loads(capsys.readouterr().out)["last_scan"]["settings"]["engine"] == "ONNX Runtime 9.9, CPU"
