"""albumsort export: what it prints. What it lays, tests/test_export.py says."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from albumsort.cli.export import export
from albumsort.index.writer import IndexWriter
from albumsort.records import Photo, PhotoResult, mtime_ns


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
    assert "out: no photo is disgust, at any --threshold" in capsys.readouterr().out


def test_sidecars_are_counted_and_listed(index, tmp_path, capsys):
    export(tmp_path / "out", db=index, sidecar="xmp")
    assert "sidecars: 2 written" in capsys.readouterr().out
    export(tmp_path / "out", db=index, sidecar="xmp", as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert [(Path(item["target"]).name, item["action"]) for item in said["sidecars"]] == [
        ("001_070_dim.jpg.xmp", "present"),
        ("001_090_grace-hopper.jpg.xmp", "present"),
    ]


@pytest.mark.parametrize(("scheme", "emotion"), [("seven", "disgust"), ("six", "angry"), ("four", "happy")])
def test_sidecars_speak_of_the_labels_and_faces_of_the_export(album, tmp_path, face_of, scheme, emotion):
    found = (
        replace(face_of("disgust", 0.6, (10, 20, 200, 240)), probabilities=(0.1, 0.5, 0.0, 0.3, 0.05, 0.0, 0.05)),
        replace(face_of("sad", 0.9, (300, 20, 150, 180)), detection=0.8),
        face_of("sad", 0.9, (300, 300, 20, 24)),
    )
    photo = album / "dim.jpg"
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    facts = (photo.stat().st_size, mtime_ns(photo.stat()), digest, 512, 512)
    with IndexWriter(tmp_path / "index.db") as writer:
        scan = writer.start_scan({"paths": [], "threshold": 0.5})
        writer.write(scan, [PhotoResult(Photo(str(photo), *facts), found)])
        writer.finish_scan(scan)
    only = {"min_face": 10.0, "min_detection": 0.9}
    export(tmp_path / "out", emotion=[emotion], db=tmp_path / "index.db", scheme=scheme, sidecar="xmp", **only)
    (sidecar,) = (tmp_path / "out" / emotion).glob("*.xmp")
    written = sidecar.read_text()
    assert re.findall(r"emotion\|(\w+)", written) == [emotion]
    assert re.findall(r'mwg-rs:Description="(\w+)"', written) == [emotion]
    assert written.count("mwg-rs:Area") == 1


def test_a_sidecar_that_is_not_albumsorts_is_named(index, tmp_path, capsys):
    export(tmp_path / "out", db=index)
    other = tmp_path / "out" / "happy" / "001_070_dim.jpg.xmp"
    other.write_text("mine")
    export(tmp_path / "out", db=index, sidecar="xmp")
    said = capsys.readouterr().out
    assert f"sidecar kept: {other}" in said and "sidecars: 1 kept, 1 written" in said


def test_originals_are_tagged_only_with_a_kind_of_sidecar(call, index, tmp_path):
    done = call("export", tmp_path / "out", "--db", index, "--tag-originals")
    assert done.returncode == 2
    assert "--sidecar" in done.stderr
    assert not (tmp_path / "out").exists()
