"""Decoders turn files into pixels in processes of their own; a bad file costs one file."""

import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from albumsort.album.decoders import DecodedPhoto, Decoders, DecoderSettings, KnownPhoto
from albumsort.records import Photo, PhotoFile

SETTINGS = DecoderSettings(workers=2, small_side=64, detail=256, max_megapixels=0.5, slots=3)


def file_of(path: Path) -> PhotoFile:
    status = os.stat(path)
    return PhotoFile(str(path), status.st_size, status.st_mtime_ns)


def picture(path: Path, shade: int = 90, size: tuple[int, int] = (300, 200)) -> PhotoFile:
    Image.new("RGB", size, (shade, 100, 200)).save(path)
    return file_of(path)


def pipe(path: Path) -> PhotoFile:
    """A file that cannot be opened before another process writes it, as on a network disk that does not answer."""
    os.mkfifo(path)
    return file_of(path)


def worker_pids() -> list[int]:
    return [process.pid for process in multiprocessing.active_children() if process.pid is not None]


def pid_that_reads(path: str) -> int:
    """The worker that has a file open. It may need a moment: a pipe opens at both ends before /proc shows it."""
    while True:
        for pid in worker_pids():
            if any(os.path.realpath(descriptor) == path for descriptor in Path(f"/proc/{pid}/fd").iterdir()):
                return pid


def kill(pid: int, death: int) -> None:
    os.kill(pid, death)
    for process in multiprocessing.active_children():
        if process.pid == pid:
            process.join()


@dataclass
class Outcome:
    """What came out of one run of the decoders, by file name."""

    photos: dict[str, Photo] = field(default_factory=dict)
    pixels: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    small: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    known: dict[str, KnownPhoto] = field(default_factory=dict)

    def collect(self, decoders: Decoders) -> None:
        for item in decoders:
            if isinstance(item, KnownPhoto):
                self.known[Path(item.file.path).name] = item
                continue
            photo = item.photo if isinstance(item, DecodedPhoto) else item
            name = Path(photo.path).name
            self.photos[name] = photo
            if isinstance(item, DecodedPhoto):
                self.pixels[name], self.small[name] = item.pixels.copy(), item.small.copy()
                decoders.release(item)

    @property
    def errors(self) -> dict[str, str]:
        return {name: photo.error for name, photo in self.photos.items() if photo.error}


@dataclass
class Run:
    outcome: Outcome
    files: list[PhotoFile]
    slots: int
    libraries: str


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, album: Path, composer: object) -> Run:
    """One run over good and bad files, shared by the tests of what came out."""
    folder = tmp_path_factory.mktemp("mixed")
    files = [picture(folder / f"{shade}.png", shade) for shade in range(10, 130, 10)]
    composer.portrait(composer.HAPPY).save(folder / "seen.jpg", exif=composer.exif("2024:05:17 15:00:00", 6))
    # This file is cut off: it would be an error if it were decoded.
    seen = (album / "portraits" / "grace-hopper.jpg").read_bytes()[:9000]
    (folder / "known.jpg").write_bytes(seen)
    (folder / "cut.jpg").write_bytes(seen[:8000])
    (folder / "text.jpg").write_text("a text")
    (folder / "empty.jpg").touch()
    files += [file_of(folder / name) for name in ("seen.jpg", "known.jpg", "cut.jpg", "text.jpg", "empty.jpg")]
    files.append(picture(folder / "huge.jpg", size=(1000, 600)))
    files.append(PhotoFile(str(folder / "gone.jpg"), 1, 1))
    digest = hashlib.sha256(seen).hexdigest()

    libraries: list[str] = []

    def watched() -> Iterator[PhotoFile]:
        yield from files
        # By now a worker has decoded some file.
        if sys.platform == "linux":
            libraries.extend(Path(f"/proc/{pid}/maps").read_text() for pid in worker_pids())

    outcome = Outcome()
    with Decoders(watched(), SETTINGS, lambda found: found == digest) as decoders:
        outcome.collect(decoders)
    return Run(outcome, files, decoders.slots, "".join(libraries))


