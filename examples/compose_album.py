"""Compose the rest of the example album from its two portraits: groups, small faces, a dim room, a turned camera.

    python examples/compose_album.py [FOLDER]

FOLDER is ``examples/album`` by default. The script keeps files that are there already. It made the album that ships
from ``album/portraits``. The tests compare what is found with `FACES`, which holds the places of the faces.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

PORTRAITS = Path(__file__).parent / "album" / "portraits"
#: The faces of the portraits: x, y, width, height in pixels, from the hair line to the chin, marked by hand.
FACES = {"eileen-collins": (179, 66, 87, 106), "grace-hopper": (175, 117, 174, 219)}
HAPPY, NEUTRAL = "eileen-collins", "grace-hopper"
EXIF_DATETIME_ORIGINAL, EXIF_IFD, EXIF_ORIENTATION, EXIF_MODEL = 0x9003, 0x8769, 0x0112, 0x0110

#: Photo to the people on it: portrait, place of its top left corner, scale, mirrored.
GROUPS: dict[str, list[tuple[str, tuple[int, int], float, bool]]] = {
    "both.jpg": [(HAPPY, (20, 150), 1.3, False), (NEUTRAL, (720, 60), 1.2, False)],
    "everybody-smiles.jpg": [
        (HAPPY, (0, 190), 0.9, False),
        (HAPPY, (450, 130), 1.1, True),
        (HAPPY, (980, 200), 0.8, False),
    ],
    "far-away.jpg": [
        (HAPPY, (150, 420), 0.5, False),
        (NEUTRAL, (600, 430), 0.4, False),
        (HAPPY, (1050, 440), 0.5, True),
    ],
}
CANVAS = (1400, 800)


def portrait(name: str) -> Image.Image:
    """One of the two portraits, RGB."""
    return Image.open(PORTRAITS / f"{name}.jpg").convert("RGB")


def group(people: list[tuple[str, tuple[int, int], float, bool]]) -> tuple[Image.Image, list[tuple[float, ...]]]:
    """A picture of some portraits on a grey wall, and the boxes of their faces, x, y, width and height."""
    wall, boxes = Image.new("RGB", CANVAS, (126, 124, 120)), []
    for name, (left, top), scale, mirrored in people:
        print_out = portrait(name)
        x, y, w, h = FACES[name]
        if mirrored:
            print_out, x = ImageOps.mirror(print_out), print_out.width - x - w
        print_out = print_out.resize(
            (round(print_out.width * scale), round(print_out.height * scale)), Image.Resampling.LANCZOS
        )
        wall.paste(print_out, (left, top))
        boxes.append((left + x * scale, top + y * scale, w * scale, h * scale))
    return wall, boxes


def exif(taken: str, orientation: int = 1) -> Image.Exif:
    """Metadata as a camera writes it; ``taken`` is ``YYYY:MM:DD HH:MM:SS``."""
    data = Image.Exif()
    data[EXIF_MODEL], data[EXIF_ORIENTATION] = "Example", orientation
    data.get_ifd(EXIF_IFD)[EXIF_DATETIME_ORIGINAL] = taken
    return data


def main(folder: Path) -> None:
    """Write what is missing."""
    (folder / "groups").mkdir(parents=True, exist_ok=True)
    pictures = {
        f"groups/{name}": (group(people)[0], exif(f"2024:05:1{day} 15:00:00"))
        for day, (name, people) in enumerate(GROUPS.items())
    }
    pictures["dim.jpg"] = (ImageEnhance.Brightness(portrait(HAPPY)).enhance(0.45), exif("2023:12:24 19:30:00"))
    turned = portrait(NEUTRAL).transpose(Image.Transpose.ROTATE_90)
    pictures["camera-turned.jpg"] = (turned, exif("2024:08:02 11:20:00", orientation=6))
    for name, (picture, metadata) in pictures.items():
        if not (folder / name).exists():
            picture.save(folder / name, quality=88, exif=metadata)
    if not (folder / "renamed-notes.jpg").exists():
        (folder / "renamed-notes.jpg").write_text(
            "This is a text file with the wrong name; `albumsort problems` lists it.\n"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PORTRAITS.parent)
