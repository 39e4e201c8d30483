"""The bundled plugin passes the conformance kit like any other plugin, without exceptions."""

import pytest

from ganzoo.testing import conformance

SCHEDULED = [{"end_samples": 1000, "begin_samples": 10}, {"end_samples": 7, "absolute": True}]

STAIRS = [{"levels": 2, "stable_samples": 100, "fade_samples": 50}]

test_conformance = pytest.mark.slow(
    conformance(
        "zoo/*",
        parameters={"zoo/linear": SCHEDULED, "zoo/cosine": SCHEDULED, "zoo/stairs": STAIRS},
    )
)
