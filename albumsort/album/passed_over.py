"""The table of files and folders that lie among photos and are no photos of their own: hidden, deleted, half copied."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import cache, cached_property
from pathlib import PurePath

from albumsort.album.formats import SUFFIXES

#: The kinds of the table, in the words of a message.
KINDS = {
    "hidden": "hidden",
    "bin": "deleted",
    "snapshot": "in snapshots",
    "unfinished": "half copied or temporary",
    "backup": "from before an edit",
    "thumbnail": "thumbnails or caches",
    "program": "inside other programs' libraries",
    "system": "of the system",
}
#: What a scan passes over for another reason: a manifest lists it.
COPIES = {"copy": "copies by albumsort export"}

#: What systems write beside photos and what no one misses: it is passed over, also with ``--include-hidden``, and not
#: counted. A file that begins like the first holds the attributes that macOS could not write into a photo.
NOTES = ("._*", ".ds_store", ".nomedia", ".localized", ".directory", ".picasa.ini")


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table.

    Attributes:
        kind: a key of ``KINDS``.
        patterns: globs in lower case, which are compared with names in lower case, because the disks of cameras,
            Windows and macOS compare names so. A slash stands between the names of a folder and of what is in it.
        what: what these are, and who writes them.
        originals: for a package, the globs of the paths of folders in it that hold the originals. Else empty: all of
            it is passed over.
    """

    kind: str
    patterns: tuple[str, ...]
    what: str
    originals: tuple[str, ...] = ()


FILES = (
    Rule(
        "unfinished",
        (
            *("*.part", "*.partial", "*.filepart", "*.crdownload", "*.opdownload", "*.download", "*.downloading"),
            *(
                "*.fdmdownload",
                "*.ucdownload",
                "*.aria2",
                "*.!qb",
                "*.!ut",
                "*.!bt",
                "*.bc!",
                "*.az!",
                "*.jc!",
                "*.td",
                "*.xltd",
            ),
        ),
        "downloads of browsers, WinSCP, rclone, Nextcloud and torrent programs that have not ended",
    ),
    Rule(
        "unfinished",
        ("*.!sync", "*.bts", "*.ffs_tmp", "*.icloud", "*.owncloudsync", "*.mega", "*.rclone_chunk.*"),
        "files that Resilio, FreeFileSync, iCloud, ownCloud or MEGA are still copying, and rclone's pieces of files",
    ),
    Rule(
        "unfinished",
        ("*.tmp", "*.temp", "*.$$$", "*.swp", "*.swo", "*.lock", "*.autosave", "*.pdnsave", "~$*", "#*#"),
        "temporary files of editors and of sync programs (`~syncthing~….tmp`)",
    ),
    Rule(
        "unfinished",
        tuple(f"*{suffix}_{word}" for suffix in sorted(SUFFIXES) for word in ("exiftool_tmp", "tmp")),
        "what exiftool is writing, for each suffix of a picture",
    ),
    Rule(
        "backup",
        tuple(f"*{suffix}_original" for suffix in sorted(SUFFIXES)),
        "the file from before an edit by exiftool, for each suffix of a picture",
    ),
    Rule("backup", ("*~", "*.bak", "*.backup", "*.orig", "*.old"), "the file from before an edit by other programs"),
    Rule("thumbnail", ("*.thm", "*.scr"), "the thumbnail of a film or RAW file, by cameras and drones"),
    Rule("hidden", (".*",), "hidden files: deleted (`.trashed-…`, Android), half copied (rsync, Syncthing, Android)"),
)

