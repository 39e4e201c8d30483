"""The bundled plugin passes the conformance kit like any other plugin, without exceptions."""

import pytest

from ganzoo.testing import conformance

SCHEDULED = [{"end_samples": 1000, "begin_samples": 10}, {"end_samples": 7, "absolute": True}]

STAIRS = [{"levels": 2, "stable_samples": 100, "fade_samples": 50}]

test_conformance = pytest.mark.slow(
    conformance(
        "zoo/*",
        parameters={
            "zoo/linear": SCHEDULED,
            "zoo/cosine": SCHEDULED,
            "zoo/stairs": STAIRS,
            "zoo/exponential": [{"half_life_samples": 1000, "begin_samples": 10, "end": 0.1}],
            "zoo/warm-up": [
                {"warm_up_samples": 1000},
                {"warm_up_samples": 7, "end_samples": 1000, "fall": "linear", "end": 0.1},
            ],
        },
    )
)
