"""albumsort top: a list in four formats, which agree."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest

from albumsort.cli.top import top
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.index import Index

HOSTILE = "a\nb \x1b[31mred\x1b[0m \x07.jpg"


@pytest.fixture
def printed(capsys):
    """What ``top`` prints: ``printed("happy", form="json")``."""

    def call(emotion: str, index: Path, **options: object) -> str:
        top([emotion], db=index, **options)
        return capsys.readouterr().out

    return call


@pytest.fixture
def ranked(album, index_of) -> Path:
    """An index with three happy photos; the best is not the first by name."""
    return index_of(
        {
            album / "dim.jpg": [("happy", 0.7)],
            album / "groups" / "both.jpg": [("happy", 0.9), ("sad", 0.4)],
            album / "places" / "cat.jpg": [],
            album / "portraits" / "eileen-collins.jpg": [("happy", 0.8)],
            album / "portraits" / "grace-hopper.jpg": [("neutral", 0.9)],
            album / "renamed-notes.jpg": "not an image",
        }
    )


def test_the_formats_say_the_same(printed, ranked):
    rows = json.loads(printed("happy", ranked, form="json"))
    paths = [row["path"] for row in rows]
    assert [Path(path).name for path in paths] == ["both.jpg", "eileen-collins.jpg", "dim.jpg"]
    assert [row["score"] for row in rows] == [0.9, 0.8, 0.7]
    assert printed("happy", ranked, form="paths").splitlines() == paths
    assert printed("happy", ranked, form="paths0") == "".join(f"{path}\0" for path in paths)
    assert [json.loads(line) for line in printed("happy", ranked, form="ndjson").splitlines()] == rows

    table = printed("happy", ranked).splitlines()
    assert [line.split()[0] for line in table] == ["1", "2", "3"]
    assert [float(line.split()[1]) for line in table] == [0.9, 0.8, 0.7]
    assert all(line.endswith(path) and "2024-05-17" in line for line, path in zip(table, paths, strict=True))
    assert "2 faces" in table[0] and "1 face " in table[1]

    records = list(csv.DictReader(io.StringIO(printed("happy", ranked, form="csv"))))
    assert [record["path"] for record in records] == paths
    assert [float(record["score"]) for record in records] == [0.9, 0.8, 0.7]
    assert [record["faces"] for record in records] == ["2", "1", "1"]
    assert {record["taken_at"] for record in records} == {row["taken_at"] for row in rows}


def test_json_of_a_real_scan_has_the_shape_of_the_contract(printed, scanned):
    rows = [row for emotion in EMOTIONS for row in json.loads(printed(emotion, scanned, threshold=0.0, form="json"))]
    assert len(rows) >= 3
    for row in rows:
        assert list(row)[:5] == ["path", "score", "taken_at", "others", "faces"]
        assert {"utc_offset", "camera", "width", "height"} <= row.keys()
        with Index(scanned) as index:
            known = index.photo(row["path"])
        assert known
        for face in row["faces"]:
            assert list(face) == ["box", "detection", "confidence", "emotion", "probabilities", "corrected"]
            x, y, w, h = face["box"]
            assert w > 0 and h > 0
            assert 0 <= x + w / 2 <= known.photo.width and 0 <= y + h / 2 <= known.photo.height
            assert 0 <= face["detection"] <= 1
            probabilities = face["probabilities"]
            assert list(probabilities) == list(EMOTIONS)
            assert sum(probabilities.values()) == pytest.approx(1, abs=2e-3)
            assert face["emotion"] == max(probabilities, key=probabilities.get)
            assert face["confidence"] == pytest.approx(max(probabilities.values()), abs=2e-3)


def test_a_face_under_the_threshold_has_no_emotion_but_all_its_probabilities(printed, ranked):
    (certain, uncertain) = json.loads(printed("happy", ranked, n=1, form="json"))[0]["faces"]
    assert (certain["emotion"], uncertain["emotion"]) == ("happy", None)
    assert uncertain["confidence"] == uncertain["probabilities"]["sad"] == 0.4
    (_, now_certain) = json.loads(printed("happy", ranked, n=1, threshold=0.3, form="json"))[0]["faces"]
    assert now_certain["emotion"] == "sad"


def test_the_threshold_is_what_the_scan_recorded_by_default(printed, album, index_of):
    index = index_of({album / "dim.jpg": [("happy", 0.7)]}, threshold=0.8)
    assert printed("happy", index, form="paths") == ""
    assert printed("happy", index, form="paths", threshold=0.6) != ""


def test_an_empty_list_is_still_json_and_csv(printed, ranked):
    assert json.loads(printed("disgust", ranked, form="json")) == []
    assert printed("disgust", ranked, form="csv").startswith("rank,path,score")


def test_filters_reach_the_index(printed, album, ranked):
    assert printed("happy", ranked, form="paths", n=1).count("\n") == 1
    assert printed("happy", ranked, form="paths", under=[album / "portraits"]).endswith("eileen-collins.jpg\n")
    assert printed("happy", ranked, form="paths", since="2024-06") == ""
    assert printed("happy", ranked, form="paths", until="2024-05").count("\n") == 3
    everyone = json.loads(printed("happy", ranked, form="json", everyone=True))
    assert [row["score"] for row in everyone] == [0.8, 0.7, 0.1]


def test_byte_identical_copies_are_one_entry_unless_all_are_wanted(printed, album, index_of, tmp_path):
    twin = tmp_path / "twin.jpg"
    shutil.copy(album / "dim.jpg", twin)
    index = index_of({album / "dim.jpg": [("happy", 0.7)], twin: [("happy", 0.7)]})
    assert printed("happy", index, form="paths").count("\n") == 1
    assert printed("happy", index, form="paths", with_copies=True).count("\n") == 2


def test_a_relative_folder_is_meant_from_where_the_user_stands(printed, album, ranked, monkeypatch):
    monkeypatch.chdir(album)
    assert printed("happy", ranked, form="paths", under=[Path("groups")]).endswith("both.jpg\n")


def test_a_table_is_not_broken_by_names_with_line_breaks_and_escapes(printed, index_of, tmp_path):
    index = index_of({tmp_path / HOSTILE: [("happy", 0.9)]})
    table = printed("happy", index)
    assert table.count("\n") == 1 and table.rstrip("\n").isprintable()
    assert "a\\nb" in table and "\\x1b[31mred" in table


def test_scripts_get_names_with_line_breaks_exactly_or_are_told(index_of, tmp_path, capsys):
    index = index_of({tmp_path / HOSTILE: [("happy", 0.9)]})
    top(["happy"], db=index, form="json")
    assert json.loads(capsys.readouterr().out)[0]["path"] == str(tmp_path / HOSTILE)
    top(["happy"], db=index, form="paths0")
    assert capsys.readouterr().out == f"{tmp_path / HOSTILE}\0"
    for form, lines in (("paths", 1), ("csv", 2)):
        top(["happy"], db=index, form=form)
        output = capsys.readouterr()
        assert output.out.count("\n") == lines and output.out.replace("\n", "").isprintable()
        assert "--format paths0" in output.err


def test_names_that_are_no_utf8_are_printed_with_their_own_bytes(run, index_of, tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    index = index_of({name: [("happy", 0.9)]})
    done = run("top", "happy", "--db", index, "--format", "paths", text=False)
    assert done.stdout == os.fsencode(name) + b"\n"
    assert json.loads(run("top", "happy", "--db", index, "--format", "json").stdout)[0]["path"] == name


def test_copy_to_copies_the_photos_of_the_list(ranked, tmp_path, capsys):
    top(["happy"], db=ranked, n=2, form="paths", copy_to=tmp_path / "best")
    output = capsys.readouterr()
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == [
        "001_090_both.jpg",
        "002_080_eileen-collins.jpg",
        "albumsort-export.json",
    ]
    assert output.out.count("\n") == 2
    assert "2 photos copied to" in output.err


def test_copy_to_a_place_that_cannot_be_a_folder_is_an_error_of_one_line(ranked, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AlbumsortError, match="file"):
        top(["happy"], db=ranked, copy_to=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "in the way"
