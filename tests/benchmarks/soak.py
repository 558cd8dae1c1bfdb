"""Runs scans, lists, corrections, exports with undo, forget and prune at once on one index, and looks for damage.

    python tests/benchmarks/soak.py FOLDER [--minutes 60] [--seed 21]

FOLDER gets copies of the example album and the index. Meanwhile the photos are moved, copied, deleted and written anew
by another program. Each minute, and at the end, the index must pass SQLite's integrity and foreign-key checks, and its
packed faces must be those of its rows. At the end a last scan must leave exactly the photos that are on the disk, and
each correction. A photo that albumsort has changed, a traceback, or an unknown error is a failure.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from albumsort.emotions import EMOTIONS
from albumsort.index import packed

ALBUM = Path(__file__).parents[2] / "examples" / "album"
#: What commands may say when another one was faster; each with exit code 1.
EXPECTED = (
    "not in the index", "no such index", "could not read it", "no face", "which face", "was edited", "has changed",
    "was forgotten", "no such photo", "reads the index", "another program has held it", "no export to undo",
    "Photos are missing",
)  # fmt: skip


class Soak:
    """The album, what a person said about its photos, and what went wrong."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.index, self.rng = folder, folder / "index.db", random.Random(seed)
        self.photos = folder / "photos"
        self.lock = threading.Lock()
        self.digests: dict[Path, str] = {}
        self.touched: dict[str, float] = {}  # when photos of a digest were last moved, rewritten or deleted
        self.corrected: dict[str, str] = {}  # the last word, by the mark that each photo has at its end
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []

    def make_album(self) -> None:
        for number in range(4):
            for source in sorted(ALBUM.rglob("*.jpg")):
                if source.name != "renamed-notes.jpg":
                    name = f"{source.parent.name}-{source.stem}.jpg"
                    self.write(self.photos / f"folder{number}" / name, self.framed(source), f"{number}-{name}")

    def framed(self, source: Path) -> bytes:
        """A photo in a frame that no other has.

        A photo that is moved and rewritten between two scans is known again by its sight alone.
        """
        with Image.open(source) as picture:
            frame = tuple(self.rng.randrange(10, picture.width // 3) for _ in range(4))
            content = BytesIO()
            ImageOps.expand(picture, frame, "grey").save(content, "JPEG", quality=92, exif=picture.getexif())
        return content.getvalue()

    def write(self, path: Path, content: bytes, mark: str) -> None:
        """Write a photo whose bytes no other has, with a mark behind the picture."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = content.split(b"\xff\xd9MARK")[0].removesuffix(b"\xff\xd9") + b"\xff\xd9MARK" + mark.encode()
        path.write_bytes(content)
        self.digests[path] = hashlib.sha256(content).hexdigest()

    def run(self, *words: object, database: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "albumsort", *map(str, words)]
        command += ["--db", str(self.index)] if database else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.done[str(words[0])] += 1
        is_expected = done.returncode == 0 or any(words in done.stderr for words in EXPECTED)
        if "Traceback" in done.stderr or "bug in albumsort" in done.stderr or not is_expected:
            self.failures.append(f"{' '.join(map(str, words))}: {done.returncode} {done.stderr[-600:]}")
        return done

    def touch(self, path: Path) -> None:
        """Note that a photo is about to be moved, rewritten or deleted."""
        self.touched[self.digests[path]] = time.monotonic()

    def some_photo(self) -> Path:
        return self.rng.choice(list(self.digests))

    # What runs at once: each of these is repeated by a thread of its own.

    def scan(self) -> None:
        whole = self.rng.random() < 0.6
        self.run("scan", self.photos if whole else self.photos / f"folder{self.rng.randrange(4)}", "--workers", 1)

    def list(self) -> None:
        commands = [
            ("top", self.rng.choice(EMOTIONS)), ("top", "happy", "neutral", "--everyone"), ("list",), ("stats",),
            ("bursts",), ("problems",), ("list", "--corrected"), ("top", "happy", "--min-faces", 2, "--format", "json"),
        ]  # fmt: skip
        self.run(*self.rng.choice(commands))
        time.sleep(1)

    def correct(self) -> None:
        with self.lock:
            path = self.some_photo()
            mark = path.read_bytes().rpartition(b"\xff\xd9MARK")[2].decode()
            emotion = self.rng.choice(EMOTIONS)
            if self.run("correct", path, emotion, "--face", 1).returncode == 0:
                self.corrected[mark] = emotion
        time.sleep(4)

    def export(self) -> None:
        target, start = self.folder / f"export{threading.get_ident()}", time.monotonic()
        self.run("export", target, "--yes", *self.rng.choice([(), ("--sidecar", "xmp"), ("--layout", "year/emotion")]))
        self.run("export", target, "--undo", database=False)
        left = [path for path in target.rglob("*") if path.is_file()] if target.exists() else []
        if left:
            # A copy rightly stays if its photo was moved, rewritten or deleted meanwhile: it may be the only one. With
            # it stay its sidecar and the list of what was exported.
            photos = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in left if path.suffix == ".jpg"}
            kept = {path for path, digest in photos.items() if self.touched.get(digest, 0.0) >= start}
            wrong = [path for path in left if not {path, path.with_suffix("")} & kept]
            if kept:
                wrong = [path for path in wrong if path.name != "albumsort-export.json"]
            if wrong:
                self.failures.append(f"undo left {wrong[:3]}")
            shutil.rmtree(target)
        time.sleep(5)

    def edit(self) -> None:
        """Another program moves, copies, rewrites and deletes photos."""
        with self.lock:
            path = self.some_photo()
            content, what = path.read_bytes(), self.rng.random()
            mark = content.rpartition(b"\xff\xd9MARK")[2].decode()
            self.touch(path)
            if what < 0.4:
                comment = b"\xff\xfe\x00\x06" + bytes(self.rng.randrange(97, 122) for _ in range(4))
                self.write(path, content[:2] + comment + content[2:], mark)
            elif what < 0.8:
                target = path.with_name(f"m{self.rng.randrange(10**6)}-{mark}")
                path.rename(target)
                self.digests[target] = self.digests.pop(path)
            elif mark not in self.corrected:
                if len(self.digests) > 60:
                    path.unlink()
                    del self.digests[path]
                else:
                    target = path.with_name(f"c{self.rng.randrange(10**6)}-{mark}")
                    self.write(target, self.framed(path), f"{self.rng.randrange(10**6)}-{mark}")
        time.sleep(2)

    def forget(self) -> None:
        """Photos about which nothing was said are forgotten; a later scan finds them again."""
        with self.lock:
            path = self.some_photo()
            mark = path.read_bytes().rpartition(b"\xff\xd9MARK")[2].decode()
            if mark not in self.corrected:
                self.run("forget", path, "--yes")
        time.sleep(20)

    def prune(self) -> None:
        self.run("prune", "--yes")
        time.sleep(15)

    # What is looked at.

    def check(self) -> None:
        with closing(sqlite3.connect(self.index, timeout=60, isolation_level=None)) as connection:
            (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
            foreign = connection.execute("PRAGMA foreign_key_check").fetchall()
            if integrity != "ok" or foreign:
                self.failures.append(f"the index: {integrity}, {foreign[:3]}")
            with closing(sqlite3.connect(":memory:")) as copy:
                connection.backup(copy)
                kept = packed.read(copy)
                copy.execute("UPDATE packed SET faces = NULL")
                fresh = packed.read(copy)
                for name in packed.FACE.names or ():
                    if name != "padding" and not (kept[name] == fresh[name]).all():
                        self.failures.append(f"packed {name} differs from the rows")
        for path, digest in list(self.digests.items()):
            with self.lock:
                if self.digests.get(path) == digest and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                    self.failures.append(f"{path} was changed")

    def check_end(self) -> None:
        """Check what a last scan, alone on the index, leaves."""
        self.run("prune", "--yes")
        self.run("scan", self.photos)
        self.run("prune", "--yes")
        with closing(sqlite3.connect(self.index)) as connection:
            known = dict(connection.execute("SELECT path, digest FROM photos"))
            true = {str(path): digest for path, digest in self.digests.items()}
            if known != true:
                self.failures.append(f"photos: {len(known)} known, {len(true)} there, {set(known) ^ set(true)}")
            said: dict[str, set[str]] = {}
            for path, emotion in connection.execute(
                "SELECT p.path, c.emotion FROM corrections c JOIN photos p ON p.digest = c.digest WHERE c.is_there"
            ):
                said.setdefault(Path(path).read_bytes().rpartition(b"\xff\xd9MARK")[2].decode(), set()).add(emotion)
            lost = {mark: emotion for mark, emotion in self.corrected.items() if emotion not in said.get(mark, ())}
            if lost:
                self.failures.append(f"corrections lost: {len(lost)} of {len(self.corrected)}: {lost}")
        self.check()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=21)
    options = parser.parse_args()
    soak = Soak(options.folder, options.seed)
    soak.make_album()
    soak.run("scan", soak.photos)
    end = time.monotonic() + 60 * options.minutes

    def repeat(action: Callable[[], None]) -> None:
        while time.monotonic() < end:
            try:
                action()
            except Exception as error:
                soak.failures.append(f"{action.__name__}: {error!r}")

    actions = [soak.scan, soak.scan, soak.list, soak.correct, soak.export, soak.export, soak.edit, soak.forget]
    threads = [threading.Thread(target=repeat, args=[action], daemon=True) for action in (*actions, soak.prune)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        time.sleep(min(60.0, max(0.0, end - time.monotonic())))
        soak.check()
        print(
            time.strftime("%H:%M:%S"), dict(soak.done), len(soak.corrected), "corrected", soak.failures[-1:], flush=True
        )
    for thread in threads:
        thread.join()
    soak.check_end()
    print(json.dumps({"commands": soak.done, "corrections": len(soak.corrected), "failures": soak.failures}, indent=1))
    sys.exit(bool(soak.failures))


if __name__ == "__main__":
    main()
