"""Photos of lists, faces and bursts as dictionaries for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from albumsort.culling.best_shot import BurstShot
from albumsort.emotions import EMOTIONS
from albumsort.records import Face, PhotoResult, RankedPhoto


def face_as_dict(face: Face, threshold: float) -> dict[str, Any]:
    """A face for JSON. ``emotion`` is None if the highest probability is below the threshold."""
    return {
        "box": [round(value, 2) for value in face.box],
        "detection": round(face.detection, 4),
        "confidence": round(face.confidence, 6),
        "emotion": face.emotion if face.confidence >= threshold else None,
        "probabilities": {
            emotion: None if p is None else round(p, 6) for emotion, p in zip(EMOTIONS, face.probabilities, strict=True)
        },
        "corrected": face.corrected,
    }


def row_as_dict(row: RankedPhoto, threshold: float) -> dict[str, Any]:
    """A photo of a list for JSON."""
    return {
        "path": row.photo.path,
        "score": None if row.score is None else round(row.score, 6),
        "taken_at": row.photo.taken_at,
        "others": row.others,
        "faces": [face_as_dict(face, threshold) for face in row.faces],
        "utc_offset": row.photo.utc_offset,
        "camera": row.photo.camera,
        "width": row.photo.width,
        "height": row.photo.height,
    }


def result_as_dict(result: PhotoResult, threshold: float) -> dict[str, Any]:
    """A photo that is in no index, for JSON."""
    return {
        "path": result.photo.path,
        "faces": [face_as_dict(face, threshold) for face in result.faces],
        "error": result.photo.error,
    }


def burst_as_dict(shots: Sequence[BurstShot]) -> dict[str, Any]:
    """A burst for JSON: its shots, best first, with the parts of each score."""
    return {
        "taken_at": min(shot.photo.taken_at or "" for shot in shots),
        "frames": [
            {
                "path": shot.photo.path,
                "score": shot.score,
                "parts": dict(shot.parts),
                "taken_at": shot.photo.taken_at,
                "faces": len(shot.faces),
                "utc_offset": shot.photo.utc_offset,
            }
            for shot in shots
        ],
    }
