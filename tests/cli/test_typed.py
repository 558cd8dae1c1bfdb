"""What people type: for each line its exit code, and what stands on standard output and standard error.

The index has one photo per emotion, ``happy.jpg`` to ``neutral.jpg``. A line that succeeds prints the names of photos.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from albumsort.emotions import EMOTIONS
from albumsort.index.writer import IndexWriter
from albumsort.records import Photo, PhotoResult

#: When each photo was taken.
TAKEN_AT = {
    "happy": "2019-01-05T10:30:00",
    "sad": "2019-01-31T23:59:59",
    "angry": "2019-12-31T08:00:00",
    "fear": "2024-02-29T12:00:00",
    "disgust": "2024-05-17T14:15:16+02:00",
    "surprise": "2024-05-31",
    "neutral": None,
}


@pytest.fixture
def typed(call, face_of, tmp_path):
    """Runs what is typed: ``typed("top happy")``."""
    with IndexWriter(tmp_path / "index.db") as writer:
        scan = writer.start_scan({"paths": [str(tmp_path)], "threshold": 0.5})
        for number, emotion in enumerate(EMOTIONS):
            path, digest = str(tmp_path / f"{emotion}.jpg"), f"{number}" * 64
            photo = Photo(path, 1, 1, digest, 400, 300, TAKEN_AT[emotion], "Example", digest[:16])
            writer.write(scan, [PhotoResult(photo, (face_of(emotion, 0.9 - number / 100),))])
        writer.finish_scan(scan)
    environment = {**os.environ, "ALBUMSORT_DB": str(tmp_path / "index.db")}
    return lambda line: call(*shlex.split(line), env=environment)


def check(done, code, printed, message):
    """Compare names of photos in the order of a list, and part of a message; without one nothing is said."""
    said = " ".join(done.stderr.replace("│", " ").split())  # the frame around a message, and its lines
    assert done.returncode == code, said
    assert " ".join(Path(path).stem for path in done.stdout.splitlines()) == printed
    assert message in said if message else said == ""


@pytest.mark.parametrize(
    ("line", "code", "printed", "message"),
    [
        ("happy", 0, "happy", ""),
        ("Happy", 0, "happy", ""),
        ("joy", 0, "happy", ""),
        ("smile", 0, "happy", ""),
        ("anger", 0, "angry", ""),
        ("sadness", 0, "sad", ""),
        ("surprised", 0, "surprise", ""),
        ("scared", 0, "fear", ""),
        ("DISGUSTED", 0, "disgust", ""),
        ("calm", 0, "neutral", ""),
        ("happy,sad", 0, "happy sad", ""),
        ("happy, sad", 0, "happy sad", ""),
        ("'happy, sad'", 0, "happy sad", ""),
        ("joy sadness --not smile", 0, "sad", ""),
        ("happy sad angry --not 'joy,anger'", 0, "sad", ""),
        (
            "hapy",
            2,
            "",
            "'hapy' is not one of angry, disgust, fear, happy, sad, surprise, neutral. Did you mean happy?",
        ),
        ("happy,sadd", 2, "", "Did you mean sad?"),
        ("happy --not suprise", 2, "", "Did you mean surprise?"),
        ("photos", 2, "", "'photos' is not one of angry, disgust, fear, happy, sad, surprise, neutral"),
        ("''", 2, "", "'' is not one of angry"),
        ("disgusted --label-scheme six", 2, "", "'disgust' is not one of angry, fear"),
    ],
)
def test_emotions_have_the_names_that_people_use(typed, line, code, printed, message):
    check(typed(f"top {line} --format paths"), code, printed, message)
