"""Calibration and the figures that models are compared by."""

from __future__ import annotations

import numpy as np
import pytest

from albumsort.emotions import EMOTIONS, in_words
from albumsort.report.canvas import page
from albumsort.training.calibrate import calibration_error, fit_matrix, fit_temperature
from albumsort.training.evaluate import figures
from albumsort.training.plots.figures import draw_matrix
from albumsort.vision.classifier import softmax


def calibrated(count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the truth, and classes drawn from it."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (count, 7))
    draws = rng.random((count, 1))
    return logits, (softmax(logits).cumsum(1) < draws).sum(1).clip(max=6)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_recovered(scale):
    logits, truth = calibrated()
    assert fit_temperature(logits * scale, truth) == pytest.approx(scale, rel=0.04)


def test_the_temperature_makes_confidence_honest():
    logits, truth = calibrated()
    logits *= 2.5

    def error(probabilities: np.ndarray) -> float:
        return calibration_error(probabilities.max(1), probabilities.argmax(1) == truth)

    assert error(softmax(logits)) > 0.1
    assert error(softmax(logits / fit_temperature(logits, truth))) < 0.02


def drawn(logits, dice):
    """Classes that are as probable as the logits say."""
    return (softmax(logits).cumsum(1) > dice.random((len(logits), 1))).argmax(1)


def test_a_matrix_evens_out_what_a_temperature_cannot():
    dice = np.random.default_rng(0)
    honest = dice.normal(0, 2, (8000, 7))
    truth = drawn(honest, dice)
    bent = honest @ (np.eye(7) + dice.normal(0, 0.15, (7, 7))) + dice.normal(0, 0.5, 7)
    bent /= fit_temperature(bent[:4000], truth[:4000])
    kernel, addend = fit_matrix(bent[:4000], truth[:4000])

    def loss(logits):
        return -np.log(softmax(logits[4000:])[np.arange(4000), truth[4000:]]).mean()

    lost, regained = loss(bent) - loss(honest), loss(bent) - loss(bent @ kernel + addend)
    assert regained > 0.7 * lost > 0.03


def test_few_faces_leave_the_matrix_near_to_one_that_changes_nothing():
    dice = np.random.default_rng(0)
    logits = dice.normal(0, 2, (30, 7))
    kernel, addend = fit_matrix(logits, drawn(logits, dice))
    assert np.isfinite(kernel).all() and np.abs(kernel - np.eye(7)).max() < 1 and np.abs(addend).max() < 1
    kernel, addend = fit_matrix(logits, np.zeros(30, int))  # of one class alone
    assert np.isfinite(kernel).all() and np.isfinite(addend).all()


def test_softmax_sums_to_1_and_bears_large_logits():
    probabilities = softmax(np.array([[1000.0, 0, 0], [0, np.log(3), 0]]))
    assert probabilities[0].tolist() == [1, 0, 0]
    assert probabilities[1] == pytest.approx([0.2, 0.6, 0.2])


def test_the_calibration_error_of_four_predictions():
    # Two at 0.9, both right: gap 0.1. Two at 0.62, one right: gap 0.12. Each holds half of the faces.
    confidence, right = np.array([0.9, 0.9, 0.62, 0.62]), np.array([True, True, True, False])
    assert calibration_error(confidence, right) == pytest.approx(0.11)


def test_full_confidence_has_a_bin():
    assert calibration_error(np.array([1.0, 1.0]), np.array([True, False])) == pytest.approx(0.5)


@pytest.fixture
def predicted() -> tuple[np.ndarray, np.ndarray]:
    """Five faces: two happy, one of which is predicted neutral; two neutral; one sad, predicted happy."""
    # Columns: angry disgust fear happy sad surprise neutral.
    probabilities = np.array(
        [
            [0, 0, 0, 0.9, 0, 0, 0.1],
            [0, 0, 0, 0.3, 0.1, 0, 0.6],
            [0, 0, 0, 0.1, 0, 0, 0.9],
            [0, 0, 0, 0.1, 0.2, 0, 0.7],
            [0, 0, 0, 0.6, 0.3, 0, 0.1],
        ]
    )
    return probabilities, np.array([3, 3, 6, 6, 4])


def test_figures_of_five_faces(predicted):
    result = figures(*predicted)
    assert (result["n"], result["accuracy"], result["top2"]) == (5, pytest.approx(0.6), pytest.approx(1.0))
    wanted = np.zeros((7, 7), int)
    wanted[3, 3], wanted[3, 6], wanted[6, 6], wanted[4, 3] = 1, 1, 2, 1
    assert result["confusion"] == wanted.tolist()
    scores = result["per_emotion"]
    assert list(scores) == list(EMOTIONS)
    assert scores["happy"] == {"n": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5}
    assert scores["neutral"] == {"n": 2, "precision": pytest.approx(2 / 3), "recall": 1.0, "f1": pytest.approx(0.8)}
    assert scores["sad"] == {"n": 1, "precision": None, "recall": 0.0, "f1": 0.0}
    assert scores["fear"] == {"n": 0, "precision": None, "recall": None, "f1": None}
    assert result["mean_recall"] == pytest.approx((0.5 + 1.0 + 0.0) / 3)
    # Bins of a fifteenth: 0.9 twice (gap 0.1), 0.6 twice (gap 0.6), 0.7 once (gap 0.3).
    assert result["ece"] == pytest.approx((2 * 0.1 + 2 * 0.6 + 0.3) / 5)


def test_the_second_emotion_counts_for_top2_and_the_third_does_not():
    probabilities = np.array([[0, 0, 0.2, 0.5, 0, 0, 0.3]] * 3)
    assert figures(probabilities, np.array([3, 6, 2]))["top2"] == pytest.approx(2 / 3)


def test_faces_without_a_truth_do_not_count(predicted):
    probabilities, truth = predicted
    more = np.vstack([probabilities, [[1, 0, 0, 0, 0, 0, 0]] * 3])
    assert figures(more, np.concatenate([truth, [-1, -1, -1]])) == figures(probabilities, truth)


def test_without_any_face_there_are_no_figures(predicted):
    assert figures(predicted[0], np.full(5, -1)) == {"n": 0}


def test_a_matrix_shows_the_emotions_of_a_scheme_and_what_counts_as_them():
    counts = np.zeros((7, 7))
    counts[0, 0], counts[2, 0] = 3, 1  # disgust counts as angry: its row and column are empty
    axes = page(4, 4).add_subplot()
    draw_matrix(axes, counts, in_words("six"))
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows[:2] == ["angry or disgust (3)", "fear (1)"] and len(rows) == 6
    assert axes.get_xticklabels()[0].get_text() == "angry or disgust"
    assert [text.get_text() for text in axes.texts] == ["100%", "100%"]
    assert in_words("four") == {name: name for name in ("angry", "happy", "sad", "neutral")}
