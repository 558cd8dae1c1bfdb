"""A face in doubt is classified a second time, mirrored; no other is, and no probability jumps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from albumsort.training.export import synthetic_faces
from albumsort.vision.classifier import IN_DOUBT, UNSURE, EmotionClassifier, share_of_mirrored
from albumsort.vision.models import shipped_model

Reader = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@pytest.fixture(scope="module")
def classifier_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], EmotionClassifier]:
    """The model that ships, with a mirrored pass or without: ``classifier_with(True)``."""
    folder = tmp_path_factory.mktemp("models")
    card = json.loads(shipped_model().with_suffix(".json").read_text())

    def make(is_mirrored: bool) -> EmotionClassifier:
        path = folder / f"{is_mirrored}.keras"
        if not path.exists():
            shutil.copy(shipped_model(), path)
            path.with_suffix(".json").write_text(json.dumps({**card, "is_mirrored": is_mirrored}))
        return EmotionClassifier(path)

    return make


@pytest.fixture(scope="module")
def crops() -> NDArray[np.uint8]:
    return synthetic_faces(300)


def mean_of_logits(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probabilities that belong to the mean of the logits of two passes."""
    product = np.sqrt(one.astype(np.float64) * other)
    return np.asarray(product / product.sum(1, keepdims=True), np.float32)


def test_only_faces_in_doubt_have_a_mirrored_pass(classifier_with, crops):
    once, twice = classifier_with(False), classifier_with(True)
    first, both = once.probabilities(crops), twice.probabilities(crops)
    mirrored = once.probabilities(crops[:, :, ::-1].copy())
    best = first.max(1)
    sure, unsure = best >= IN_DOUBT, best <= UNSURE
    assert min(sure.sum(), unsure.sum(), (~sure & ~unsure).sum()) >= 5
    np.testing.assert_allclose(both[sure], first[sure], atol=1e-5)
    np.testing.assert_allclose(both[unsure], mean_of_logits(first, mirrored)[unsure], atol=1e-4)
    assert np.abs(both - first)[unsure].max() > 0.05
    between = ~sure & ~unsure
    full = np.abs(mean_of_logits(first, mirrored) - first)[between].max(1)
    assert (np.abs(both - first)[between].max(1) < full + 1e-5).all()


def test_the_weight_of_the_mirrored_pass_does_not_jump():
    shares = share_of_mirrored(np.linspace(0, 1, 1001))
    assert (shares[0], shares[-1]) == (0.5, 0)
    assert np.abs(np.diff(shares)).max() < 0.01


@pytest.mark.parametrize("sizes", [(1, 299), (17, 250, 33), (300,)])
def test_probabilities_do_not_depend_on_the_batch(classifier_with, crops, sizes):
    twice = classifier_with(True)
    parts = np.split(crops, np.cumsum(sizes)[:-1])
    together = np.concatenate([twice.probabilities(part) for part in parts])
    np.testing.assert_allclose(together, twice.probabilities(crops), atol=1e-4)


def test_a_batch_may_hold_no_face_in_doubt_and_none_at_all(classifier_with, crops):
    twice = classifier_with(True)
    sure = crops[classifier_with(False).probabilities(crops).max(1) > 0.9]
    assert len(sure) and twice.probabilities(sure).shape == (len(sure), 7)
    assert twice.probabilities(crops[:0]).shape == (0, 7)
