"""What people type that is wrong, and what they are told to type instead: input, exit code, standard error."""

from __future__ import annotations

import os
import shlex

import pytest


@pytest.fixture
def typed(place, call):
    """Types a command in a folder with photos and their index, and with names that have blanks."""
    (place / "My Pictures").mkdir()
    (place / "My Photo.jpg").write_bytes((place / "photos" / "a.jpg").read_bytes())
    (place / "notes.txt").write_text("no picture")
    return lambda words: call(*shlex.split(words), env={**os.environ, "ALBUMSORT_DB": "index.db"})


QUOTES = "Put quotes around a name with blanks: "
EVERY = "angry, disgust, fear, happy, sad, surprise or neutral"
FILE = "notes.txt: a file, not a folder; choose another name\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        # a word that is no command
        ("happy", 2, "The photos that show it: albumsort top happy."),
        ("Joy -n 5", 2, "The photos that show it: albumsort top Joy -n 5."),
        ("happy sad --year 2024", 2, "albumsort top happy sad --year 2024."),
        ("hapy", 2, "albumsort top happy."),
        ("photos", 2, "To read the photos in this folder: albumsort scan photos."),
        ("photos/a.jpg", 2, "To read the faces of this photo: albumsort predict photos/a.jpg."),
        ("'My Photo.jpg'", 2, "albumsort predict 'My Photo.jpg'."),
        ("train --data fer2013.csv", 2, "Did you mean: albumsort model train --data fer2013.csv."),
        ("evaluate fer2013.csv", 2, "Did you mean: albumsort model evaluate fer2013.csv."),
        ("model happy", 2, "No such command 'happy'. Usage: albumsort model"),
        # a word that is no emotion
        ("top happy 20", 2, "'20' is no emotion; for so many photos: -n 20."),
        ("list happy 5", 2, "-n 5."),
        ("sheet 100 happy", 2, "-n 100."),
        ("export happy 20 out", 2, "-n 20."),
        ("bursts 3 happy photos", 2, "-n 3."),
        ("top happy 2024", 2, "for photos of that time: --year 2024."),
        ("top happy 2024-05", 2, "--month 2024-05."),
        ("list happy 2024-05-17", 2, "--since 2024-05-17."),
        ("top happy ./photos", 2, "for photos below that folder: --under ./photos."),
        ("top happy .", 2, "--under . Usage:"),
        # no emotion
        ("top", 2, f"Name an emotion, which is {EVERY}, such as: albumsort top happy."),
        ("top --year 2024", 2, "such as: albumsort top happy --year 2024."),
        ("sheet -o 'our party.jpg'", 2, "such as: albumsort sheet happy -o 'our party.jpg'."),
        ("scan", 2, "Missing argument 'FOLDER...'. For example: albumsort scan ~/Photos. Usage: "),
        ("show", 2, "Missing argument 'PHOTO'. For example: albumsort show party.jpg. Usage: "),
        ("export", 2, "For example: albumsort export ~/Sorted."),
        ("forget", 2, "For example: albumsort forget "),
        # names with blanks, without quotes
        ("scan My Pictures", 1, f"{QUOTES}'My Pictures'"),
        ("predict My Photo.jpg", 1, f"{QUOTES}'My Photo.jpg'"),
        ("show My Photo.jpg", 2, f"{QUOTES}'My Photo.jpg'."),
        ("correct My Photo.jpg happy", 2, f"{QUOTES}'My Photo.jpg'."),
        ("forget My Pictures", 2, f"{QUOTES}'My Pictures'."),
        ("export happy My Pictures", 2, f"{QUOTES}'My Pictures'."),
        ("top happy --under My Pictures", 2, f"{QUOTES}'My Pictures'."),
        ("My Photo.jpg", 2, f"{QUOTES}'My Photo.jpg'."),
        ("predict No Photo.jpg", 1, "albumsort: no photo could be read\n"),
        # options of other commands, and none that is like it
        (
            "list happy --closest",
            2,
            "No such option: --closest. Another command has it: albumsort top happy --closest.",
        ),
        ("show photos/a.jpg --json", 2, "Another command has it: albumsort predict photos/a.jpg --json."),
        ("show 1 --json", 2, "These commands have it: predict, "),
        ("list --closest", 2, "These commands have it: top, export, sheet."),
        ("top happy -o a.jpg", 2, "Another command has it: albumsort sheet happy -o a.jpg."),
        ("top happy --rating 3", 2, "No such option: --rating. Usage:"),
        ("top happy --treshold 0.3", 2, "Did you mean --threshold?"),
        ("top happy --thresh 0.3", 2, "Did you mean --threshold?"),
        ("top lucky", 2, "sad, surprise, neutral. Usage:"),
        ("top party", 2, "sad, surprise, neutral. Usage:"),
        ("stats happy", 2, "albumsort stats takes no emotion; the photos that show it: albumsort top happy."),
        ("stats happy --year 2024", 2, "albumsort top happy --year 2024."),
        ("problems sad", 2, "albumsort top sad."),
        ("show photos/a.jpg photos/b.jpg", 2, "extra argument(s) (photos/b.jpg). Usage:"),
        ("bench photos -n 5", 2, "No such option: -n."),
        # words for help
        ("help", 2, "Did you mean: albumsort --help."),
        ("help top", 2, "Did you mean: albumsort top --help."),
        ("version", 2, "Did you mean: albumsort --version."),
        # words in another order, or without what should stand before them
        ("top happy -20", 2, "Did you mean: albumsort top happy -n 20."),
        ("sheet happy happy.jpg", 2, "Did you mean: albumsort sheet happy -o happy.jpg."),
        ("sheet party.html happy -n 3", 2, "Did you mean: albumsort sheet -o party.html happy -n 3."),
        ("correct happy 3", 2, "Did you mean: albumsort correct 3 happy."),
        ("correct sad photos/a.jpg", 2, "Did you mean: albumsort correct photos/a.jpg sad."),
        ("top happy and sad", 2, "'and' is no emotion; write emotions one behind the other, such as: happy surprise."),
        ("export happy", 2, "such as: albumsort export happy ~/Sorted. For a folder happy: ./happy."),
        # dates with blanks, without quotes
        ("top happy --since last month", 2, "Put quotes around a date with blanks: --since 'last month'."),
        ("top happy --since 3 months ago -n 5", 2, "--since '3 months ago'."),
        ("list --month May 2024", 2, "--month 'May 2024'."),
        # a model without its option
        ("model info mine.keras", 2, "Did you mean: albumsort model info --model mine.keras."),
        # folders and files that are not there, or are not what they should be
        ("top happy --copy-to notes.txt", 1, FILE),
        ("top happy --copy-to notes.txt/a", 1, FILE),
        ("export happy notes.txt", 1, FILE),
        ("export happy notes.txt --dry-run", 1, FILE),
        ("predict photos/a.jpg --crops notes.txt", 1, FILE),
        ("show photos/a.jpg -o notes.txt/a.jpg", 1, FILE),
        ("sheet happy -o notes.txt/a.jpg", 1, FILE),
        ("stats --plot notes.txt/a.png", 1, FILE),
        *(
            (f"{words} nodir/deep/a.png", 1, "albumsort: nodir/deep: No such file or folder; make this folder first\n")
            for words in ("show photos/a.jpg -o", "sheet happy -o", "stats --plot", "sheet happy --force -o")
        ),
    ],
)
def test_a_wrong_line_says_what_to_type_instead(typed, place, words, code, message):
    before = sorted(place.rglob("*"))
    done = typed(words)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert sorted(path for path in place.rglob("*") if "index.db-" not in path.name) == before


@pytest.mark.parametrize("words", ["happy -o out", "-o out happy", "happy --output out", "happy --output=out -n 5"])
def test_an_export_takes_its_folder_as_other_commands_do(typed, place, words):
    assert typed(f"export {words}").returncode == 0
    assert len(list((place / "out" / "happy").iterdir())) == 2
    assert typed("export -o out --undo").stdout == "out: 2 removed\n"
