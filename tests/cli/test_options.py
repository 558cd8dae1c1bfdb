"""Each option of each command reaches the work that the command starts, or changes what it prints or writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from albumsort import Filters


def is_json(done) -> bool:
    return done.is_json


def best_frame(done) -> dict[str, Any]:
    return json.loads(done.stdout)[0]["frames"][0] if done.is_json else {}


def sheets(done, function: str = "sheet.draw") -> list[Any]:
    return done.calls_of[f"albumsort.report.{function}_sheet"]


def watched(done) -> Any:
    return done.calls_of["albumsort.scanning.watch.watch"][0]


def query(name: str, values: str, path: str, expected: Any) -> dict[str, tuple]:
    return {name: (values, f"query.{path}", expected)}


FILTERS = {
    **query("--threshold", "0.7", "threshold", 0.7),
    "--under": (
        "photos --under other",
        lambda done: [Path(folder).name for folder in done.calls[0].query.filters.under or ()],
        ["photos", "other"],
    ),
    **query("--since", "2023", "filters.since", "2023"),
    **query("--until", "2025-06", "filters.until", "2025-06"),
    **query("--year", "2024", "filters", Filters(since="2024", until="2024")),
    **query("--month", "2024-5", "filters", Filters(since="2024-05", until="2024-05")),
    **query("--undated", "", "filters.undated", True),
    **query("--camera", "Exam", "filters.camera", "Exam"),
    **query("--min-faces", "1", "filters.min_faces", 1),
    **query("--max-faces", "9", "filters.max_faces", 9),
    **query("--not", "fear", "filters.without", ("fear",)),
    **query("--min-face", "0.5", "filters.min_face", 0.5),
    **query("--min-detection", "0.25", "filters.min_detection", 0.25),
}
#: Both spellings of every command that prints JSON.
JSON = {"--json": ("", is_json, True), "--format": ("json", is_json, True)}
SCHEME = query("--label-scheme", "four", "scheme", "four")
COPIED = ["001_090_a.jpg", "002_080_b.jpg"]
RANKED = {
    **FILTERS,
    **SCHEME,
    **query("--limit", "1", "n", 1),
    **query("--everyone", "", "everyone", True),
    **query("--all", "", "filters.with_copies", True),
    **query("--closest", "", "closest", True),
    "--db": ("other.db", "self.path", Path("other.db")),
    "EMOTION": ("sad", "query.emotions", ("happy", "sad")),
}
DB = {"--db": ("other.db", "self.path", Path("other.db"))}
DEVICE_OF_CLASSIFIER = {"--device": ("cpu", "device", "cpu")}
DEVICE = {"--device": ("cpu", "settings.device", "cpu")}
MIN_FACE = {"--min-face": ("5", "settings.min_face", 5.0)}
PRUNE = {
    "--dry-run": ("", lambda done: "would be dropped" in done.stdout, True),
}

#: Each command: its words, the work that it starts, and for each option its value, where to look, and what is there.
COMMANDS: dict[str, tuple[str, str, dict[str, tuple]]] = {
    "scan": (
        "photos",
        "albumsort.scanning.scan.scan",
        {
            **DEVICE,
            **MIN_FACE,
            "PATHS": ("photos/a.jpg", "paths", ["photos", "photos/a.jpg"]),
            "--db": ("other.db", "index", Path("other.db")),
            "--threshold": ("0.7", "settings.threshold", 0.7),
            "--detail": ("1024", "settings.detail", 1024),
            "--max-megapixels": ("50", "settings.max_megapixels", 50.0),
            "--exclude": ("*.png", "settings.exclude", ("*.png",)),
            "--follow-links": ("", "settings.follow_links", True),
            "--include-hidden": ("", "settings.include_hidden", True),
            "--workers": ("3", "settings.workers", 3),
            "--rescan": ("", "settings.rescan", True),
            "--rescore": ("", "settings.rescore", True),
            "--model": ("mine.keras", "settings.model", "{here}/mine.keras"),
            **JSON,
        },
    ),
    "watch": (
        "photos",
        "albumsort.scanning.watch.Scans",
        {
            **DEVICE,
            **MIN_FACE,
            "PATHS": (
                "photos/a.jpg",
                lambda done: [Path(root).name for root in watched(done).roots],
                ["photos", "a.jpg"],
            ),
            "--poll": ("5", lambda done: watched(done).changes.keywords["poll"], 5.0),
            "--db": ("other.db", "index", Path("other.db")),
            "--threshold": ("0.7", "settings.threshold", 0.7),
            "--detail": ("1024", "settings.detail", 1024),
            "--max-megapixels": ("50", "settings.max_megapixels", 50.0),
            "--exclude": ("*.png", "settings.exclude", ("*.png",)),
            "--follow-links": ("", "settings.follow_links", True),
            "--include-hidden": ("", "settings.include_hidden", True),
            "--workers": ("3", "settings.workers", 3),
            "--model": ("mine.keras", "settings.model", "{here}/mine.keras"),
        },
    ),
    "top": (
        "happy",
        "albumsort.index.reader.Index.search",
        {
            **RANKED,
            **JSON,
            "--copy-to": (
                "out",
                lambda done: done.files(),
                [*COPIED, "albumsort-export.json"],
            ),
        },
    ),
    "list": (
        "",
        "albumsort.index.reader.Index.photos",
        {
            **FILTERS,
            **SCHEME,
            **DB,
            **query("--limit", "1", "n", 1),
            **query("SHOWN", "sad", "emotions", ("sad",)),
            "--no-faces": ("", "no_faces", True),
            "--uncertain": ("", "uncertain", True),
            "--corrected": ("", "corrected", True),
            **JSON,
        },
    ),
    "bursts": (
        "",
        "albumsort.index.reader.Index.bursts",
        {
            **FILTERS,
            **DB,
            **query("--limit", "1", "n", 1),
            "WORDS": (
                "surprise --json",
                lambda done: best_frame(done).get("parts", {}).get("emotion", 0) > 0.5,
                True,
            ),
            "FOLDER": (
                "photos",
                lambda done: [Path(folder).name for folder in done.calls[0].query.filters.under or ()],
                ["photos"],
            ),
            "--emotion": (
                "surprise --json",
                lambda done: best_frame(done).get("parts", {}).get("emotion", 0) > 0.5,
                True,
            ),
            "--weights": ("exposure=1 --json", lambda done: best_frame(done).get("score"), 0.5),
            **JSON,
        },
    ),
    "sheet": (
        "happy",
        "albumsort.index.reader.Index.search",
        {
            **RANKED,
            "--output": ("mine.html", lambda done: done.stdout.startswith("mine.html: 2 photos"), True),
            "--title": ("Ours", lambda done: sheets(done)[0].sheet.heading, "Ours"),
            "--no-boxes": ("", lambda done: sheets(done)[0].sheet.has_boxes, False),
            "--links": (
                "-o a.html",
                lambda done: [sheet.links for sheet in sheets(done, "sheet_html.write_html")],
                [True],
            ),
        },
    ),
    "export": (
        "out",
        "albumsort.index.reader.Index.search",
        {
            **FILTERS,
            **SCHEME,
            **DB,
            **query("--limit", "1", "n", 1),
            "WORDS": ("sad", lambda done: done.files()[1:], ["sad/001_090_c.jpg"]),
            "FOLDER": (None, lambda done: done.exists("out"), True),
            "--threshold": (
                "0.85",
                lambda done: [name for name in done.files() if "happy" in name],
                ["happy/001_090_a.jpg"],
            ),
            "--everyone": ("", lambda done: "happy/001_080_b.jpg" in done.files(), True),
            "--closest": ("--emotion fear", lambda done: "fear/001_007_a.jpg" in done.files(), True),
            "--emotion": ("sad", lambda done: done.files()[1:], ["sad/001_090_c.jpg"]),
            "--mode": ("symlink", lambda done: (done.folder / "out/happy/001_090_a.jpg").is_symlink(), True),
            "--layout": ("flat", lambda done: done.exists("out/happy_001_090_a.jpg"), True),
            "--raw": ("", lambda done: done.exists("out/happy/001_090_a.nef"), True),
            "--sidecar": ("xmp", lambda done: done.exists("out/happy/001_090_a.jpg.xmp"), True),
            "--tag-originals": ("--sidecar xmp", lambda done: done.exists("photos/a.jpg.xmp"), True),
            "--undo": ("", lambda done: "no albumsort-export.json there" in done.stderr, True),
            "--dry-run": (
                "--sidecar xmp --tag-originals",
                lambda done: (done.files(), (done.folder / "photos/a.jpg.xmp").exists()),
                ([], False),
            ),
            **JSON,
        },
    ),
    "predict": (
        "photos/a.jpg",
        "albumsort.scanning.predict.predict",
        {
            **DEVICE,
            **MIN_FACE,
            "IMAGES": (
                "photos/b.jpg",
                lambda done: [Path(path).name for path in done.calls[0].images],
                ["a.jpg", "b.jpg"],
            ),
            "--cropped": ("", "cropped", True),
            "--crops": ("out", lambda done: len(done.files()), 2),
            "--threshold": ("0.95 --json", lambda done: '"emotion": null' in done.stdout, True),
            "--model": ("mine.keras", "settings.model", "{here}/mine.keras"),
            **JSON,
        },
    ),
    "show": (
        "photos/a.jpg",
        "albumsort.report.drawing.draw_faces",
        {
            "PHOTO": (None, "target", Path("a-faces.png")),
            "--output": ("mine.png", "target", Path("mine.png")),
            "--db": ("other.db", lambda done: len(done.calls[0].faces), 1),
            "--threshold": ("0.7", "threshold", 0.7),
        },
    ),
    "correct": (
        "photos/a.jpg --face 1",
        "albumsort.index.writer.IndexWriter.correct",
        {
            "PHOTO": ("sad", "path", "{here}/photos/a.jpg"),
            "EMOTION": ("sad", "emotion", "sad"),
            "--face": ("2 sad", "number", 2),
            "--not-a-face": ("", "emotion", None),
            "--db": ("other.db sad", "self.path", Path("other.db")),
        },
    ),
    "correct photos/a.jpg --undo": (
        "",
        "albumsort.index.writer.IndexWriter.uncorrect",
        {"--undo": (None, "path", "{here}/photos/a.jpg"), "--face": ("1", "number", 1)},
    ),
    "stats": (
        "",
        "albumsort.index.reader.Index.stats",
        {
            **FILTERS,
            **SCHEME,
            **DB,
            "--output": ("plot.png", lambda done: done.exists("plot.png"), True),
            **JSON,
        },
    ),
    "problems": ("", "albumsort.index.reader.Index.problems", {**DB, **JSON}),
    "prune": ("", "albumsort.index.writer.IndexWriter.gone", {**DB, **JSON, **PRUNE}),
    "prune --yes": ("", "albumsort.index.writer.IndexWriter.prune", {"--yes": (None, lambda done: done.code, 0)}),
    "forget": (
        "photos/a.jpg",
        "albumsort.index.writer.IndexWriter.forget",
        {
            **DB,
            "PATH": (None, lambda done: done.calls[0].paths[0], "{here}/photos/a.jpg"),
            "--dry-run": ("", lambda done: done.calls, []),
        },
    ),
    "forget --dry-run": ("photos/a.jpg", "albumsort.index.writer.IndexWriter.would_forget", JSON),
    "forget --yes": (
        "photos/a.jpg",
        "albumsort.index.writer.IndexWriter.forget",
        {"--yes": (None, lambda done: done.code, 0)},
    ),
    "bench": (
        "photos",
        "albumsort.scanning.bench.bench",
        {
            **DEVICE,
            **MIN_FACE,
            "PATH": (None, "path", Path("photos")),
            "--photos": ("7", "photos", 7),
            "--detail": ("1024", "settings.detail", 1024),
            "--workers": ("3", "settings.workers", 3),
            **JSON,
        },
    ),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param((command, words, work, option, *case), id=f"{command} {option}")
        for command, (words, work, cases) in COMMANDS.items()
        for option, case in cases.items()
    ],
)
def test_an_option_reaches_the_work(check_option, case):
    check_option(*case)


def test_the_table_has_every_option_of_every_command(all_options):
    tried = {(command.partition(" ")[0], option) for command, (_, _, cases) in COMMANDS.items() for option in cases}
    tried |= {(name, "--force") for name in ("sheet", "show", "stats")}  # needs a file: test_replacing.py
    tried.add(("export", "--yes"))  # it answers a question that is asked on a terminal: test_large_exports.py
    assert {(command, option) for command, option in all_options if not command.startswith("model ")} == tried
