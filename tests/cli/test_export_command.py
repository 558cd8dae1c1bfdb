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


def test_sidecars_are_counted_and_listed(index, tmp_path, capsys):
    export(tmp_path / "out", db=index, sidecar="xmp")
    assert "sidecars: 2 written" in capsys.readouterr().out
    export(tmp_path / "out", db=index, sidecar="xmp", as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert [(Path(item["target"]).name, item["action"]) for item in said["sidecars"]] == [
        ("001_070_dim.jpg.xmp", "present"),
        ("001_090_grace-hopper.jpg.xmp", "present"),
    ]


def test_a_sidecar_that_is_not_albumsorts_is_named(index, tmp_path, capsys):
    export(tmp_path / "out", db=index)
    other = tmp_path / "out" / "happy" / "001_070_dim.jpg.xmp"
    other.write_text("mine")
    export(tmp_path / "out", db=index, sidecar="xmp")
    said = capsys.readouterr().out
    assert f"sidecar kept: {other}" in said and "sidecars: 1 kept, 1 written" in said


def test_originals_are_tagged_only_with_a_kind_of_sidecar(run, index, tmp_path):
    done = run("export", tmp_path / "out", "--db", index, "--tag-originals")
    assert done.returncode == 2
    assert "--sidecar" in done.stderr
    assert not (tmp_path / "out").exists()
