"""What lies among photos and is none of its own is passed over and counted; examples/which-files.md lists it.

python tests/album/test_passed_over.py    # writes the page anew
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from albumsort.album.formats import SUFFIXES
from albumsort.album.passed_over import FILES, FOLDERS, KINDS, NOTES, PACKAGES, Rule, is_passed_over
from albumsort.album.walk import PassedOver, walk
from albumsort.records import PhotoFile

PAGE = Path(__file__).parents[2] / "examples" / "which-files.md"
BEGIN = """# Which files are photos

`albumsort scan FOLDER` reads every file below the folder that has the suffix of a picture, or begins like one. It
passes over the files and folders on this page, because they are no photos of their own: somebody has deleted them, a
program is still writing them, or they are made from photos that are there already. The scan says how many it passed
over, and why; `scan --json` has the numbers by kind in `passed_over`. A folder that is passed over counts once.

- `scan --include-hidden` reads all of them, except for the notes at the end of this page.
- A file or folder that you name is read, whatever it is: `albumsort scan ~/.private`.
- If an earlier scan has read such files, the next scan of the same folder drops them from the index. It keeps those
  that a scan was given by name, or that lie in a hidden folder or a bin that a scan was given by name. Your corrections
  stay. A scan with `--include-hidden` reads such files again.