def test_every_file_has_one_result(mixed: Run) -> None:
    names = [Path(file.path).name for file in mixed.files]
    assert sorted([*mixed.outcome.photos, *mixed.outcome.known]) == sorted(names)


def test_more_photos_than_slots_come_with_their_own_pixels(mixed: Run) -> None:
    shades = range(10, 130, 10)
    assert len(shades) > 2 * mixed.slots
    for shade in shades:
        pixels, small = mixed.outcome.pixels[f"{shade}.png"], mixed.outcome.small[f"{shade}.png"]
        assert pixels.shape == (171, 256, 3)
        assert small.shape == (43, 64, 3)
        assert (pixels == (shade, 100, 200)).all()
        assert (small == (shade, 100, 200)).all()


def test_a_photo_comes_with_digest_size_time_camera_and_hash(mixed: Run, composer: object) -> None:
    photo = mixed.outcome.photos["seen.jpg"]
    data = Path(photo.path).read_bytes()
    width, height = composer.portrait(composer.HAPPY).size
    assert photo.digest == hashlib.sha256(data).hexdigest()
    assert (photo.width, photo.height) == (height, width)
    assert (photo.taken_at, photo.camera, photo.size) == ("2024-05-17T15:00:00", "Example", len(data))
    assert photo.phash is not None
    assert len(bytes.fromhex(photo.phash)) == 8
    assert photo.error is None


def test_known_bytes_cost_no_decode(mixed: Run) -> None:
    known = mixed.outcome.known["known.jpg"]
    assert known.digest == hashlib.sha256(Path(known.file.path).read_bytes()).hexdigest()


def test_each_bad_file_says_what_is_wrong_with_it(mixed: Run) -> None:
    assert mixed.outcome.errors == {
        "cut.jpg": "truncated",
        "text.jpg": "not an image",
        "empty.jpg": "empty file",
        "huge.jpg": "too large (0.6 MP > 0.5 MP; see --max-megapixels)",
        "gone.jpg": "vanished during the scan",
    }


def test_a_bad_file_keeps_its_digest_if_it_has_bytes(mixed: Run) -> None:
    for name in ("cut.jpg", "text.jpg", "empty.jpg", "huge.jpg"):
        photo = mixed.outcome.photos[name]
        assert photo.digest == hashlib.sha256(Path(photo.path).read_bytes()).hexdigest()
    assert mixed.outcome.photos["gone.jpg"].digest is None


def test_a_photo_that_is_too_large_still_has_its_size(mixed: Run) -> None:
    assert (mixed.outcome.photos["huge.jpg"].width, mixed.outcome.photos["huge.jpg"].height) == (1000, 600)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_decoders_never_load_tensorflow(mixed: Run) -> None:
    assert "cv2" in mixed.libraries
    assert "tensorflow" not in mixed.libraries


