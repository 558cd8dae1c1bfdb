"""The command line as it starts."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from albumsort.__main__ import main


def test_ctrl_c_while_it_is_loaded_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "albumsort.cli", SimpleNamespace(main=stop))
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