FOLDERS = (
    Rule("bin", ("$recycle.bin", "recycler", "recycled", "recycle bin"), "bins of Windows, and of old disks"),
    Rule("bin", (".trash", ".trashes", ".trash-*", "trash-[0-9]*", "trash"), "bins of macOS, Linux and Capture One"),
    Rule("bin", ("network trash folder", "trashbox", "networkrecycle", "network recycle bin*"), "bins of file servers"),
    Rule("bin", ("@recycle", "#recycle", "@recycle.bin", ".recycle", ".recycle.bin", ".@recycle"), "bins of NAS"),
    Rule("bin", ("recently deleted",), "the bin in a download of iCloud Photos"),
    Rule(
        "bin",
        (".dtrash", ".stversions", "_gsdata_", "files_trashbin"),
        "bins of digiKam, Syncthing, GoodSync and Nextcloud",
    ),
    Rule(
        "bin",
        tuple(
            f"google {photos}/{word}"
            for photos in ("photos", "fotos", "foto")
            for word in ("trash", "bin", "papierkorb", "corbeille", "papelera", "cestino", "lixeira", "prullenbak")
        ),
        "the bin in an archive of Google Takeout",
    ),
    Rule(
        "snapshot",
        (
            "#snapshot",
            "@recently-snapshot",
            "@snapshot",
            "@snapshots",
            "@sharesnap",
            "~snapshot",
            ".snapshot",
            ".snapshots",
            ".zfs",
        ),
        "snapshots of NAS and file systems",
    ),
    Rule(
        "snapshot",
        (
            *(
                "@gmt-*",
                "backups.backupdb",
                "[0-9]*-[0-9]*-[0-9]*-[0-9][0-9][0-9][0-9][0-9][0-9].backup",
                "files_versions",
            ),
            *(
                "[0-9]*-[0-9]*-[0-9]*-[0-9][0-9][0-9][0-9][0-9][0-9].previous",
                "[0-9]*-[0-9]*-[0-9]*-[0-9][0-9][0-9][0-9][0-9][0-9].inprogress",
            ),
            *("timeshift/snapshots*", "timeshift-btrfs/snapshots*", "@synologydrive", "@synodrive"),
        ),
        "snapshots of Samba, Time Machine and Timeshift, and earlier versions of files by Nextcloud and Synology Drive",
    ),
    Rule(
        "unfinished",
        ("temporary items", "@tmp", "onedrivetemp"),
        "temporary files of macOS, Synology and OneDrive",
    ),
    Rule("unfinished", ("*.download", "*.crdownload", "uploads/web-file-upload-*"), "what is not loaded to its end"),
    Rule(
        "backup",
        (".picasaoriginals", "[[]originals[]]", "corel auto-preserve"),
        "files from before an edit by Picasa, ACDSee and PaintShop",
    ),
    Rule("thumbnail", ("@eadir", ".@__thumb", "@transcode", ".thumbnails"), "thumbnails of NAS and desktops"),
    Rule("thumbnail", ("thmbnl", "misc/thm", "ipod photo cache"), "thumbnails by cameras, drones and for iPods"),
    Rule(
        "thumbnail",
        ("thumbs/????????-????-????-????-????????????", "profile/????????-????-????-????-????????????"),
        "thumbnails of Immich",
    ),
    Rule(
        "thumbnail",
        ("cache/thumbnails", "cache/thumbs", "storage/sidecar"),
        "thumbnails and conversions of PhotoPrism and others",
    ),
    Rule("thumbnail", ("appdata_*/preview", "appdata_*/theming", "appdata_*/avatar"), "previews of Nextcloud"),
    Rule(
        "thumbnail",
        ("_data/i", "uploads/thumb", "uploads/thumb2x", "protected_media/*thumbnails*", "protected_media/faces"),
        "thumbnails of Piwigo, Lychee and LibrePhotos",
    ),
    Rule("thumbnail", ("*.lrdata", "*.lrcat-data"), "previews of Lightroom Classic"),
    Rule("thumbnail", ("captureone/cache",), "previews of Capture One"),
    Rule("thumbnail", ("mipmaps-*.d", "generated images.bundle"), "previews of darktable and Mylio"),
    Rule("thumbnail", ("com.*/cache", "org.*/cache"), "caches of apps on Android and macOS"),
    Rule(
        "thumbnail", ("plex media server/*", "userdata/thumbnails", "library/caches"), "caches of Plex, Kodi and macOS"
    ),
    Rule("program", ("*.app/contents", "*.sparsebundle", "appdata"), "programs, disk images, and settings of programs"),
    Rule(
        "program",
        ("*.musiclibrary", "*.tvlibrary", "itunes/album artwork"),
        "covers of music and films by Apple's programs",
    ),
    Rule("program", ("*.pages", "*.numbers", "*.key", "*.rtfd"), "documents of macOS that are folders"),
    Rule(
        "system",
        (
            *("system volume information", "$windows.~bt", "$windows.~ws", "$winreagent", "$extend", "__macosx"),
            *("thevolumesettingsfolder", "thefindbycontentfolder", "@database", "@docker"),
            *("@appstore", "@appconf", "@appdata", "@apphome", "@appshare", "@apptemp", "@img_bkp_cache", "@s2s"),
        ),
        "folders that systems keep for themselves",
    ),
    Rule(
        "system",
        ("lost+found", "found.[0-9][0-9][0-9]"),
        "pieces of files that a repair of the disk has found",
    ),
    Rule("hidden", (".*",), "hidden folders"),
)