@pytest.fixture(scope="module")
def trouble(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A run in which a decoder dies of a file, as by a bug in a codec, one is killed, and one never comes back."""
    folder = tmp_path_factory.mktemp("trouble")
    deaths = {
        pipe(folder / "crash.jpg"): signal.SIGSEGV,
        pipe(folder / "killed.jpg"): signal.SIGKILL,  # as the kernel does when memory is short
    }
    good = [picture(folder / f"{shade}.png", shade) for shade in (10, 20, 30, 40)]
    crash, killed = deaths
    files = [*good[:2], crash, good[2], killed, pipe(folder / "hang.jpg"), good[3]]
    outcome = Outcome()
    with Decoders(iter(files), DecoderSettings(2, 64, 256, seconds=8, slots=3)) as decoders:

        def shoot() -> None:
            # Opening to write waits for a reader, so that the decoder is in the middle of this very file.
            for _ in range(2):  # each file is tried twice
                for file, death in deaths.items():
                    with open(file.path, "wb"):
                        kill(pid_that_reads(file.path), death)

        gun = threading.Thread(target=shoot)
        gun.start()
        outcome.collect(decoders)
        gun.join()
    return outcome


@pytest.mark.slow
@pytest.mark.parametrize("name", ["crash.jpg", "killed.jpg"])
def test_a_decoder_that_dies_costs_one_file(trouble: Outcome, name: str) -> None:
    assert trouble.errors[name] == "decoder crashed"


@pytest.mark.slow
def test_a_file_that_cannot_be_read_to_its_end_costs_one_file(trouble: Outcome) -> None:
    assert trouble.errors["hang.jpg"] == "cannot be read (the disk did not answer for 8 s)"


@pytest.mark.slow
def test_a_decoder_that_hangs_with_a_file_that_it_has_read_costs_one_file(tmp_path: Path) -> None:
    files = [picture(tmp_path / f"{shade}.png", shade) for shade in (10, 20, 30)]
    hanging = hashlib.sha256(Path(files[1].path).read_bytes()).hexdigest()

    def stop(digest: str) -> bool:
        if digest == hanging:
            os.kill(*worker_pids(), signal.SIGSTOP)
        return False

    outcome = Outcome()
    with Decoders(iter(files), DecoderSettings(1, 64, 256, seconds=2, slots=3), stop) as decoders:
        outcome.collect(decoders)
    assert outcome.errors == {"20.png": "decoder took over 2 s"}
    assert sorted(outcome.pixels) == ["10.png", "30.png"]


@pytest.mark.slow
def test_files_after_a_crash_are_read(trouble: Outcome) -> None:
    assert sorted(trouble.errors) == ["crash.jpg", "hang.jpg", "killed.jpg"]
    assert sorted(trouble.pixels) == ["10.png", "20.png", "30.png", "40.png"]
    assert all((pixels[0, 0] == (int(name[:2]), 100, 200)).all() for name, pixels in trouble.pixels.items())


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGBUS, signal.SIGSTOP], ids=["killed", "disk", "stopped"])
def test_an_innocent_file_is_tried_again(tmp_path: Path, end: int) -> None:
    good = [picture(tmp_path / f"{shade}.png", shade) for shade in (10, 20, 30)]

    def files() -> Iterator[PhotoFile]:
        yield good[0]
        os.kill(*worker_pids(), end)  # a worker is idle when its next file is drawn
        yield from good[1:]

    outcome = Outcome()
    with Decoders(files(), DecoderSettings(1, 64, 256, seconds=3, slots=3)) as decoders:
        outcome.collect(decoders)
    assert sorted(outcome.pixels) == ["10.png", "20.png", "30.png"]
    assert outcome.errors == {}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of another process")
def test_a_photo_for_which_there_was_no_memory_is_tried_in_a_fresh_decoder(tmp_path: Path) -> None:
    import resource

    large = picture(tmp_path / "large.png", size=(9000, 9000))
    good = [picture(tmp_path / f"{shade}.png", shade) for shade in (10, 20)]

    def files() -> Iterator[PhotoFile]:
        yield good[0]
        (pid,) = worker_pids()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        room = pages * resource.getpagesize() + 100_000_000  # for less than half of the pixels
        resource.prlimit(pid, resource.RLIMIT_AS, (room, room))
        yield large
        yield good[1]

    outcome = Outcome()
    with Decoders(files(), DecoderSettings(1, 64, 256, slots=3)) as decoders:
        outcome.collect(decoders)
    assert outcome.errors == {}
    assert sorted(outcome.pixels) == ["10.png", "20.png", "large.png"]


def open_memory() -> list[str]:
    """The shared memory that this process has open; none on a system that does not tell."""
    return [name for fd in Path("/proc/self/fd").glob("*") if "memfd" in (name := os.path.realpath(fd))]


def test_leaving_early_leaves_no_process_and_no_memory(tmp_path: Path) -> None:
    files = iter([picture(tmp_path / "a.png"), pipe(tmp_path / "hang.jpg"), picture(tmp_path / "b.png")])
    before = set(multiprocessing.active_children())
    with pytest.raises(KeyboardInterrupt), Decoders(files, DecoderSettings(1, 64, 256, slots=3)) as decoders:
        for _ in decoders:
            raise KeyboardInterrupt
    assert set(multiprocessing.active_children()) <= before
    assert open_memory() == []


def test_a_module_in_the_working_directory_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("multiprocessing", "cv2", "PIL", "numpy", "pillow_heif"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    outcome = Outcome()
    with Decoders(iter([picture(tmp_path / "a.png")]), DecoderSettings(1, 64, 256, slots=3)) as decoders:
        outcome.collect(decoders)
    assert list(outcome.pixels) == ["a.png"]
    assert not (tmp_path / "owned").exists()
    assert "PYTHONSAFEPATH" not in os.environ


@pytest.mark.slow
@pytest.mark.parametrize("name", ["signal", "multiprocessing", "numpy"])
def test_a_scan_of_the_working_directory_runs_nothing_in_it(tmp_path: Path, name: str) -> None:
    # A fresh interpreter: the process that watches over shared memory is started once in each.
    picture(tmp_path / "a.png")
    (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w')\n")
    program = (
        "import os, sys\n"
        "from albumsort.album.decoders import Decoders, DecoderSettings\n"
        "from albumsort.records import PhotoFile\n"
        "if __name__ == '__main__':\n"
        f"    os.chdir({str(tmp_path)!r})\n"
        f"    files = iter([PhotoFile({str(tmp_path / 'a.png')!r}, 1, 1)])\n"
        "    with Decoders(files, DecoderSettings(1, 64, 256, slots=3)) as decoders:\n"
        "        for photo in decoders: decoders.release(photo)\n"
    )
    script = tmp_path.parent / f"scan_{name}.py"
    script.write_text(program)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "owned").exists()


def test_an_error_of_the_walk_is_raised_where_results_are_read(tmp_path: Path) -> None:
    def files() -> Iterator[PhotoFile]:
        yield picture(tmp_path / "a.png")
        raise RuntimeError("the walk broke")

    with (
        Decoders(files(), DecoderSettings(1, 64, 256, slots=3)) as decoders,
        pytest.raises(RuntimeError, match="the walk broke"),
    ):
        Outcome().collect(decoders)


def test_sixty_megapixels_are_decoded_at_once_or_one_larger_photo() -> None:
    settings = DecoderSettings(2, 64)
    assert settings.may_start(megapixels=48.0, in_decoding=12.0)
    assert not settings.may_start(megapixels=48.1, in_decoding=12.0)
    assert settings.may_start(megapixels=150.0, in_decoding=0.0)
    assert not settings.may_start(megapixels=1.0, in_decoding=150.0)


def test_photos_that_may_not_be_decoded_together_are_decoded_in_turn(tmp_path: Path) -> None:
    files = [picture(tmp_path / f"{shade}.png", shade) for shade in (10, 20, 30, 40, 50)]
    outcome = Outcome()
    with Decoders(iter(files), DecoderSettings(2, 64, 256, slots=3, megapixels_at_once=0.01)) as decoders:
        outcome.collect(decoders)
    assert len(outcome.pixels) == 5


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C interrupts, also where a shell started the tests in the background, which has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_ctrl_c_while_a_worker_starts_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    start = multiprocessing.process.BaseProcess.start

    def stopped(process: multiprocessing.process.BaseProcess) -> None:
        start(process)
        started.append(process)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", stopped)
    with pytest.raises(KeyboardInterrupt), Decoders(iter([]), DecoderSettings(2, 64, 64, slots=3)):
        pytest.fail("it goes on")
    assert len(started) == 1
    assert not started[0].is_alive()
