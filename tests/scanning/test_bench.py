"""bench measures each stage on its own photos, keeps nothing, and says what it found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from albumsort.cli.bench import bench_table
from albumsort.errors import AlbumsortError
from albumsort.records import PhotoFile
from albumsort.scanning.batches import decoder_settings
from albumsort.scanning.bench import (
    Bench,
    bench,
    choose_files,
    decoded_photos,
    reading_time,
    time_per_photo,
    time_per_turn,
    without_copies,
)
from albumsort.scanning.bench_scan import RateOfScan, peak_memory
from albumsort.scanning.summary import ScanSummary
from albumsort.settings import ScanSettings
from albumsort.vision.models import shipped_model

STAGES = ["reading", "decoding", "detection", "classification"]


@pytest.fixture(scope="module")
def groups(album: Path) -> Path:
    return album / "groups"


@pytest.mark.slow
def test_every_stage_is_measured_and_nothing_is_left(
    groups: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = sorted(groups.iterdir())
    with caplog.at_level("INFO", "albumsort"):
        found = bench(groups, 100, ScanSettings(device="cpu"), long_enough=0.1)
    assert list(found.rates) == list(found.shares) == STAGES
    assert [record.getMessage() for record in caplog.records] == [
        f"measuring: {stage}" for stage in (*STAGES, "whole scan")
    ]
    assert all(rate > 0 for rate in found.rates.values())
    assert sum(found.shares.values()) == pytest.approx(1, abs=0.01)
    assert found.photos == len(before) == 3
    assert found.faces > 1
    assert found.scan > 0 and found.start > 0
    assert not found.is_steady  # three photos tell nothing of an album
    # TensorFlow alone has more than 200 MB; a figure in bytes or pages would be far off.
    assert 200 < found.peak_memory < 20_000
    assert sorted(groups.iterdir()) == before
    assert not list(tmp_path.glob("albumsort*"))


def test_photos_are_taken_from_all_of_the_folder(album: Path) -> None:
    taken = [file.path for file in choose_files(album, 4, ScanSettings())]
    assert len(set(taken)) == 4
    assert len({Path(path).parent for path in taken}) > 1


def test_a_folder_without_photos_is_told(tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_text("not a photo")
    with pytest.raises(AlbumsortError, match="has no photo that can be read"):
        bench(tmp_path, None, ScanSettings())
    with pytest.raises(AlbumsortError, match="no such folder"):
        bench(tmp_path / "nowhere", None, ScanSettings())


def test_the_table_names_what_bounds_the_machine() -> None:
    rates = {"reading": 500.0, "decoding": 40.0, "detection": 25.0}
    shares = {"reading": 0.03, "decoding": 0.35, "detection": 0.62, "classification": 0.0}
    table = bench_table(Bench(100, 12.0, 3.1, 0.0, rates, shares, 20.0, True, 5.0, 1200.0, 2))
    assert "limited by detection" in table
    assert "50% of decoding alone" in table
    assert "10,000 such photos take 8 minutes" in table
    assert "classification" not in table  # nobody was on them


def test_of_few_photos_no_rate_is_drawn_out_to_an_album() -> None:
    rates, shares = {"reading": 500.0, "decoding": 40.0}, {"reading": 0.1, "decoding": 0.9}
    table = bench_table(Bench(3, 12.0, 3.1, 0.0, rates, shares, 0.4, False, 5.0, 1200.0, 2))
    assert "too few to tell the speed" in table
    assert "with its start" in table
    assert "10,000" not in table


@pytest.mark.parametrize(("photos", "workers", "is_steady"), [(100, 2, True), (200, 16, True), (100, 16, False)])
def test_the_rate_of_a_scan_is_without_its_start(photos: int, workers: int, is_steady: bool) -> None:
    """Six seconds of start in which as much is decoded as there is room for, then 100 photos a second."""
    now = 0.0
    rate = RateOfScan(decoder_settings(ScanSettings(workers=workers)).slots, lambda: now)
    now = 6.0
    summary = ScanSummary(found=photos)
    for number in range(photos):
        if number % 6 == 5:
            now += 0.06
        summary.scanned += 1
        rate.progress(summary)
    found = rate.figures(photos)
    assert found["photos"] == photos
    assert found["start"] == pytest.approx(6.0, abs=0.1)
    assert found["is_steady"] == is_steady
    assert found["rate"] == pytest.approx(100 if is_steady else photos / (6 + photos / 100), rel=0.1)


def test_the_start_ends_with_the_first_photo_that_could_be_read() -> None:
    now = 0.0
    rate = RateOfScan(24, lambda: now)
    for now, scanned, errors in ((1.0, 1, 1), (2.0, 2, 1), (3.0, 3, 1)):  # noqa: B007 - the clock reads it
        rate.progress(ScanSummary(found=3, scanned=scanned, errors=errors))
    assert rate.start == 2.0


def test_the_default_is_enough_photos_on_a_machine_of_many_cores(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number}.jpg").write_bytes(b"")
    for workers in (2, 16):
        settings = ScanSettings(workers=workers)
        assert len(choose_files(tmp_path, None, settings)) >= max(100, 3 * decoder_settings(settings).slots)


def test_decoding_is_timed_without_the_start() -> None:
    # Two processes that start in 2 seconds, and then take a tenth of a second for a photo each.
    done = [2.1 + 0.1 * (number // 2) for number in range(42)]
    assert time_per_photo(0.0, done, 2) == pytest.approx(0.05, rel=0.03)


@pytest.mark.parametrize(("done", "seconds"), [([], 0.0), ([2.1], 2.1), ([2.0, 3.0], 1.5)])
def test_with_no_more_photos_than_processes_decoding_is_timed_with_the_start(done: list[float], seconds: float) -> None:
    assert time_per_photo(0.0, done, 2) == pytest.approx(seconds)


def test_networks_are_timed_by_turns() -> None:
    now, calls = [0.0], []

    def work(batch: str) -> None:
        calls.append(batch)
        now[0] += 0.03

    assert time_per_turn(work, ["a", "b"], 0.1, callers=1, clock=lambda: now[0]) == pytest.approx(0.06)
    assert calls == ["a", "b"] * 3  # the first turn does not count, and two are long enough


def test_the_peak_of_memory_is_that_of_all_processes_at_their_highest() -> None:
    held = 200 << 20
    code = f"import sys; a = bytearray(b'x') * {held}; print(flush=True); input(); del a; print(flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        with peak_memory(os.getpid(), 0.01) as peak:
            assert child.stdout is not None and child.stdin is not None
            child.stdout.readline()
            _wait_for(lambda: peak[0] > held)
            highest = peak[0]
            child.stdin.write("\n")
            child.stdin.flush()
            child.stdout.readline()
            time.sleep(0.1)  # some looks at what is left
        child.communicate("\n")
    assert peak[0] >= highest


def _wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


def test_copies_and_raws_of_jpegs_are_left_out_as_in_a_scan(groups: Path, tmp_path: Path) -> None:
    (photo,) = sorted(groups.iterdir())[:1]
    for name in ("one.jpg", "two.jpg"):
        shutil.copy(photo, tmp_path / name)
    (tmp_path / "one.dng").write_bytes(b"II*\0")
    taken = without_copies(choose_files(tmp_path, None, ScanSettings()))
    assert [Path(file.path).name for file in taken] == ["one.jpg"]


def test_the_networks_are_timed_on_photos_wherever_they_are(groups: Path, tmp_path: Path) -> None:
    photos = sorted(groups.iterdir())
    broken = [tmp_path / f"{number}.jpg" for number in range(4)]
    for path in broken:
        path.write_bytes(b"\xff\xd8\xff\xe0 and no more")
    files = [PhotoFile(str(path), path.stat().st_size, 1) for path in (*broken, *photos)]
    assert len(decoded_photos(files, ScanSettings(), 2)) == 2


def test_a_file_that_no_scan_reads_is_not_read_either(tmp_path: Path) -> None:
    film = tmp_path / "film.jpg"
    with film.open("wb") as file:
        file.truncate(8 << 40)  # to read it would take hours
    large = PhotoFile(str(film), 8 << 40, 1)
    assert reading_time([large], 1) > 0
    assert without_copies([large]) == [large]


@pytest.mark.slow
def test_a_scan_that_is_stopped_tidies_up(groups: Path, tmp_path: Path) -> None:
    order = {"settings": asdict(ScanSettings()), "index": str(tmp_path / "i.db")}
    order["paths"] = [os.fsencode(path).hex() for path in sorted(groups.iterdir())]
    command = [sys.executable, "-m", "albumsort.scanning.bench_scan"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as child:  # type: ignore[call-overload]
        child.stdin.write(json.dumps(order))
        child.stdin.close()
        _wait_for(lambda: child.poll() is not None or bool(psutil.Process(child.pid).children()))
        child.terminate()
        assert child.wait() == 130
        assert child.stderr.read() == ""


@pytest.mark.slow
def test_a_model_is_found_from_where_the_program_was_started(
    groups: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in shipped_model().parent.glob(f"{shipped_model().stem}.*"):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    found = bench(groups, 1, ScanSettings(model=shipped_model().name, device="cpu"), long_enough=0.1)
    assert found.photos == 1  # the scan runs in a process of its own, and in another folder


@pytest.mark.slow
def test_the_command_prints_json_and_says_on_standard_error_what_it_measures(
    groups: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run("bench", groups, "--photos", "1", "--json", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [f"measuring: {stage}" for stage in (*STAGES, "whole scan")]
    printed = json.loads(done.stdout)
    assert printed["photos"] == 1
    assert set(printed["rates"]) == set(STAGES)
