"""albumsort: finds every face in your photos, reads its emotion, and ranks the photos by it.

    from albumsort import EmotionClassifier, FaceDetector, Index, scan

Importing this package is cheap: TensorFlow and OpenCV are loaded by the first name that needs them.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from albumsort.index import Index
    from albumsort.index.filters import Filters
    from albumsort.index.query import Query
    from albumsort.scanning.scan import ScanSummary, scan
    from albumsort.settings import ScanSettings
    from albumsort.vision.classifier import EmotionClassifier
    from albumsort.vision.detector import FaceDetector

__version__ = "0.1.0"
__all__ = ["EmotionClassifier", "FaceDetector", "Filters", "Index", "Query", "ScanSettings", "ScanSummary", "scan"]

_HOMES = {
    "EmotionClassifier": "albumsort.vision.classifier",
    "FaceDetector": "albumsort.vision.detector",
    "Filters": "albumsort.index.filters",
    "Index": "albumsort.index",
    "Query": "albumsort.index.query",
    "ScanSettings": "albumsort.settings",
    "ScanSummary": "albumsort.scanning.scan",
    "scan": "albumsort.scanning.scan",
}

logging.getLogger("albumsort").addHandler(logging.NullHandler())  # who embeds the package decides what is shown


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'albumsort' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
