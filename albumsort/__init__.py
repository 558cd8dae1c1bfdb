"""albumsort finds every face in your photos, reads its emotion, and ranks the photos by it.

    from albumsort import Index, scan

    scan(["/home/me/Photos"], "photos.db")
    with Index("photos.db") as index:
        best = index.top("happy", n=20)

``import albumsort`` is cheap. The first use of a name loads what that name needs, such as ONNX Runtime or OpenCV. The
page ``examples/python-api.md`` shows every name at work.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError

if TYPE_CHECKING:
    from albumsort.culling.best_shot import BurstShot, rank_burst
    from albumsort.export.folders import Exported, ExportOptions, place
    from albumsort.index import Index
    from albumsort.index.filters import Filters
    from albumsort.index.query import Query
    from albumsort.records import Box, Detection, Face, Photo, PhotoResult, RankedPhoto, ReadPhoto
    from albumsort.report.timeline import plot_timeline
    from albumsort.scanning.predict import predict
    from albumsort.scanning.scan import scan
    from albumsort.scanning.summary import ScanSummary
    from albumsort.settings import ScanSettings
    from albumsort.vision.classifier import EmotionClassifier
    from albumsort.vision.detector import FaceDetector
    from albumsort.vision.reader import FaceReader, Picture, ReadFace

__version__ = "0.1.0"
__all__ = [
    "EMOTIONS",
    "AlbumsortError",
    "Box",
    "BurstShot",
    "Detection",
    "EmotionClassifier",
    "ExportOptions",
    "Exported",
    "Face",
    "FaceDetector",
    "FaceReader",
    "Filters",
    "Index",
    "Photo",
    "PhotoResult",
    "Picture",
    "Query",
    "RankedPhoto",
    "ReadFace",
    "ReadPhoto",
    "ScanSettings",
    "ScanSummary",
    "place",
    "plot_timeline",
    "predict",
    "rank_burst",
    "scan",
]

#: The module of each name that is loaded at its first use.
_HOMES = {
    "Box": "albumsort.records",
    "BurstShot": "albumsort.culling.best_shot",
    "Detection": "albumsort.records",
    "EmotionClassifier": "albumsort.vision.classifier",
    "ExportOptions": "albumsort.export.folders",
    "Exported": "albumsort.export.folders",
    "Face": "albumsort.records",
    "FaceDetector": "albumsort.vision.detector",
    "FaceReader": "albumsort.vision.reader",
    "Filters": "albumsort.index.filters",
    "Index": "albumsort.index",
    "Photo": "albumsort.records",
    "PhotoResult": "albumsort.records",
    "Picture": "albumsort.vision.reader",
    "Query": "albumsort.index.query",
    "RankedPhoto": "albumsort.records",
    "ReadFace": "albumsort.vision.reader",
    "ReadPhoto": "albumsort.records",
    "ScanSettings": "albumsort.settings",
    "ScanSummary": "albumsort.scanning.summary",
    "place": "albumsort.export.folders",
    "plot_timeline": "albumsort.report.timeline",
    "predict": "albumsort.scanning.predict",
    "rank_burst": "albumsort.culling.best_shot",
    "scan": "albumsort.scanning.scan",
}

logging.getLogger("albumsort").addHandler(
    logging.NullHandler()
)  # a program that imports the package decides what to show


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'albumsort' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
