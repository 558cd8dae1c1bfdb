"""Augmentation: random, and yet the same for the same seed, epoch and batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from albumsort.training.augment import AugmentedFaces, augment, targets
from albumsort.training.datasets import Faces, load
from albumsort.training.recipe import AugmentRecipe, Cycle, FitRecipe, Recipe

pytestmark = pytest.mark.slow

STILL = AugmentRecipe(0, 0, 0, 0, 0, 0)
RECIPE = Recipe(seed=5, fit=FitRecipe(batch=8))
CYCLE = Cycle()


@pytest.fixture(scope="module")
def faces(few_faces) -> Faces:
    return load(few_faces.data, few_faces.votes)


@pytest.fixture(scope="module")
def face(faces) -> np.ndarray:
    return faces.pixels[0]


@pytest.mark.parametrize("side", [32, 48])
def test_a_view_has_the_side_asked_for(face, side):
    view = augment(face, AugmentRecipe(), np.random.default_rng(0), side)
    assert (view.shape, view.dtype) == ((side, side), np.float32)
    assert np.isfinite(view).all()
    assert view.std() > 10


def test_without_any_bound_a_face_stays_as_it_is_or_is_mirrored(face):
    views = [augment(face, STILL, np.random.default_rng(seed)) for seed in range(20)]
    same = [np.allclose(view, face, atol=1e-2) for view in views]
    mirrored = [np.allclose(view, face[:, ::-1], atol=1e-2) for view in views]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert any(same) and any(mirrored)


def test_a_small_view_is_the_face_scaled_and_not_shifted(face):
    gradient = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1))
    views = [augment(gradient, STILL, np.random.default_rng(seed), 32) for seed in range(8)]
    # Centre of small pixel x lies at (x + 0.5) * 1.5 - 0.5 in the face.
    wanted = 5 * ((np.arange(32) + 0.5) * 1.5 - 0.5)
    for view in views:
        row = view[16] if view[16, 0] < view[16, -1] else view[16, ::-1]
        assert row == pytest.approx(wanted, abs=0.6)


def test_views_differ_from_one_draw_to_the_next(face):
    rng = np.random.default_rng(0)
    assert not np.array_equal(augment(face, AugmentRecipe(), rng), augment(face, AugmentRecipe(), rng))


def test_light_and_contrast_stay_within_their_bounds(face):
    recipe = replace(STILL, brightness=0.2, contrast=0.3)
    mean, deviation = face.mean(), face.std()
    views = [augment(face, recipe, np.random.default_rng(seed)) for seed in range(50)]
    assert all(abs(view.mean() - mean) <= 0.2 * deviation + 0.1 for view in views)
    assert all(0.69 * deviation <= view.std() <= 1.31 * deviation for view in views)
    assert max(view.std() for view in views) > 1.1 * deviation > 0.9 * deviation > min(view.std() for view in views)


@pytest.mark.parametrize(("side", "hole"), [(48, 12), (32, 8)])
def test_an_erased_square_has_its_size_and_the_grey_of_the_face(face, side, hole):
    recipe = replace(STILL, erase_chance=1.0, erase_pixels=(12, 12))
    for seed in range(5):
        erased = augment(face, recipe, np.random.default_rng(seed), side)
        whole = augment(face, STILL, np.random.default_rng(seed), side)
        assert ((erased != whole).sum(), np.ptp(erased[erased != whole])) == (pytest.approx(hole**2, abs=3), 0)


def test_batches_depend_on_seed_epoch_and_number_alone(faces):
    first, again = AugmentedFaces(faces, RECIPE, CYCLE, 32, 1), AugmentedFaces(faces, RECIPE, CYCLE, 32, 1)
    again[0]  # what was drawn before must not matter
    assert np.array_equal(first[2][0], again[2][0])
    assert np.array_equal(first[2][1]["fer2013"], again[2][1]["fer2013"])
    others = [
        AugmentedFaces(faces, RECIPE, CYCLE, 32, 0)[2],
        AugmentedFaces(faces, replace(RECIPE, seed=6), CYCLE, 32, 1)[2],
        first[3],
    ]
    assert not any(np.array_equal(first[2][0], other[0]) for other in others)


def test_batches_have_the_side_of_their_epoch(faces):
    small, full = AugmentedFaces(faces, RECIPE, CYCLE, 32, 0), AugmentedFaces(faces, RECIPE, CYCLE, 48, 3)
    assert len(small) == 8
    assert small[0][0].shape == (8, 32, 32, 1)
    assert full[0][0].shape == (8, 48, 48, 1)


def test_an_epoch_sees_each_face_once_with_its_own_label(faces):
    batches = AugmentedFaces(faces, RECIPE, Cycle(augment=STILL), 48, 0)
    seen = {}
    for number in range(len(batches)):
        views, wanted, _ = batches[number]
        for view, label in zip(views[..., 0], wanted["fer2013"].argmax(1), strict=True):
            matches = [
                k for k, f in enumerate(faces.pixels) if min(abs(view - f).max(), abs(view - f[:, ::-1]).max()) < 1
            ]
            assert label == faces.labels[matches[0]]
            seen[matches[0]] = label
    assert len(seen) == len(faces)


def test_faces_without_usable_votes_teach_the_perceived_head_nothing(faces):
    voteless = replace(faces, perceived=np.where(np.arange(64)[:, None] < 32, 0, faces.perceived).astype(np.float32))
    wanted, weights = targets(voteless, RECIPE)
    assert wanted["fer2013"].shape == (64, 7) and wanted["perceived"].shape == (64, 8)
    assert weights["perceived"].tolist() == [0] * 32 + [1] * 32
    assert weights["fer2013"].tolist() == [1] * 64


def test_a_teacher_has_its_share_and_the_last_word_where_there_are_no_labels(faces):
    (cycle,) = RECIPE.cycles
    taught_by = (replace(cycle, taught_by=("somebody",)),)
    recipe = replace(RECIPE, fit=replace(RECIPE.fit, teacher_share=0.25), cycles=taught_by)
    has_votes = np.random.default_rng(0).random((len(faces), 1)) < 0.5
    unvoted = replace(faces, perceived=faces.perceived * has_votes)
    taught = {head: np.full((len(faces), classes), 1 / classes) for head, classes in (("fer2013", 7), ("perceived", 8))}
    batches = AugmentedFaces(unvoted, recipe, CYCLE, 32, 0, taught)
    _, wanted, weights = batches[0]
    own, own_weights = targets(unvoted.where(batches.order[:8]), RECIPE)
    assert wanted["fer2013"] == pytest.approx(0.75 * own["fer2013"] + 0.25 / 7)
    voted = own_weights["perceived"] > 0
    assert 0 < voted.sum() < 8
    assert wanted["perceived"][voted] == pytest.approx(0.75 * own["perceived"][voted] + 0.25 / 8)
    assert wanted["perceived"][~voted] == pytest.approx(1 / 8)
    assert all((weight == 1).all() for weight in weights.values())
    assert {part.dtype for part in wanted.values()} == {np.dtype(np.float32)}
