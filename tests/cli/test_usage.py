"""What every command has in common: exit codes, one clear line for what goes wrong, a quick start, streams."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from albumsort.cli.command import in_home
from albumsort.emotions import EMOTIONS

HEAVY = {"tensorflow", "keras", "cv2", "numpy", "sqlite_utils", "PIL", "matplotlib"}


def imported(*args: object) -> set[str]:
    """The top-level packages that a command line loads."""
    command = [sys.executable, "-X", "importtime", "-m", "albumsort", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert len(lines) > 50
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The message of a command that failed: a single line, and nothing on standard output."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_help_and_version_exit_0(call):
    assert "Usage" in call("--help").stdout
    version = call("--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout.strip()[-1].isdigit()


@pytest.mark.parametrize("command", [("top", "bliss"), ("export", "out", "--emotion", "bliss")])
def test_an_unknown_emotion_exits_2_and_names_the_right_ones(call, command):
    done = call(*command)
    assert done.returncode == 2
    assert all(emotion in done.stderr for emotion in EMOTIONS)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "options",
    [("--since", "soon"), ("--until", "2024-13"), ("-n", "0"), ("--threshold", "2"), ("--format", "xml")],
)
def test_wrong_options_exit_2_and_say_what_is_right(call, scanned, options):
    done = call("top", "happy", "--db", scanned, *options)
    assert done.returncode == 2
    assert options[0].lstrip("-") in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", [("top", "happy"), ("stats",), ("problems",), ("prune",), ("export", "out")], ids=lambda words: words[0]
)
def test_a_question_without_an_index_fails_with_one_line_and_makes_none(call, tmp_path, command):
    assert "albumsort scan" in one_line(call(*command, "--db", tmp_path / "none.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_index_fails_with_one_line(call, tmp_path):
    (tmp_path / "notes.db").write_text("some notes, not a database, " * 100)
    assert "notes.db" in one_line(call("top", "happy", "--db", tmp_path / "notes.db"))


def test_scan_of_a_missing_folder_fails_with_one_line_and_makes_no_index(call, tmp_path):
    assert "nowhere" in one_line(call("scan", tmp_path / "nowhere", "--db", tmp_path / "made.db"))
    assert list(tmp_path.iterdir()) == []


def test_the_index_is_that_of_the_environment_unless_an_option_names_another(call, album, index_of, tmp_path):
    photo = album / "dim.jpg"
    one = index_of({photo: [("happy", 0.9)]}, "one.db")
    index_of({photo: [("sad", 0.9)]}, "two.db")
    environment = {**os.environ, "ALBUMSORT_DB": str(tmp_path / "two.db")}
    assert call("top", "sad", "--format", "paths", env=environment).stdout == f"{photo}\n"
    assert call("top", "happy", "--format", "paths", "--db", one, env=environment).stdout == f"{photo}\n"


def test_without_option_and_environment_the_index_is_in_the_user_data_folder(call, tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != "ALBUMSORT_DB"}
    message = one_line(
        call("stats", env={**environment, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")})
    )
    assert str(tmp_path) in message


@pytest.mark.parametrize("question", [("--help",), ("top", "happy"), ("list",), ("problems",)])
def test_questions_load_no_heavy_library(question, scanned):
    options = () if question == ("--help",) else ("--db", scanned)
    assert not imported(*question, *options) & HEAVY


@pytest.mark.parametrize(
    "question", [("stats", "--json"), ("top", "happy", "--min-face", "1"), ("top", "happy", "--everyone")]
)
def test_questions_that_look_at_all_faces_load_numpy_and_nothing_else_that_is_heavy(question, scanned):
    assert imported(*question, "--db", scanned) & HEAVY == {"numpy"}


def test_export_loads_neither_tensorflow_nor_opencv(scanned, tmp_path):
    loaded = imported("export", tmp_path / "out", "--db", scanned, "--threshold", "0")
    assert not loaded & {"tensorflow", "keras", "cv2", "numpy"}
    assert (tmp_path / "out").is_dir()


@pytest.mark.parametrize("photos", [1, 2000])
def test_a_closed_pipe_ends_quietly(index_of, tmp_path, photos):
    index = index_of({tmp_path / f"{number:04d}.jpg": "not an image" for number in range(photos)})
    command = [sys.executable, "-m", "albumsort", "problems", "--db", str(index)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        process.stdout.close()  # as `| head` does once it has its lines
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.parametrize("photos", [1, 2000])
@pytest.mark.parametrize("form", ["table", "json", "csv"])
@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_list_that_is_cut_off_fails_no_script_that_sets_pipefail(index_of, tmp_path, photos, form, reader):
    index = index_of({tmp_path / f"{number:04d}.jpg": [("happy", 0.9)] for number in range(photos)})
    program = f"{shlex.quote(sys.executable)} -m albumsort"
    for command in (f"top happy -n {photos}", "list"):
        script = f"set -o pipefail; {program} {command} --format {form} --db {shlex.quote(str(index))} | {reader}"
        done = subprocess.run(["bash", "-c", script], check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_photos_are_copied_though_nobody_reads_the_list(index_of, tmp_path, album):
    photos = [tmp_path / f"{number}.jpg" for number in range(3)]
    for photo in photos:
        photo.write_bytes((album / "places" / "cat.jpg").read_bytes() + photo.name.encode())
    index, target = index_of({photo: [("happy", 0.9)] for photo in photos}), tmp_path / "copies"
    command = [sys.executable, "-m", "albumsort", "top", "happy", "--db", str(index), "--copy-to", str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.readline() == f"3 photos copied to {target}\n"
        assert f"to undo it: albumsort export {target} --undo\n" in process.stderr.read()
    assert process.returncode == 0
    assert len(list(target.glob("*.jpg"))) == 3


def test_the_installed_program_is_the_module(run):
    program = Path(sys.executable).with_name("albumsort")
    if not program.exists():
        pytest.skip("albumsort is run from its sources here, without its script")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == run("--version").stdout


def test_a_tilde_is_the_home_folder_in_each_path(call, scanned, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "USERPROFILE": str(home)}
    shutil.copy(scanned, home / "index.db")
    listed = call("top", "happy", "--db=~/index.db", env=environment)
    assert listed.returncode == 0 and listed.stdout
    assert call("top", "happy", env={**environment, "ALBUMSORT_DB": "~/index.db"}).stdout == listed.stdout
    done = call("top", "happy", "--db=~/index.db", "--copy-to=~/copies", env=environment)
    assert done.returncode == 0 and any((home / "copies").iterdir())
    assert not list(tmp_path.glob("~*"))


@pytest.mark.parametrize("path", ["~/a.jpg", Path("~/a.jpg"), ["x", Path("~/a.jpg")], Path("~nobody-here/a.jpg")])
def test_only_paths_get_the_home_folder(path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    expected = {"~/a.jpg": "~/a.jpg", "x": "x", Path("~/a.jpg"): Path("/home/me/a.jpg")}
    (got,) = [in_home(path)]
    if isinstance(path, list):
        assert got == [expected[part] for part in path]
    else:
        assert got == expected.get(path, path)


def test_a_pattern_of_a_path_in_the_home_folder_is_left_out(call, album, tmp_path):
    environment = {**os.environ, "HOME": str(tmp_path)}
    shutil.copytree(album / "portraits", tmp_path / "photos")
    done = call("scan", "~/photos", "--exclude=~/photos/*", "--db=~/index.db", env=environment)
    assert done.returncode == 0, done.stderr
    assert "0 photos" in done.stdout + done.stderr
