"""Full disks, read-only folders, photos that go away: a clear message, exit code 1, nothing half written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from albumsort.album.decoders import DecodedPhoto, Decoders, DecoderSettings
from albumsort.errors import AlbumsortError
from albumsort.export.folders import export
from albumsort.index import Index
from albumsort.index.query import Query
from albumsort.index.writer import IndexWriter
from albumsort.records import PhotoFile

MountsDisk = Callable[[int], Path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[MountsDisk]:
    """Mounts a disk of so many bytes."""
    mounted: list[Path] = []

    def mount(size: int) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("nothing may be mounted here")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if not line.startswith("Found "))
    return line


def test_an_index_on_a_full_disk_is_one_clear_line(run: Any, album: Path, small_disk: MountsDisk) -> None:
    disk = small_disk(64 * 1024)
    line = one_line(run("scan", album, "--db", disk / "index.db"))
    assert "index.db" in line
    assert "full" in line


def test_an_index_whose_disk_fills_up_keeps_what_it_has(
    run: Any, album: Path, scanned: Path, small_disk: MountsDisk, tmp_path: Path
) -> None:
    disk = small_disk(1024 * 1024)
    index = disk / "index.db"
    assert run("scan", album / "places", "--db", index).returncode == 0
    (disk / "ballast").write_bytes(bytes(1024 * 1024 - sum(path.stat().st_size for path in disk.iterdir()) - 24_576))
    many = tmp_path / "many"
    many.mkdir()
    for number in range(150):
        (many / f"{number}.jpg").write_bytes(b"no picture %d" % number)
    line = one_line(run("scan", many, "--db", index))
    assert "index.db" in line and "full" in line
    (disk / "ballast").unlink()
    with Index(index) as opened:
        assert opened.stats()["photos"] >= 4
    assert run("scan", many, "--db", index).returncode == 0
    with Index(index) as opened:
        assert opened.stats()["photos"] == 154


def test_an_export_to_a_full_disk_leaves_no_partial_file(
    run: Any, album: Path, scanned: Path, small_disk: MountsDisk
) -> None:
    disk = small_disk(200 * 1024)
    line = one_line(run("export", disk / "sorted", "--db", scanned, "--emotion", "happy"))
    assert "No space left" in line
    copies = [path for path in disk.rglob("*") if path.is_file() and path.name != "albumsort-export.json"]
    sources = {path.read_bytes() for path in album.rglob("*") if path.is_file()}
    assert all(path.read_bytes() in sources for path in copies)
    assert not [path for path in copies if path.name.startswith(".")]


def test_copies_to_a_full_disk_fail_with_one_line(run: Any, scanned: Path, small_disk: MountsDisk) -> None:
    done = run("top", "happy", "--db", scanned, "--copy-to", small_disk(8192) / "best")
    assert done.returncode == 1
    assert "No space left" in done.stderr.splitlines()[-1]


def test_crops_and_drawings_on_a_full_disk_fail_with_one_line(run: Any, album: Path, small_disk: MountsDisk) -> None:
    disk, photo = small_disk(8192), album / "groups" / "both.jpg"
    (disk / "ballast").write_bytes(bytes(8192))
    done = run("predict", photo, "--crops", disk / "crops")
    assert (done.returncode, "No space left" in done.stderr) == (1, True)
    done = run("show", photo, "-o", disk / "drawn.png")
    assert (done.returncode, "No space left" in done.stderr) == (1, True)
    assert [path.name for path in disk.rglob("*") if path.is_file()] == ["ballast"]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as on Unix")
def test_an_index_in_a_folder_that_may_not_be_written_is_one_clear_line(
    public_folder: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    with unprivileged(), pytest.raises(AlbumsortError, match=r"index\.db: .*permission denied"):
        IndexWriter(public_folder / "index.db")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as on Unix")
def test_an_index_on_a_read_only_disk_can_be_asked(
    public_folder: Path, scanned: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    index = public_folder / "index.db"
    shutil.copy(scanned, index)
    index.chmod(0o444)
    with unprivileged():
        with Index(index) as opened:
            assert opened.top("happy")
        with pytest.raises(AlbumsortError, match=r"index\.db: "):
            IndexWriter(index)


def test_a_photo_that_goes_away_while_it_is_copied_leaves_no_partial_file(
    album: Path, index_of: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "photo.jpg"
    shutil.copy(album / "dim.jpg", photo)
    index = index_of({photo: [("happy", 0.9)]})

    def vanish(source: Any, target: Any, length: int) -> None:
        target.write(source.read(100))
        os.unlink(photo)

    monkeypatch.setattr(shutil, "copyfileobj", vanish)
    with Index(index) as opened, pytest.raises(AlbumsortError, match=r"photo\.jpg: No such file"):
        export(opened, tmp_path / "sorted", Query(("happy",)))
    assert [path.name for path in (tmp_path / "sorted").rglob("*")] == ["happy"]


def test_a_copy_that_differs_from_its_photo_is_not_kept(
    album: Path, index_of: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of({album / "dim.jpg": [("happy", 0.9)]})
    monkeypatch.setattr(shutil, "copyfileobj", lambda source, target, length: target.write(b"other bytes"))
    with Index(index) as opened, pytest.raises(AlbumsortError, match="the copy differs"):
        export(opened, tmp_path / "sorted", Query(("happy",)))
    assert [path.name for path in (tmp_path / "sorted").rglob("*")] == ["happy"]


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Mounts a disk with four photos that hangs: its readers cannot even be killed (state D) before the test ends."""
    if not (os.access("/dev/fuse", os.R_OK | os.W_OK) and shutil.which("bindfs")):
        pytest.skip("this machine has no bindfs, or does not allow FUSE file systems")
    folders = [tmp_path / name for name in ("real", "inner", "outer")]
    for folder in folders:
        folder.mkdir()
    for number in range(4):
        Image.new("RGB", (64, 64), (number, 0, 0)).save(folders[0] / f"{number}.png")
    daemons = []
    for source, target in pairwise(folders):
        daemons.append(subprocess.Popen(["bindfs", "-f", source, target]))
        while not os.path.ismount(target):
            assert daemons[-1].poll() is None

    def hang() -> Path:
        # The outer one has taken a question when it waits for the inner one, and then the kernel waits for its answer.
        daemons[0].send_signal(signal.SIGSTOP)
        return folders[-1]

    yield hang
    daemons[0].send_signal(signal.SIGCONT)
    for folder in reversed(folders[1:]):
        subprocess.run(["fusermount", "-u", "-z", folder], check=True)
    for daemon in daemons:
        daemon.wait()


