"""What people type: for each line its exit code, and what stands on standard output and standard error.

The index has one photo per emotion, ``happy.jpg`` to ``neutral.jpg``. A line that succeeds prints the names of photos.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from albumsort.emotions import EMOTIONS
from albumsort.index.writer import IndexWriter
from albumsort.records import Photo, PhotoResult, mtime_ns

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
            path = tmp_path / f"{emotion}.jpg"
            path.write_text(emotion)
            status, digest = path.stat(), hashlib.sha256(emotion.encode()).hexdigest()
            known = (str(path), status.st_size, mtime_ns(status), digest)
            photo = Photo(*known, 400, 300, TAKEN_AT[emotion], "Example", digest[:16])
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


@pytest.mark.parametrize(
    ("line", "code", "printed", "message"),
    [
        ("--since 2019-1 --until 2019-1", 0, "happy sad", ""),
        ("--since 2019-01-5 --until 2019-01-31", 0, "happy sad", ""),
        ("--until 2019", 0, "angry happy sad", ""),
        ("--since 2019-01-05T10:30 --until 2019-01-05T10:30", 0, "happy", ""),
        ("--since 2019-01-05T10:31 --until 2019-12-31T08:00:00", 0, "angry sad", ""),
        ("--since 2024-05-17T14:15:16Z", 0, "disgust surprise", ""),
        ("--until 2024-05-17T14:15+02:00", 0, "angry fear happy sad disgust", ""),
        ("--since 'May 2024'", 0, "surprise disgust", ""),
        ("--since 'Jan 5, 2019' --until '31 January 2019'", 0, "happy sad", ""),
        ("--year 2024", 0, "disgust fear surprise", ""),
        ("--year 2019 --month 12", 0, "angry", ""),
        ("--year 2019 --month December", 0, "angry", ""),
        ("--month 2024-05", 0, "disgust surprise", ""),
        ("--month 2024-2", 0, "fear", ""),
        ("--month 'May 2024' --undated", 0, "disgust neutral surprise", ""),
        ("--since soon", 2, "", "'soon' is not a date; write 2024, 2024-05, 2024-05-17, 2024-05-17T10:30,"),
        ("--since 2024-02-30", 2, "", "'2024-02-30' is not a date"),
        ("--since ''", 2, "", "'' is not a date"),
        ("--since 2024 --until 2019", 2, "", "--since 2024 is after --until 2019"),
        ("--since today --until 'last year'", 2, "", "is after --until"),
        ("--year 2024 --since 2023", 2, "", "give only one of the pairs"),
        ("--month 2024-05 --until 2025", 2, "", "give only one of the pairs"),
        ("--year 2024-05", 2, "", "'2024-05' is not a year; write 2024"),
        ("--year 1990s", 2, "", "'1990s' is not a year; write 2024"),
        ("--month 'last month'", 0, "", "no photo matches"),
        ("--year 'this year'", 0, "", "no photo matches"),
        ("--month yesterday", 2, "", "'yesterday' is not a month; write 2024-05"),
        ("--year ''", 2, "", "'' is not a year; write 2024"),
        ("--month ''", 2, "", "'' is not a month; write 2024-05"),
        ("--month 5", 2, "", "'5' is not a month; write 2024-05"),
        ("--month 2024", 2, "", "'2024' is not a month; write 2024-05"),
        ("--year 2023 --month 2024-05", 2, "", "'2023-2024-05' is not a month; write 2024-05"),
    ],
)
def test_dates_have_the_forms_that_people_use(typed, line, code, printed, message):
    done = typed(f"list {line} --format paths")
    done.stdout = "".join(sorted(done.stdout.splitlines(keepends=True)))
    check(done, code, " ".join(sorted(printed.split())), message)


@pytest.mark.parametrize(
    ("words", "days"),
    [("today", 0), ("yesterday", 1), ("30d", 30), ("2w", 14), ("2 weeks ago", 14), ("last 9 days", 9)],
)
def test_days_are_counted_from_today(call, index_of, tmp_path, words, days):
    at_first = date.today()
    index = index_of({tmp_path / "a.jpg": [("happy", 0.9)]})
    with closing(sqlite3.connect(index)) as connection, connection:
        taken_at = (at_first - timedelta(days=days)).isoformat() + "T00:00:00"
        connection.execute("UPDATE photos SET taken_at = ?", (taken_at,))
    done = call("list", "--since", words, "--format", "paths", "--db", index)
    assert done.stdout or date.today() > at_first
    done = call("list", "--until", words, "--format", "paths", "--db", index)
    assert done.stdout


@pytest.mark.parametrize(
    ("line", "code", "printed", "message"),
    [
        ("top happy sad angry -n 2", 0, "angry happy", ""),
        ("top happy sad angry --limit 2", 0, "angry happy", ""),
        ("top happy sad angry --limit=all", 0, "angry happy sad", ""),
        ("top happy sad -n 99999999999999999999", 0, "happy sad", ""),
        ("list happy -n 99999999999999999999", 0, "happy", ""),
        ("list -n ALL --year 2019", 0, "angry happy sad", ""),
        ("list --limit 1", 0, "angry", ""),
        ("top happy -n 0", 2, "", "'0' is not a number of 1 or more, or all"),
        ("top happy --limit many", 2, "", "'many' is not a number of 1 or more, or all"),
        ("sheet happy --limit 501", 2, "", "'501' is not a number from 1 to 500, or all"),
        ("export out -n -1", 2, "", "'-1' is not a number of 1 or more, or all"),
    ],
)
def test_a_list_is_as_long_as_it_is_asked_for(typed, line, code, printed, message):
    check(typed(line if code else f"{line} --format paths"), code, printed, message)


def test_photos_may_be_below_any_of_several_folders(call, index_of, tmp_path):
    index = index_of({tmp_path / folder / "a.jpg": [("happy", 0.9)] for folder in ("one", "two", "three")})
    done = call("list", "--under", "one", "--under", tmp_path / "three", "--format", "paths", "--db", index)
    assert done.stdout == f"{tmp_path}/one/a.jpg\n{tmp_path}/three/a.jpg\n"
    done = call("list", "--under", "none", "--under", "four", "--db", index)
    assert done.stderr.startswith(f"{tmp_path}/none: no such folder; {tmp_path}/four: no such folder; scanned so far: ")


@pytest.mark.parametrize(
    ("line", "code", "printed", "message"),
    [
        ("list happy", 0, "happy", ""),
        ("list sadness,joy", 0, "happy sad", ""),
        ("list anger --year 2024", 0, "", "List more: albumsort top anger --year 2024 --format paths --closest"),
        ("list hapy", 2, "", "Did you mean happy?"),
        ("list disgusted --label-scheme six", 2, "", "'disgust' is not one of"),
        ("list happy --no-faces", 0, "", "no photo matches"),
    ],
)
def test_a_list_may_be_of_some_emotions(typed, line, code, printed, message):
    check(typed(f"{line} --format paths"), code, printed, message)


@pytest.mark.parametrize(
    ("line", "code", "exported", "message"),
    [
        ("out --year 2019", 0, "angry happy sad", ""),
        ("happy out", 0, "happy", ""),
        ("joy, sadness out", 0, "happy sad", ""),
        ("out happy", 0, "happy", ""),
        ("out happy sad", 0, "happy sad", ""),
        ("out --emotion joy", 0, "happy", ""),
        ("out --emotion happy,sad", 0, "happy sad", ""),
        ("happy out --emotion sad", 0, "happy sad", ""),
        (
            "happy",
            2,
            "",
            "FOLDER: name it behind the emotions, such as: albumsort export happy ~/Sorted.",
        ),
        (
            "happy sad",
            2,
            "",
            "FOLDER: name it behind the emotions, such as: albumsort export sad ~/Sorted.",
        ),
        ("hapy out", 2, "", "Did you mean happy?"),
        ("disgust out --label-scheme six", 2, "", "'disgust' is not one of"),
        ("happy out --undo", 2, "", "--undo: takes back all of an export; name only its FOLDER"),
        ("", 2, "", "FOLDER"),
    ],
)
def test_an_export_is_of_the_emotions_before_its_folder(typed, tmp_path, line, code, exported, message):
    done = typed(f"export {line}")
    assert done.returncode == code, done.stderr
    assert " ".join(sorted(path.name for path in tmp_path.glob("out/*") if path.is_dir())) == exported
    assert message in done.stderr


@pytest.mark.parametrize("folder", ["./happy", "happy/"])
def test_a_folder_may_have_the_name_of_an_emotion(typed, tmp_path, folder):
    assert typed(f"export sad {folder}").returncode == 0
    assert [path.name for path in (tmp_path / "happy" / "sad").iterdir()] == ["001_086_sad.jpg"]
    assert typed(f"export {folder} --undo").returncode == 0
    assert not (tmp_path / "happy").exists()
