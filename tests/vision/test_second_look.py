"""A face that the model is not sure of is looked at again, mirrored; no other is, and no probability jumps."""

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
def looking(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], EmotionClassifier]:
    """The model that ships, as one that looks again or does not."""
    folder = tmp_path_factory.mktemp("models")
    card = json.loads(shipped_model().with_suffix(".json").read_text())

    def make(again: bool) -> EmotionClassifier:
        path = folder / f"{again}.keras"
        if not path.exists():
            shutil.copy(shipped_model(), path)
            path.with_suffix(".json").write_text(json.dumps({**card, "is_mirrored": again}))
        return EmotionClassifier(path)

    return make


@pytest.fixture(scope="module")
def crops() -> NDArray[np.uint8]:
    return synthetic_faces(300)


def mean_of_logits(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities by the mean of the logits that two answers come from."""
    product = np.sqrt(one.astype(np.float64) * other)
    return np.asarray(product / product.sum(1, keepdims=True), np.float32)


def test_only_faces_in_doubt_are_looked_at_again(looking, crops):
    once, again = looking(False), looking(True)
    first, answer = once.probabilities(crops), again.probabilities(crops)
    mirrored = once.probabilities(crops[:, :, ::-1].copy())
    best = first.max(1)
    sure, unsure = best >= IN_DOUBT, best <= UNSURE
    assert min(sure.sum(), unsure.sum(), (~sure & ~unsure).sum()) >= 5
    np.testing.assert_allclose(answer[sure], first[sure], atol=1e-5)
    np.testing.assert_allclose(answer[unsure], mean_of_logits(first, mirrored)[unsure], atol=1e-4)
    assert np.abs(answer - first)[unsure].max() > 0.05
    between = ~sure & ~unsure
    full = np.abs(mean_of_logits(first, mirrored) - first)[between].max(1)
    assert (np.abs(answer - first)[between].max(1) < full + 1e-5).all()


def test_a_share_does_not_jump():
    shares = share_of_mirrored(np.linspace(0, 1, 1001))
    assert (shares[0], shares[-1]) == (0.5, 0)
    assert np.abs(np.diff(shares)).max() < 0.01


@pytest.mark.parametrize("sizes", [(1, 299), (17, 250, 33), (300,)])
def test_an_answer_does_not_depend_on_the_batch(looking, crops, sizes):
    again = looking(True)
    parts = np.split(crops, np.cumsum(sizes)[:-1])
    answers = np.concatenate([again.probabilities(part) for part in parts])
    np.testing.assert_allclose(answers, again.probabilities(crops), atol=1e-4)


def test_a_batch_may_hold_no_face_in_doubt_and_none_at_all(looking, crops):
    again = looking(True)
    sure = crops[looking(False).probabilities(crops).max(1) > 0.9]
    assert len(sure) and again.probabilities(sure).shape == (len(sure), 7)
    assert again.probabilities(crops[:0]).shape == (0, 7)


def test_other_runtimes_are_given_the_same_answers(looking, crops):
    again = looking(True)
    np.testing.assert_allclose(np.asarray(again.function(crops)), again.probabilities(crops), atol=1e-4)