PACKAGES = (
    Rule("program", ("*.photoslibrary",), "Apple Photos", ("originals", "masters")),
    Rule("program", ("*.migratedphotolibrary", "*.photolibrary"), "iPhoto", ("originals", "masters")),
    Rule("program", ("iphoto library",), "iPhoto to version 8", ("originals", "masters", "[12][0-9][0-9][0-9]")),
    Rule("program", ("*.aplibrary", "*.migratedaplibrary"), "Aperture", ("masters",)),
    Rule("program", ("*.lrlibrary",), "Lightroom", ("originals", "*/originals")),
    Rule("program", ("*.cocatalog",), "Capture One catalogs", ("originals",)),
    Rule("program", ("*.imovielibrary", "*.fcpbundle"), "iMovie and Final Cut", ("*/original media",)),
)


class _Names:
    """The patterns of a part of the table, sorted so that a name which matches none is recognised quickly."""

    def __init__(self, rules: Iterable[Rule], *, pairs: bool = False) -> None:
        self._by_name: dict[str, str] = {}
        self._by_suffix: dict[str, str] = {}
        others: dict[str, str] = {}
        for pattern, kind in ((pattern, rule.kind) for rule in rules for pattern in rule.patterns):
            if ("/" in pattern) != pairs:
                continue
            if not re.search(r"[*?[]", pattern):
                self._by_name[pattern] = kind
            elif re.fullmatch(r"\*\.[^.*?[]+", pattern):
                self._by_suffix[pattern[1:]] = kind
            else:
                others[pattern] = kind
        self._globs, self._kinds = list(others), list(others.values())

    @cached_property
    def _others(self) -> re.Pattern[str]:
        return re.compile("|".join(f"({translate(glob)})" for glob in self._globs))

    def kind(self, name: str) -> str | None:
        """The kind of a name in lower case; None for a name that no pattern matches."""
        _, dot, suffix = name.rpartition(".")
        kind = self._by_name.get(name) or self._by_suffix.get(dot + suffix)
        if kind is None and (match := self._others.match(name)):
            kind = self._kinds[(match.lastindex or 1) - 1]
        return kind


_FILES = _Names(FILES)
_FOLDERS = _Names(FOLDERS)
_PAIRS = _Names(FOLDERS, pairs=True)


# Patterns are compiled when they are first needed: a query imports this module, and needs none of them.
@cache
def _notes() -> re.Pattern[str]:
    return re.compile("|".join(map(translate, NOTES)))


@cache
def _packages() -> list[tuple[re.Pattern[str], tuple[str, ...]]]:
    return [(re.compile("|".join(map(translate, rule.patterns))), rule.originals) for rule in PACKAGES]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, as far as the table asks for it.

    Attributes:
        name: in lower case.
        ways: inside a package and outside of its originals, the globs of the names on the ways that lead to them.
    """

    name: str
    ways: tuple[tuple[str, ...], ...] | None = None

    @classmethod
    def at(cls, name: str) -> Place:
        """A folder that no package contains, by name."""
        lower = name.lower()
        for package, originals in _packages():
            if package.match(lower):
                return cls(lower, tuple(tuple(way.split("/")) for way in originals))
        return cls(lower)

    def below(self, name: str) -> Place:
        """A folder in this folder."""
        if self.ways is None:
            return Place.at(name)
        lower = name.lower()
        ways = tuple(way[1:] for way in self.ways if re.match(translate(way[0]), lower))
        return Place(lower, None if () in ways else ways)

    def kind_of_folder(self, name: str) -> str | None:
        """Why a folder in this folder is passed over, a key of ``KINDS``; None if it is walked."""
        lower = name.lower()
        kind = _FOLDERS.kind(lower) or _PAIRS.kind(f"{self.name}/{lower}")
        if kind is None and self.ways is not None and self.below(name).ways == ():
            kind = "program"  # no way leads from there to originals
        return kind

    def kind_of_file(self, name: str) -> str | None:
        """Why a file in this folder is passed over, a key of ``KINDS``; None if it may be a photo."""
        return _FILES.kind(name.lower()) or ("program" if self.ways is not None else None)


def is_note(name: str) -> bool:
    """Whether a name is that of a file which is never a photo, and not counted."""
    return name.startswith(".") and _notes().match(name.lower()) is not None


def is_passed_over(path: str, root: str) -> bool:
    """Whether a walk from a root passes over the file at a path below it."""
    *folders, name = PurePath(path).relative_to(root).parts or ("",)
    place = Place.at(PurePath(root).name)
    for folder in folders:
        if place.kind_of_folder(folder):
            return True
        place = place.below(folder)
    return bool(name) and (is_note(name) or place.kind_of_file(name) is not None)
