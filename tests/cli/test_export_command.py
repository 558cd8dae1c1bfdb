"""albumsort export: what it prints. What it lays, tests/test_export.py says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from albumsort.cli.export import export


@pytest.fixture
def index(album, index_of, tmp_path) -> Path:
    return index_of(
        {
            album / "dim.jpg": [("happy", 0.7)],
            album / "portraits" / "grace-hopper.jpg": [("neutral", 0.9)],
            tmp_path / "gone.jpg": [("happy", 0.6)],
        }
    )


def test_json_lists_every_file_with_what_became_of_it(index, album, tmp_path, capsys):
    export(tmp_path / "out", db=index, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["destination"] == str(tmp_path / "out")
    assert [(item["emotion"], item["action"], Path(item["source"]).name) for item in said["files"]] == [
        ("happy", "written", "dim.jpg"),
        ("happy", "missing", "gone.jpg"),
        ("neutral", "written", "grace-hopper.jpg"),
    ]
    assert all(Path(item["target"]).exists() == (item["action"] == "written") for item in said["files"])


def test_only_the_emotions_and_as_many_photos_as_asked_for(index, tmp_path, capsys):
    export(tmp_path / "out", n=1, emotion=["happy"], db=index, as_json=True)
    (item,) = json.loads(capsys.readouterr().out)["files"]
    assert item["source"].endswith("dim.jpg")
    assert [folder.name for folder in (tmp_path / "out").iterdir() if folder.is_dir()] == ["happy"]


def test_a_dry_run_names_each_file_and_writes_none(index, tmp_path, capsys):
    export(tmp_path / "out", db=index, dry_run=True)
    said = capsys.readouterr().out
    assert "would be written" in said and "001_070_dim.jpg" in said
    assert not (tmp_path / "out").exists()


def test_a_photo_that_is_no_longer_there_is_named(index, tmp_path, capsys):
    export(tmp_path / "out", db=index)
    said = capsys.readouterr().out
    assert f"missing: {tmp_path / 'gone.jpg'}" in said
    assert "2 written" in said and "1 missing" in said


def test_nothing_to_export_is_said(index, tmp_path, capsys):
    export(tmp_path / "out", emotion=["disgust"], db=index)
    assert "no photo shows" in capsys.readouterr().out
