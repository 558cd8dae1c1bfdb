"""A scan that is killed at any moment leaves a sound index, and the next scan ends as an undisturbed one does."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from albumsort.emotions import EMOTIONS
from albumsort.index import Index
from albumsort.index.filters import Filters

pytestmark = pytest.mark.slow
KILLS, AT_ONCE = 30, 2
#: A scan as the command line does it, but with many small transactions and a word when the first photo is done.
SCAN = """
import sys
from albumsort import scan
def tell(summary):
    if summary.photos:
        print(summary.photos, flush=True)
if __name__ == "__main__":
    scan([sys.argv[1]], sys.argv[2], progress=tell, write_photos=2)
"""

Faces = list[tuple[float, ...]]


@dataclass(frozen=True)
class Content:
    """What is in an index: the faces of each photo, and its error."""

    faces: dict[str, Faces]
    errors: dict[str, str]


def content(index: Path) -> Content:
    with closing(sqlite3.connect(index)) as connection:
        faces: dict[str, Faces] = {os.fsdecode(row[0]): [] for row in connection.execute("SELECT path FROM photos")}
        numbers = "x, y, w, h, angry, disgust, fear, happy, sad, surprise, neutral"
        for path, *values in connection.execute(
            f"SELECT p.path, {numbers} FROM faces f JOIN photos p ON p.id = f.photo_id ORDER BY f.id"
        ):
            faces[os.fsdecode(path)].append(tuple(values))
        errors = dict(connection.execute("SELECT path, error FROM photos WHERE error NOT NULL"))
    return Content(faces, errors)


def is_sound(index: Path) -> bool:
    """Whether SQLite finds nothing wrong, and whether the packed faces fit the faces."""
    with closing(sqlite3.connect(index)) as connection:
        one = connection.execute
        if not one("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return True  # killed before there was a table
        photos = one("SELECT count(DISTINCT photo_id) FROM faces").fetchone()[0]
        is_whole = (
            one("PRAGMA integrity_check").fetchall() == [("ok",)]
            and one("PRAGMA foreign_key_check").fetchall() == []
            and one("SELECT count(*) FROM faces WHERE photo_id NOT IN (SELECT id FROM photos)").fetchone() == (0,)
        )
    with Index(index) as opened:  # its lists come from the packed faces
        listed = opened.top(EMOTIONS, n=None, threshold=0.0, filters=Filters(with_copies=True))
        return is_whole and len(listed) == photos


def near(found: Faces, wanted: Faces) -> bool:
    """The same faces, boxes within a pixel, probabilities within 0.001."""
    return len(found) == len(wanted) and all(
        abs(a - b) <= (1 if place < 4 else 0.001)
        for one, other in zip(found, wanted, strict=True)
        for place, (a, b) in enumerate(zip(one, other, strict=True))
    )


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, composer: ModuleType, album: Path) -> Path:
    """An album of 40 photos, no two alike, and a few files that are none."""
    folder = tmp_path_factory.mktemp("large")
    for number in range(36):
        name = (composer.HAPPY, composer.NEUTRAL)[number % 2]
        image = composer.portrait(name)
        side = 300 + 4 * number
        image.resize((side * image.width // image.height, side)).save(folder / f"{number:02d}.jpg")
    for place in (album / "places").iterdir():
        shutil.copy(place, folder)
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.png").touch()
    return folder


@pytest.fixture(scope="module")
def undisturbed(large: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Content, float]:
    """What a scan finds that nobody disturbs, and the seconds that it takes."""
    index, start = tmp_path_factory.mktemp("undisturbed") / "index.db", time.monotonic()
    subprocess.run([sys.executable, "-c", SCAN, large, index], check=True, capture_output=True)
    return content(index), time.monotonic() - start


def kill(large: Path, index: Path, dice: random.Random, seconds: float) -> bool:
    """Start a scan and kill it at a random moment: any one, or one after the first photo; False if it ended first."""
    with subprocess.Popen([sys.executable, "-c", SCAN, large, index], stdout=subprocess.PIPE) as process:
        if dice.random() < 0.3:
            wait = dice.uniform(0, seconds)
        else:
            assert process.stdout
            process.stdout.readline()
            wait = dice.expovariate(3)
        threading.Event().wait(wait)
        process.send_signal(signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


def rounds(large: Path, folder: Path, seed: int, wanted: Content, seconds: float) -> Iterator[str]:
    """Kills on one index after the other, each resumed until it is complete; what is wrong after any of them."""
    dice, killed, number = random.Random(seed), 0, 0
    while killed < KILLS // AT_ONCE:
        index = folder / f"{seed}-{number}.db"
        if kill(large, index, dice, seconds):
            killed += 1
        else:
            number += 1
        if not index.exists():
            continue
        if not is_sound(index):
            yield f"seed {seed}, kill {killed}: the index is not sound"
            continue
        with closing(sqlite3.connect(index)) as connection:
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                continue
        yield from (
            f"seed {seed}, kill {killed}: {path} has {len(faces)} faces"
            for path, faces in content(index).faces.items()
            if not near(faces, wanted.faces[path])
        )
    subprocess.run([sys.executable, "-c", SCAN, large, index], check=True, capture_output=True)
    done = content(index)
    if done.errors != wanted.errors or done.faces.keys() != wanted.faces.keys():
        yield f"seed {seed}: other photos than of an undisturbed scan"
    yield from (f"seed {seed}: {path} differs" for path in done.faces if not near(done.faces[path], wanted.faces[path]))


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_thirty_kills_leave_thirty_sound_indexes(
    large: Path, undisturbed: tuple[Content, float], tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in large.iterdir()}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = pool.map(lambda seed: list(rounds(large, tmp_path, seed, *undisturbed)), range(AT_ONCE))
    assert [line for lines in wrong for line in lines] == []
    assert {path: path.read_bytes() for path in large.iterdir()} == before


def test_two_scans_at_once_both_finish_and_readers_see_no_error(
    large: Path, undisturbed: tuple[Content, float], tmp_path: Path
) -> None:
    index = tmp_path / "index.db"
    command = [sys.executable, "-m", "albumsort", "scan", str(large), "--db", str(index), "--json"]
    scans = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) for _ in range(2)]
    question = [sys.executable, "-m", "albumsort", "top", "happy", "--db", str(index)]
    failures = []
    while any(process.poll() is None for process in scans):
        if index.exists() and index.stat().st_size:
            asked = subprocess.run(question, capture_output=True, text=True, check=False)
            failures += [asked.stderr] if asked.returncode else []
        time.sleep(0.2)
    said = [process.communicate()[1] for process in scans]  # at most a line a minute
    assert [process.wait() for process in scans] == [0, 0]
    assert not any("albumsort:" in text or "Traceback" in text for text in said), said
    assert failures == []
    wanted, _ = undisturbed
    done = content(index)
    assert done.faces.keys() == wanted.faces.keys()
    assert all(near(faces, wanted.faces[path]) for path, faces in done.faces.items())
    assert is_sound(index)
