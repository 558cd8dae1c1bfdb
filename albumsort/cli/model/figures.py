"""Prints the figures of models, for several commands."""

from __future__ import annotations

from typing import Any


def summary(figures: dict[str, Any]) -> str:
    """The main figures of ``training.evaluate.figures`` in one line."""
    words = {"accuracy": "accuracy", "first two": "top2", "mean recall": "mean_recall", "calibration error": "ece"}
    return "  ".join(f"{word} {figures[key]:.1%}" for word, key in words.items())


def print_tuning(tuning: dict[str, Any]) -> None:
    """Print how a tuned model compares with the one before it; the keys are those of ``training.tune.Outcome``."""
    print(
        f"{tuning['labelled']} held-out labelled faces: {tuning['right_before']:.1%} right before, "
        f"{tuning['right']:.1%} tuned (loss {tuning['loss_before']:.3f}, {tuning['loss']:.3f})\n"
        f"{tuning['remembered']} held-out faces that nobody labelled: predicted as stored "
        f"{tuning['agrees_before']:.1%} before, {tuning['agrees']:.1%} tuned"
    )
    if "agrees_in_fer2013" in tuning:  # cards of older versions do not have it
        print(f"  the head for FER2013's labels predicts {tuning['agrees_in_fer2013']:.1%} of them as before")
