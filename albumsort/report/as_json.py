"""Lists, photos, faces and bursts as the objects that are printed as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from albumsort.culling.best_shot import Frame
from albumsort.emotions import EMOTIONS
from albumsort.records import Face, PhotoResult, RankedPhoto


def face_as_dict(face: Face, threshold: float) -> dict[str, Any]:
    """A face for JSON. ``emotion`` is None where the best probability is under the threshold."""
    return {
        "box": [round(value, 2) for value in face.box],
        "detection": round(face.detection, 4),
        "confidence": round(face.confidence, 6),
        "emotion": face.emotion if face.confidence >= threshold else None,
        "probabilities": {
            emotion: None if p is None else round(p, 6) for emotion, p in zip(EMOTIONS, face.probabilities, strict=True)
        },
    }


def row_as_dict(row: RankedPhoto, threshold: float) -> dict[str, Any]:
    """A photo of a list for JSON."""
    return {
        "path": row.photo.path,
        "score": None if row.score is None else round(row.score, 6),
        "taken_at": row.photo.taken_at,
        "others": row.others,
        "faces": [face_as_dict(face, threshold) for face in row.faces],
    }


def result_as_dict(result: PhotoResult, threshold: float) -> dict[str, Any]:
    """A photo that was read without an index, for JSON."""
    return {
        "path": result.photo.path,
        "faces": [face_as_dict(face, threshold) for face in result.faces],
        "error": result.photo.error,
    }


def burst_as_dict(frames: Sequence[Frame]) -> dict[str, Any]:
    """A burst for JSON: its frames, best first, with the parts of each score."""
    return {
        "taken_at": min(frame.photo.taken_at or "" for frame in frames),
        "frames": [
            {
                "path": frame.photo.path,
                "score": frame.score,
                "parts": dict(frame.parts),
                "taken_at": frame.photo.taken_at,
                "faces": len(frame.faces),
            }
            for frame in frames
        ],
    }
