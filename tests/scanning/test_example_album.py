"""The example album is scanned for real: what other tests take for its faces is what the networks find."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from albumsort.index import Index
from albumsort.scanning.scan import scan

pytestmark = pytest.mark.slow
KNOWN = json.loads((Path(__file__).parents[1] / "example_album.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def index(album, tmp_path_factory):
    path = tmp_path_factory.mktemp("scanned") / "index.db"
    scan([album], path)
    with Index(path) as opened:
        yield opened


@pytest.mark.parametrize("name", KNOWN)
def test_a_scan_finds_what_is_known_of_a_photo(index, album, name):
    found = index.photo(str(album / name))
    photo, faces = found.photo, found.faces
    assert {key: value for key, value in asdict(photo).items() if key in KNOWN[name]["photo"]} == KNOWN[name]["photo"]
    assert len(faces) == len(KNOWN[name]["faces"])
    for face, known in zip(faces, KNOWN[name]["faces"], strict=True):
        size = known["box"][3]
        assert tuple(face.box) == pytest.approx(known["box"], abs=0.02 * size)
        for point, place in zip(face.landmarks, known["landmarks"], strict=True):
            assert tuple(point) == pytest.approx(place, abs=0.02 * size)
        assert face.detection == pytest.approx(known["detection"], abs=0.01)
        assert face.sharpness == pytest.approx(known["sharpness"], rel=0.1)
        assert face.probabilities == pytest.approx(known["probabilities"], abs=0.02)
