"""The components of ganzoo-text keep the contract."""

from pathlib import Path

import pytest

from ganzoo.testing import conformance

LINES = Path(__file__).parent / "lines.txt"

test_conformance = pytest.mark.slow(
    conformance("text/*", parameters={"text/lines": [{"path": str(LINES), "length": 12}]})
)
