"""Every test has a cache of its own and leaves the user's alone."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "ganzoo-cache"
    monkeypatch.setenv("GANZOO_CACHE", str(cache))
    return cache
