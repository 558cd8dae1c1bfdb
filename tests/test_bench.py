"""bench measures each stage on its own photos, keeps nothing, and says what it found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from albumsort import bench as module
from albumsort.bench import Bench, bench
from albumsort.cli import app
from albumsort.errors import AlbumsortError
from albumsort.report.lists import bench_table
from albumsort.settings import ScanSettings

STAGES = ["reading", "decoding", "detection", "classification"]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONG_ENOUGH", 0.1)


@pytest.fixture(scope="module")
def groups(album: Path) -> Path:
    return album / "groups"


def test_every_stage_is_measured_and_nothing_is_left(
    groups: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(module.tempfile, "tempdir", None)
    before = sorted(groups.iterdir())
    noted: list[str] = []
    found = bench(groups, 100, ScanSettings(device="cpu"), noted.append)
    assert list(found.rates) == list(found.shares) == STAGES
    assert noted == [*STAGES, "whole scan"]
    assert all(rate > 0 for rate in found.rates.values())
    assert sum(found.shares.values()) == pytest.approx(1, abs=0.01)
    assert found.photos == len(before) == 3
    assert found.faces > 1
    assert found.scan > 0 and found.start > 0
    # TensorFlow alone has more than 200 MB; a figure in bytes or pages would be far off.
    assert 200 < found.peak_memory < 20_000
    assert sorted(groups.iterdir()) == before
    assert not list(tmp_path.glob("albumsort*"))


def test_photos_are_taken_from_all_of_the_folder(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    monkeypatch.setattr(module, "_reading", lambda files, threads: taken.extend(file.path for file in files) or 1.0)
    monkeypatch.setattr(module, "_decoding", lambda files, settings: (1.0, []))
    with pytest.raises(AlbumsortError, match="no photo here that can be read"):
        bench(album, 4, ScanSettings())
    assert len(taken) == 4
    assert len({Path(path).parent for path in taken}) > 1


def test_a_folder_without_photos_is_told(tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_text("not a photo")
    result = CliRunner().invoke(app, ["bench", str(tmp_path)])
    assert isinstance(result.exception, AlbumsortError)
    assert "no photo here that can be read" in str(result.exception)
    empty = CliRunner().invoke(app, ["bench", str(tmp_path / "nowhere")])
    assert "no such folder" in str(empty.exception)


def test_the_table_names_what_bounds_the_machine() -> None:
    rates = {"reading": 500.0, "decoding": 40.0, "detection": 25.0}
    shares = {"reading": 0.03, "decoding": 0.35, "detection": 0.62, "classification": 0.0}
    table = bench_table(Bench(100, 12.0, 3.1, 0.0, rates, shares, 20.0, 5.0, 1200.0, 2))
    assert "bound by detection" in table
    assert "50% of decoding alone" in table
    assert "10,000 such photos take 8 minutes" in table
    assert "classification" not in table  # nobody was on them


def test_the_command_prints_json(groups: Path) -> None:
    result = CliRunner().invoke(app, ["bench", str(groups), "--photos", "1", "--json", "--device", "cpu"])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["photos"] == 1
    assert set(printed["rates"]) == set(STAGES)
