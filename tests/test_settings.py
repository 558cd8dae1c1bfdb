"""The settings of a scan are checked when they are made, because the index keeps them."""

from __future__ import annotations

from typing import Any

import pytest

from albumsort import ScanSettings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": "x"}, "threshold is 'x'; it must be a number"),
        ({"threshold": 1.5}, "threshold is 1.5; it must be from 0 to 1"),
        ({"threshold": float("nan")}, "threshold is nan; it must be from 0 to 1"),
        ({"min_face": 500}, "min_face is 500; it must be from 0 to 100"),
        ({"workers": -1}, "workers is -1; it must be 0 or more"),
        ({"detail": None}, "detail is None; it must be a whole number"),
        ({"device": "tpu"}, "device is 'tpu'; it must be one of auto, cpu, gpu"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScanSettings(**options)
