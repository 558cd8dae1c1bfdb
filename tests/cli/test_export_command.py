"""albumsort export: what it prints. Which files it writes is tested in tests/export."""

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
    printed = json.loads(capsys.readouterr().out)
    assert printed["destination"] == str(tmp_path / "out")
    assert [(item["emotion"], item["action"], Path(item["source"]).name) for item in printed["files"]] == [
        ("happy", "written", "dim.jpg"),
        ("happy", "missing", "gone.jpg"),
        ("neutral", "written", "grace-hopper.jpg"),
    ]
    assert all(Path(item["target"]).exists() == (item["action"] == "written") for item in printed["files"])


def test_only_the_emotions_and_as_many_photos_as_asked_for(index, tmp_path, capsys):
    export(tmp_path / "out", n=1, emotion=["happy"], db=index, as_json=True)
    (item,) = json.loads(capsys.readouterr().out)["files"]
    assert item["source"].endswith("dim.jpg")
    assert [folder.name for folder in (tmp_path / "out").iterdir() if folder.is_dir()] == ["happy"]


def test_a_dry_run_names_each_file_and_writes_none(index, tmp_path, capsys):
    export(tmp_path / "out", db=index, dry_run=True)
    printed = capsys.readouterr().out
    assert "would be written" in printed and "001_070_dim.jpg" in printed
    assert not (tmp_path / "out").exists()


def test_a_photo_that_is_no_longer_there_is_named(index, tmp_path, capsys):
    export(tmp_path / "out", db=index)
    printed = capsys.readouterr().out
    assert f"missing: {tmp_path / 'gone.jpg'}" in printed
    assert "2 written" in printed and "1 missing" in printed


@pytest.mark.parametrize("as_json", [False, True])
def test_an_empty_export_says_why_on_standard_error(index, tmp_path, capsys, as_json):
    export(tmp_path / "out", emotion=["disgust"], db=index, as_json=as_json)
    out, err = capsys.readouterr()
    why = "nothing was exported; no face surely shows disgust (--threshold 0.5); the closest: "
    assert err.startswith(f"{tmp_path / 'out'}: {why}") and err.count("\n") == 1
    assert (json.loads(out)["files"] == []) if as_json else out == ""
    assert not (tmp_path / "out").exists()


def test_sidecars_are_counted_and_listed(index, tmp_path, capsys):
    export(tmp_path / "out", db=index, sidecar="xmp")
    assert "sidecars: 2 written" in capsys.readouterr().out
    export(tmp_path / "out", db=index, sidecar="xmp", as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert [(Path(item["target"]).name, item["action"]) for item in printed["sidecars"]] == [
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


def test_a_dry_run_writes_no_sidecars_either(index, tmp_path, capsys):
    export(tmp_path / "out", db=index, sidecar="xmp", dry_run=True)
    printed = capsys.readouterr().out
    assert "sidecars: 2 would be written" in printed
    assert f"sidecar would be written: {tmp_path / 'out' / 'happy' / '001_070_dim.jpg.xmp'}" in printed
    assert not (tmp_path / "out").exists()
    export(tmp_path / "out", db=index)
    export(tmp_path / "out", db=index, sidecar="xmp", dry_run=True)
    assert list((tmp_path / "out").rglob("*.xmp")) == []


def test_the_threshold_of_the_command_decides_for_files_and_sidecars(album, index_of, tmp_path):
    index = index_of({album / "dim.jpg": [("happy", 0.9), ("sad", 0.7)]})
    export(tmp_path / "low", db=index, threshold=0.6, sidecar="xmp")
    export(tmp_path / "high", db=index, threshold=0.8, sidecar="xmp")
    assert sorted(path.name for path in (tmp_path / "low").iterdir() if path.is_dir()) == ["happy", "sad"]
    assert [path.name for path in (tmp_path / "high").iterdir() if path.is_dir()] == ["happy"]
    low, high = ((tmp_path / name / "happy" / "001_090_dim.jpg.xmp").read_text() for name in ("low", "high"))
    assert "emotion|sad" in low and "emotion|sad" not in high


def test_a_sidecar_that_is_not_albumsorts_is_named(index, tmp_path, capsys):
    export(tmp_path / "out", db=index)
    other = tmp_path / "out" / "happy" / "001_070_dim.jpg.xmp"
    other.write_text("mine")
    export(tmp_path / "out", db=index, sidecar="xmp")
    printed = capsys.readouterr().out
    assert f"sidecar kept: {other}" in printed and "sidecars: 1 kept, 1 written" in printed


def test_originals_are_tagged_only_with_a_kind_of_sidecar(call, index, tmp_path):
    done = call("export", tmp_path / "out", "--db", index, "--tag-originals")
    assert done.returncode == 2
    assert "--sidecar" in done.stderr
    assert not (tmp_path / "out").exists()
