"""An index of an older version can be read as it is; the next program that writes it migrates it."""

import runpy
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from albumsort.emotions import EMOTIONS, SCHEMES, labels_of
from albumsort.index import Filters, Index, Query, schema
from albumsort.index.writer import IndexWriter

VERSIONS = range(1, schema.VERSION)


@pytest.fixture
def today(tmp_path: Path) -> Callable[[int], Path]:
    """Makes an index of this version, of what an older version can store of the album."""

    def make(version: int) -> Path:
        path = tmp_path / "today.db"
        with IndexWriter(path) as writer:
            runpy.run_path(str(Path(__file__).parent / "older" / "album.py"))["fill"](writer, version)
        return path

    return make


def answers(path: Path) -> dict[str, Any]:
    """Answers of an index, without what an older version did not store."""
    found: dict[str, Any] = {}
    with Index(path) as index:
        for scheme in SCHEMES:
            for emotion in labels_of(scheme):
                for everyone in (False, True):
                    for threshold in (0.3, 0.5):
                        query = Query(emotion, None, threshold, everyone, scheme, Filters(with_copies=True))
                        rows = [(row.photo.path, row.score, row.faces) for row in index.search(query)]
                        found[f"{scheme} {emotion} {everyone} {threshold}"] = rows
            found[f"counts {scheme}"] = index.stats(Query(scheme=scheme)) | {"last_scan": None, "labels": None}
        found["cameras"] = [row.photo.path for row in index.photos(Query(filters=Filters(camera="b", min_faces=1)))]
        found["unsure"] = [row.photo.path for row in index.photos(Query(threshold=0.7), uncertain=True)]
        found["timeline"] = index.timeline()
        found["problems"] = index.problems()
        found["corrections"] = index.corrections()
        found["remembered"] = index.remembered(5)
        found["photo"] = index.photo("/photos/burst1.jpg").faces
        found["raw"] = index.photo("/photos/burst1.nef")
        found["raw"] = found["raw"] and found["raw"].photo.path
    return found


def moments(path: Path) -> tuple[list[list[str]], list[tuple[str, int]]]:
    """The bursts of an index, and how many other photos of its burst each listed photo represents."""
    with Index(path) as index:
        bursts = [[shot.photo.path for shot in burst] for burst in index.bursts()]
        return bursts, [(row.photo.path, row.others) for row in index.top("happy", None, threshold=0.3)]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_index_gives_the_answers_of_a_new_one_before_and_after_its_migration(
    older: Callable, today: Callable, version: int
) -> None:
    path, wanted = older(version), today(version)
    assert answers(path) == answers(wanted)
    IndexWriter(path).close()
    assert answers(path) == answers(wanted)
    assert moments(path) == moments(wanted)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_index_has_bursts_from_version_4_on(older: Callable, today: Callable, version: int) -> None:
    path = older(version)
    if version >= 4:
        assert moments(path) == moments(today(version))
    else:
        assert moments(path)[0] == []
        assert {others for _, others in moments(path)[1]} == {0}


@pytest.mark.parametrize("version", VERSIONS)
def test_facts_that_an_older_version_did_not_keep_are_none(older: Callable, version: int) -> None:
    with Index(older(version)) as index:
        photo = index.photo("/photos/burst0.jpg").photo
    assert photo.exposure == (0.9 if version >= 4 else None)
    assert photo.orientation == (6 if version >= 5 else None)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_offset_of_a_time_becomes_a_column_of_its_own(older: Callable, version: int) -> None:
    path = older(version)

    def times() -> list[tuple[str | None, str | None]]:
        with Index(path) as index:
            names = [f"/photos/{name}.jpg" for name in ("burst1", "edge", "mild", "copy")]
            return [(photo.photo.taken_at, photo.photo.utc_offset) for name in names if (photo := index.photo(name))]

    wanted = [("2024-05-17T12:00:01", "+02:00"), ("2022-01-01T00:00:00", None), ("2023-12-31", None), (None, None)]
    assert times() == wanted
    IndexWriter(path).close()
    assert times() == wanted
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM photos WHERE taken_at LIKE '%+%'").fetchone() == (0,)
        faces = "SELECT count(*), count(utc_offset) FROM photo_faces WHERE path LIKE '%burst1.jpg'"
        assert connection.execute(faces).fetchone() == (2, 2)


def tables(path: Path) -> dict[str, Any]:
    """Tables with their columns, indexes and triggers, regardless of white space."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT type, name, tbl_name FROM sqlite_master WHERE sql NOT NULL").fetchall()
        made = "SELECT sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql NOT NULL"
        statements = [sql for (sql,) in connection.execute(made)]
        columns = {
            name: [row[1:] for row in connection.execute(f"PRAGMA table_info({name})")]
            for kind, name, _ in names
            if kind == "table"
        }
        keys = {name: connection.execute(f"PRAGMA foreign_key_list({name})").fetchall() for name in columns}
    return {
        "names": sorted(names),
        "statements": sorted(" ".join(sql.split()) for sql in statements),
        "columns": columns,
        "keys": keys,
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_migrated_index_has_the_tables_of_a_new_one(older: Callable, today: Callable, version: int) -> None:
    path = older(version)
    IndexWriter(path).close()
    assert tables(path) == tables(today(version))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_copy_of_the_older_index_is_kept_beside_the_migrated_one(older: Callable, version: int) -> None:
    path = older(version)
    with IndexWriter(path) as writer:
        writer.write(writer.start_scan({"paths": []}), [])
    copy = path.with_name(f"older.db.version-{version}")
    assert sorted(beside.name for beside in path.parent.iterdir()) == ["older.db", copy.name]
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
    with Index(copy) as index:
        # A copy of a frame is the same moment as its burst, which versions before 4 do not know.
        assert len(index.top("happy")) == (4 if version < 4 else 3)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_migrated_index_takes_corrections_and_problems(older: Callable, version: int) -> None:
    path = older(version)
    with IndexWriter(path) as writer:
        writer.correct("/photos/burst0.jpg", 1, "surprise")
        writer.note_unread(["/other"], [("/other/locked", "permission denied")])
        writer.finish_scan(writer.start_scan({"paths": []}))
    with Index(path) as index:
        assert [row.photo.path for row in index.top("surprise")] == ["/photos/burst0.jpg"]
        assert ("/other/locked", "permission denied") in index.problems()
        assert {emotion: len(index.top(emotion)) for emotion in EMOTIONS}["surprise"] == 1


def test_several_programs_that_migrate_an_index_at_once_do_it_once(older: Callable, tmp_path: Path) -> None:
    for number in range(5):
        path = older(1)
        with ThreadPoolExecutor(4) as pool:
            for opened in [pool.submit(lambda path=path: IndexWriter(path).close()) for _ in range(4)]:
                opened.result()
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert len(list(tmp_path.glob("older.db.version-1*"))) == number + 1
        path.unlink()
