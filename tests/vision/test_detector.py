"""The detector on real faces, whole and composed, upright pictures of any size."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from albumsort.errors import AlbumsortError
from albumsort.records import Detection
from albumsort.training import mtcnn_onnx
from albumsort.vision import mtcnn as mtcnn_networks
from albumsort.vision.detector import FaceDetector


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(device="cpu")


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes x, y, width, height."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0, w) * max(0, h)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def matches(found: list[Detection], wanted: list[tuple[float, ...]]) -> bool:
    """Each wanted face is found, and nothing else."""
    return len(found) == len(wanted) and all(max(overlap(f.box, w) for f in found) > 0.5 for w in wanted)


@pytest.mark.parametrize("name", ["both.jpg", "everybody-smiles.jpg", "far-away.jpg"])
def test_every_face_of_a_group_is_found_where_it_is(detector: FaceDetector, composer: ModuleType, name: str) -> None:
    picture, boxes = composer.group(composer.GROUPS[name])
    (found,) = detector.detect([np.asarray(picture)])
    assert matches(found, boxes)


def test_places_without_people_have_no_faces(detector: FaceDetector, composer: ModuleType) -> None:
    places = sorted((composer.PORTRAITS.parent / "places").glob("*.jpg"))
    pictures = [np.asarray(Image.open(place).convert("RGB")) for place in places]
    assert [len(found) for found in detector.detect(pictures)] == [0] * len(places)


def test_a_face_is_found_at_any_size_of_the_picture(detector: FaceDetector, composer: ModuleType) -> None:
    portrait = composer.portrait(composer.NEUTRAL)
    box = composer.FACES[composer.NEUTRAL]
    for scale in (0.15, 0.4, 1.0, 3.0, 8.0):
        size = (round(portrait.width * scale), round(portrait.height * scale))
        (found,) = detector.detect([np.asarray(portrait.resize(size))])
        assert matches(found, [tuple(value * scale for value in box)]), scale


@pytest.mark.parametrize("min_face", [2.5, 4.0, 6.0, 9.0])
def test_any_smallest_size_finds_the_faces_that_are_larger(
    detector: FaceDetector, composer: ModuleType, min_face: float
) -> None:
    # The package's own detect_faces finds nothing at all for most values of its min_face_size.
    picture, boxes = composer.group(composer.GROUPS["both.jpg"])
    (found,) = FaceDetector(min_face, "cpu").detect([np.asarray(picture)])
    assert matches(found, boxes)


def test_faces_smaller_than_asked_for_are_left_out(composer: ModuleType) -> None:
    picture, boxes = composer.group(composer.GROUPS["far-away.jpg"])
    smallest = max(w for _, _, w, _ in boxes) / picture.width * 100
    (found,) = FaceDetector(smallest * 2, "cpu").detect([np.asarray(picture)])
    assert found == []


def test_a_picture_without_faces_does_not_empty_the_batch(detector: FaceDetector, composer: ModuleType) -> None:
    picture, boxes = composer.group(composer.GROUPS["both.jpg"])
    wall = np.full((picture.height, picture.width, 3), 128, np.uint8)
    before, found, after = detector.detect([wall, np.asarray(picture), wall])
    assert matches(found, boxes)
    assert before == after == []


def test_the_same_picture_has_the_same_faces_in_any_company(detector: FaceDetector, composer: ModuleType) -> None:
    pictures = [np.asarray(composer.group(people)[0]) for people in composer.GROUPS.values()]
    pictures.append(np.asarray(composer.portrait(composer.HAPPY)))
    together = detector.detect(pictures)
    for picture, company in zip(pictures, together, strict=True):
        (alone,) = detector.detect([picture])
        assert len(alone) == len(company)
        for one, other in zip(alone, company, strict=True):
            assert np.allclose(one.box, other.box, atol=0.1)
            assert one.score == pytest.approx(other.score, abs=1e-3)


def test_landmarks_lie_in_the_face_in_their_order(detector: FaceDetector, composer: ModuleType) -> None:
    (found,) = detector.detect([np.asarray(composer.portrait(composer.NEUTRAL))])
    left_eye, right_eye, nose, left_mouth, right_mouth = found[0].landmarks
    x, y, w, h = found[0].box
    assert all(x < px < x + w and y < py < y + h for px, py in found[0].landmarks)
    assert left_eye[0] < nose[0] < right_eye[0] and left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 2000, 3), (11, 11, 3), (4000, 5, 3)])
def test_odd_shapes_have_no_faces_and_do_no_harm(detector: FaceDetector, shape: tuple[int, ...]) -> None:
    assert detector.detect([np.zeros(shape, np.uint8)]) == [[]]


def test_a_strip_too_narrow_for_the_smallest_face_has_none() -> None:
    assert FaceDetector(50, "cpu").detect([np.zeros((60, 2000, 3), np.uint8)]) == [[]]


def test_nothing_in_gives_nothing_out(detector: FaceDetector) -> None:
    assert detector.detect([]) == []


def test_a_smallest_face_that_is_no_percentage_is_refused() -> None:
    with pytest.raises(ValueError, match="min_face is 0; it must be above 0"):
        FaceDetector(min_face=0)


def test_the_networks_compute_what_those_of_the_package_do() -> None:
    from mtcnn.network.onet import ONet
    from mtcnn.network.pnet import PNet
    from mtcnn.network.rnet import RNet

    ours = mtcnn_networks.load("cpu")
    rng = np.random.default_rng(0)
    for name, net, call, side in (
        ("pnet", PNet(), ours.proposal, 60),
        ("rnet", RNet(), ours.refine, 24),
        ("onet", ONet(), ours.output, 48),
    ):
        pictures = rng.integers(0, 256, (5, side, side, 3), np.uint8)
        net.build()
        net.set_weights(mtcnn_onnx.read_weights(name))
        *regressions, classes = net((pictures.astype(np.float32) - 127.5) / 128)
        scores, *shifts = call(pictures if name == "pnet" else pictures.astype(np.float32))
        assert np.allclose(scores, np.asarray(classes)[..., 1], atol=1e-5), name
        for wanted, given in zip(regressions, shifts, strict=True):
            assert np.allclose(wanted, given, atol=1e-5), name


@pytest.mark.parametrize("shape", [(12, 12), (13, 17), (61, 60), (120, 161)])
def test_sparse_proposals_are_every_other_one_of_all(shape: tuple[int, int]) -> None:
    networks = mtcnn_networks.load("cpu")
    pictures = np.random.default_rng(0).integers(0, 256, (2, *shape, 3), np.uint8)
    for every, sparse in zip(networks.proposal(pictures), networks.sparse_proposal(pictures), strict=True):
        assert np.allclose(np.asarray(every)[:, ::2, ::2], sparse, atol=1e-5)


def test_small_faces_are_found_between_the_windows_that_are_evaluated_in_large_levels(
    detector: FaceDetector, composer: ModuleType
) -> None:
    # Windows there are 4 pixels of their level apart, 8 of the picture: each shift must do.
    portrait = composer.portrait(composer.NEUTRAL)
    x, y, w, h = composer.FACES[composer.NEUTRAL]
    scale = 34 / h
    small = portrait.resize((round(portrait.width * scale), round(portrait.height * scale)))
    for shift in range(0, 10, 3):
        picture = Image.new("RGB", (1024, 768), (90, 100, 110))
        picture.paste(small, (400 + shift, 300 + shift))
        (found,) = detector.detect([np.asarray(picture)])
        assert matches(found, [(400 + shift + x * scale, 300 + shift + y * scale, w * scale, h * scale)]), shift


def test_weights_that_are_not_those_we_know_are_not_unpickled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mtcnn_onnx._DIGESTS, "pnet", "0" * 64)
    with pytest.raises(AlbumsortError, match="unknown weights"):
        mtcnn_onnx.read_weights("pnet")


def test_patches_are_sampled_between_pixels_and_are_black_beyond_the_picture() -> None:
    row, column = np.mgrid[:40, :60]
    slope = np.stack([3 * column, 4 * row, 0 * row + 7], 2).astype(np.uint8)
    first = np.array([[10.25, 5.5], [50.0, 30.0], [-90.0, 3.0], [33.25, 28.5]], np.float32)
    last = np.array([[33.25, 28.5], [73.0, 53.0], [-67.0, 26.0], [10.25, 5.5]], np.float32)
    patches = np.full((4, 24, 24, 3), np.nan, np.float32)
    mtcnn_networks.cut_patches(slope[None], first, last, [0] * 4, 24, patches)
    inside, corner, beyond, upside_down = patches
    wanted = np.stack(np.broadcast_arrays(3 * (10.25 + np.arange(24)), 4 * (5.5 + np.arange(24))[:, None], 7), 2)
    assert np.allclose(inside, wanted, atol=0.01)
    assert np.allclose(upside_down, wanted[::-1, ::-1], atol=0.01)
    assert np.array_equal(corner[:10, :10], slope[30:, 50:].astype(np.float32))
    assert not corner[10:].any() and not corner[:, 10:].any() and not beyond.any()