@pytest.mark.slow
def test_a_disk_that_hangs_ends_no_scan_and_blames_no_file(tmp_path: Path, hanging: Callable[[], Path]) -> None:
    good = tmp_path / "good.png"
    Image.new("RGB", (64, 64)).save(good)
    disk = hanging()
    files = [PhotoFile(str(path), 1, 1) for path in (disk / "0.png", disk / "1.png", good)]
    errors = {}
    with Decoders(iter(files), DecoderSettings(1, 64, 256, seconds=2, slots=20)) as decoders:
        for item in decoders:
            photo = item.photo if isinstance(item, DecodedPhoto) else item
            errors[os.path.basename(photo.path)] = photo.error  # type: ignore[union-attr]
    assert errors.pop("good.png") is None
    assert set(errors.values()) == {"cannot be read (the disk did not answer for 2 s)"}
    assert set(errors) == {"0.png", "1.png"}


@pytest.mark.slow
def test_a_scan_of_a_disk_that_hangs_does_not_wait_for_each_of_many_files(hanging: Callable[[], Path]) -> None:
    disk = hanging()
    files = (PhotoFile(str(disk / f"{number}.png"), 1, 1) for number in range(100_000))
    settings = DecoderSettings(1, 64, 256, seconds=1, slots=3)
    with pytest.raises(AlbumsortError, match="does not answer"), Decoders(files, settings) as decoders:
        list(decoders)