Names are compared without regard to upper and lower case. A `*` stands for any characters, `?` for one, and
`folder/name` for a name in a folder of that name. `python tests/album/test_passed_over.py` writes this page from the
table in `albumsort/album/passed_over.py`.
"""


def table(rules: tuple[Rule, ...]) -> str:
    lines = ["| kind | names | what they are |", "|---|---|---|"]
    for rule in rules:
        patterns = [name for name in rule.patterns if not is_of_another_suffix(name)]
        names = ", ".join(f"`{name}`".replace("[[]", "[").replace("[]]", "]") for name in patterns)
        lines.append(f"| `{rule.kind}` | {names} | {rule.what} |")
    return "\n".join(lines)


def is_of_another_suffix(name: str) -> bool:
    """Whether a pattern is for one suffix of a picture, and not for JPEG, which stands for all on the page."""
    suffix, has_more, _ = name[1:].partition("_")
    return bool(has_more) and suffix in SUFFIXES - {".jpg"}


def page() -> str:
    packages = ["| package of | names | what is read |", "|---|---|---|"]
    for rule in PACKAGES:
        names, originals = (", ".join(f"`{name}`" for name in names) for names in (rule.patterns, rule.originals))
        packages.append(f"| {rule.what} | {names} | {originals} |")
    parts = [BEGIN, "## Files\n", table(FILES), "\n## Folders\n", table(FOLDERS)]
    parts += ["\n## Libraries of other programs\n"]
    parts += ["Only the originals in them are read, also if you name a library. The rest is of the kind `program`.\n"]
    parts += packages
    parts += ["\n## Notes\n", "Never read and never counted: " + ", ".join(f"`{name}`" for name in NOTES) + "."]
    return "\n".join(parts) + "\n"


def found(root: Path, **options: bool) -> list[str]:
    """Paths of the candidates of a walk, relative to its root."""
    return [os.path.relpath(item.path, root) for item in walk([str(root)], **options) if isinstance(item, PhotoFile)]


def kinds(root: Path) -> list[str]:
    """The kinds of what a walk passes over, in its order."""
    return [item.kind for item in walk([str(root)]) if isinstance(item, PassedOver)]


def test_the_page_lists_the_table() -> None:
    text = "python tests/album/test_passed_over.py writes the page anew"
    assert PAGE.read_text(encoding="utf-8") == page(), text


def test_every_kind_of_the_table_has_words() -> None:
    assert {rule.kind for rule in (*FILES, *FOLDERS, *PACKAGES)} == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("hidden", ".trashed-1716000000-IMG_2.jpg"),
        ("hidden", ".pending-1716000000-IMG_2.jpg"),
        ("hidden", ".syncthing.IMG_4.jpg.tmp2"),
        ("hidden", ".IMG_4.jpg.Ab3dEf"),
        ("hidden", ".goutputstream-ABC123"),
        ("unfinished", ".syncthing.IMG_4.jpg.tmp"),
        ("unfinished", "~syncthing~IMG_4.jpg.tmp"),
        ("unfinished", "IMG_4.jpg.part"),
        ("unfinished", "IMG_4.jpg.ocTransferId123.part"),
        ("unfinished", "IMG_4.jpg.8f3a.partial"),
        ("unfinished", "Unconfirmed 1234.crdownload"),
        ("unfinished", "IMG_4.JPG.Filepart"),
        ("unfinished", "IMG_4.jpg.download"),
        ("unfinished", "IMG_4.jpg.!qB"),
        ("unfinished", "IMG_4.jpg.rclone_chunk.001"),
        ("unfinished", "IMG_4.jpg_exiftool_tmp"),
        ("unfinished", "~$IMG_4.jpg"),
        ("unfinished", "#IMG_4.jpg#"),
        ("backup", "IMG_4.jpg_original"),
        ("backup", "IMG_4.DNG_original"),
        ("backup", "IMG_4.jpg~"),
        ("backup", "IMG_4.jpg.~1~"),
        ("backup", "IMG_4.jpg.bak"),
        ("thumbnail", "MVI_4.THM"),
    ],
)
def test_a_file_that_is_no_photo_of_its_own_is_passed_over(
    tmp_path: Path, picture: Callable[[str], Path], kind: str, name: str
) -> None:
    path = picture(f"2024/{name}")
    picture("2024/a.jpg")
    assert found(tmp_path) == ["2024/a.jpg"]
    assert kinds(tmp_path) == [kind]
    assert is_passed_over(str(path), str(tmp_path))
    assert not is_passed_over(str(path), str(path))
    assert sorted(found(tmp_path, include_hidden=True)) == sorted([f"2024/{name}", "2024/a.jpg"])


@pytest.mark.parametrize("name", ["part", "tmp.jpg", "original", "IMG_original.jpg", "~a.jpg", "#1.jpg", "a.part.jpg"])
def test_a_photo_with_a_name_that_is_only_similar_is_found(
    tmp_path: Path, picture: Callable[[str], Path], name: str
) -> None:
    path = picture(f"2024/{name}")
    assert found(tmp_path) == [f"2024/{name}"]
    assert not is_passed_over(str(path), str(tmp_path))


@pytest.mark.parametrize(
    "name",
    ["Originals", "Cache", "thumbs", "Settings", "part", "Recycling", "2024.old", "Bin", "Fotos-240501.backup"],
)
def test_a_folder_with_a_name_that_is_only_similar_is_walked(
    tmp_path: Path, picture: Callable[[str], Path], name: str
) -> None:
    picture(f"{name}/a.jpg")
    assert found(tmp_path) == [f"{name}/a.jpg"]


@pytest.mark.parametrize(
    ("kind", "folder"),
    [
        *(("bin", name) for name in ("$RECYCLE.BIN", "RECYCLER", "Recycled", "@Recycle", "#recycle", "#Recycle")),
        *(("bin", name) for name in (".Trashes", ".Trash-1000", "Network Trash Folder", ".dtrash", ".stversions")),
        *(("bin", name) for name in ("Takeout/Google Photos/Bin", "Takeout/Google Fotos/Papierkorb")),
        *(("bin", name) for name in ("Network Recycle Bin 1", "Recently Deleted")),
        *(("snapshot", name) for name in ("@Recently-Snapshot", "#snapshot", ".snapshots", ".zfs", "~snapshot")),
        *(("snapshot", name) for name in ("@GMT-2024.05.01-00.00.00", "Backups.backupdb", "@synologydrive")),
        *(("snapshot", name) for name in ("2024-05-01-123456.previous", "timeshift-btrfs/snapshots")),
        *(("unfinished", name) for name in ("Temporary Items", "IMG_1.jpg.download", "OneDriveTemp")),
        *(("system", name) for name in ("FOUND.000", "lost+found", "@appdata", "@img_bkp_cache")),
        *(("backup", name) for name in (".picasaoriginals", "[Originals]")),
        *(("thumbnail", name) for name in ("@eaDir", ".@__thumb", ".thumbnails", "Catalog Previews.lrdata")),
        *(("thumbnail", name) for name in ("CaptureOne/Cache", "storage/cache/thumbnails", "M4ROOT/THMBNL")),
        *(("thumbnail", name) for name in ("mipmaps-0a1b.d", "Generated Images.bundle", "data/com.app/cache")),
        *(("program", name) for name in ("Media.musiclibrary", "Talk.key", "iTunes/Album Artwork")),
        ("thumbnail", "immich/thumbs/0f8e1c9a-4a5b-4c6d-8e7f-0123456789ab"),
        ("thumbnail", "nextcloud/appdata_oc1a2b3c4d5e/preview"),
        ("hidden", ".private"),
        ("system", "__MACOSX"),
        ("system", "System Volume Information"),
    ],
)
def test_bins_snapshots_and_caches_are_passed_over(
    tmp_path: Path, picture: Callable[[str], Path], kind: str, folder: str
) -> None:
    path = picture(f"nas/{folder}/deep/a.jpg")
    picture("nas/b.jpg")
    assert found(tmp_path) == ["nas/b.jpg"]
    assert kinds(tmp_path) == [kind]
    assert is_passed_over(str(path), str(tmp_path))
    assert sorted(found(tmp_path, include_hidden=True)) == sorted([f"nas/{folder}/deep/a.jpg", "nas/b.jpg"])


@pytest.mark.parametrize(
    ("original", "others"),
    [
        (
            "x.photoslibrary/originals/1/A.jpeg",
            ("resources/derivatives/masters/1/A_1.jpeg", "resources/renders/A.jpeg"),
        ),
        ("x.photoslibrary/Masters/2012/A.jpg", ("Thumbnails/2012/A.jpg", "resources/proxies/A.jpg", "A.jpg")),
        ("x.photolibrary/Masters/2012/A.jpg", ("Previews/2012/A.jpg", "Thumbnails/A.jpg")),
        ("iPhoto Library/Originals/2006/A.jpg", ("Modified/2006/A.jpg", "Data/2006/A.jpg")),
        ("x.aplibrary/Masters/2012/05/A.jpg", ("Previews/2012/A.jpg", "Thumbnails/A.jpg")),
        ("x.lrlibrary/0a1b/originals/2020/A.jpg", ("0a1b/previews/A.jpg", "previews/A.jpg")),
        ("x.cocatalog/Originals/2020/A.jpg", ("Cache/Proxies/A.jpg", "Adjustments/A.jpg")),
    ],
)
def test_of_a_library_of_another_program_only_the_originals_are_read(
    tmp_path: Path, picture: Callable[[str], Path], original: str, others: tuple[str, ...]
) -> None:
    picture(f"Pictures/{original}")
    library, _, inside = original.partition("/")
    for other in others:
        path = picture(f"Pictures/{library}/{other}")
        assert is_passed_over(str(path), str(tmp_path))
    assert found(tmp_path) == [f"Pictures/{original}"]
    assert set(kinds(tmp_path)) == {"program"}
    assert found(tmp_path / "Pictures" / library) == [inside]  # also by name
    assert not is_passed_over(str(tmp_path / "Pictures" / original), str(tmp_path))
    assert len(found(tmp_path, include_hidden=True)) == 1 + len(others)


def test_what_is_named_is_read(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    for name in (".trashed-1-a.jpg", "@Recycle/b.jpg", "x.photoslibrary/resources/c.jpg"):
        path = picture(name)
        assert [item.path for item in walk([str(path)])] == [str(path)]
        assert found(path.parent) == ([] if path.name.startswith(".") else [path.name])


def test_notes_of_systems_are_neither_read_nor_counted(tmp_path: Path, picture: Callable[[str], Path]) -> None:
    for name in ("._a.jpg", ".DS_Store", ".nomedia"):
        picture(name)
    assert list(walk([str(tmp_path)])) == []
    assert list(walk([str(tmp_path)], include_hidden=True)) == []


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
