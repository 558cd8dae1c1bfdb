"""Decoded photos in shared memory: little room for it costs no photo, and no death of the program leaves any of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="/dev/shm, mount namespaces and /proc are Linux's"),
]
#: Decodes the photos of a folder, and keeps all slots of the shared memory filled while it waits for a line.
DECODE = """
import os, sys
from albumsort.album.decoders import DecodedPhoto, Decoders, DecoderSettings
from albumsort.album.walk import photo_file
if __name__ == "__main__":
    files = [photo_file(entry.path) for entry in sorted(os.scandir(sys.argv[1]), key=lambda entry: entry.name)]
    good, held = 0, []
    with Decoders(iter(files), DecoderSettings(2, 1024, 2048, slots=24)) as decoders:
        for photo in decoders:
            good += isinstance(photo, DecodedPhoto) and bool((photo.pixels == photo.pixels[0, 0]).all())
            held.append(photo)
            if len(held) == 24:
                print("full", flush=True)
                sys.stdin.readline()
                while held:
                    decoders.release(held.pop())
    print(good)
"""


@pytest.fixture(scope="module")
def forty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty photos, each of which fills its slot."""
    folder = tmp_path_factory.mktemp("forty")
    for number in range(40):
        Image.new("RGB", (2048, 2048), (number, 100, 200)).save(folder / f"{number:02d}.jpg")
    return folder


def decode(folder: Path, *before: str, script: Path, **options: object) -> subprocess.Popen[str]:
    script.write_text(DECODE)
    command = [*before, sys.executable, str(script), str(folder)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, text=True, **{**streams, **options})  # type: ignore[call-overload,no-any-return]


def names() -> set[str]:
    return set(os.listdir("/dev/shm"))


def test_two_scans_in_64_megabytes_of_dev_shm_lose_no_photo(forty: Path, tmp_path: Path) -> None:
    small = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"', "sh")
    if not shutil.which("unshare") or subprocess.run([*small, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    both = [decode(forty, *small, script=tmp_path / f"{name}.py") for name in "ab"]
    for process in both:
        assert process.stdout and process.stdout.readline() == "full\n"
    # Now both have all their slots filled, at the same time.
    assert [process.communicate("\n")[0] for process in both] == ["40\n", "40\n"]


@pytest.mark.parametrize("is_whole_group", [True, False], ids=["group", "program"])
def test_a_killed_scan_leaves_no_memory_and_no_process(forty: Path, tmp_path: Path, is_whole_group: bool) -> None:
    before = names()
    with decode(forty, script=tmp_path / "decode.py", start_new_session=True) as process:
        assert process.stdout and process.stdout.readline() == "full\n"
        (os.killpg if is_whole_group else os.kill)(process.pid, signal.SIGKILL)
        # Each decoder has the pipe open, too. It ends when none of them lives.
        assert process.stdout.read() == ""
    assert names() <= before


def test_a_decoder_that_hangs_ends_with_a_killed_scan(forty: Path, tmp_path: Path) -> None:
    shutil.copytree(forty, tmp_path / "forty")
    for number in (8, 16):
        (tmp_path / "forty" / f"{number:02d}.jpg").unlink()
        os.mkfifo(tmp_path / "forty" / f"{number:02d}.jpg")
    with decode(tmp_path / "forty", script=tmp_path / "decode.py", start_new_session=True) as process:
        held: list[int] = []
        for number in (8, 16):  # opening to write waits for a decoder that reads
            held.append(os.open(tmp_path / "forty" / f"{number:02d}.jpg", os.O_WRONLY))
        process.kill()
        assert process.stdout
        process.stdout.read()
    for descriptor in held:
        os.close(descriptor)


def test_a_closed_terminal_leaves_no_memory_and_no_process(album: Path, tmp_path: Path) -> None:
    before = names()
    for number in range(40):
        (tmp_path / f"{number}.jpg").write_bytes((album / "dim.jpg").read_bytes() + b"%d" % number)
    # The scan stops here until the terminal is closed: its first word is that the first photo was read.
    code = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "from functools import partial; import albumsort.scanning.scan as module; from albumsort.cli import main\n"
        "tell = int(sys.argv.pop(1))\n"
        "def halt(summary): os.write(tell, b'!') if summary.scanned == 1 else None; real(summary)\n"
        "run = module.scan\n"
        "def scan(paths, index, settings, progress):\n"
        "    global real; real = progress; return run(paths, index, settings, halt, write_seconds=0)\n"
        "module.scan = scan; main()"
    )
    ours, theirs = os.openpty()
    told, tell = os.pipe()
    command = [sys.executable, "-c", code, str(tell), "scan", str(tmp_path), "--db", str(tmp_path / "index.db")]
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
        pass_fds=(tell,),
    )
    os.close(theirs)
    os.close(tell)
    assert os.read(told, 1) == b"!"
    os.close(ours)  # the system sends SIGHUP to the program and its decoders
    assert process.stdout and process.stdout.read() == b""  # no process of it lives any more
    assert process.wait() == 130
    assert names() <= before
