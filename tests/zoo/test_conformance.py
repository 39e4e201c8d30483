"""The bundled plugin passes the conformance kit like any other plugin, without exceptions."""

import pytest

from ganzoo.testing import conformance

SCHEDULED = [{"end_samples": 1000, "begin_samples": 10}, {"end_samples": 7, "absolute": True}]

test_conformance = pytest.mark.slow(
    conformance(
        "zoo/*",
        parameters={
            "zoo/linear": SCHEDULED,
            "zoo/cosine": SCHEDULED,
            "zoo/exponential": [{"half_life_samples": 1000, "begin_samples": 10, "end": 0.1}],
            "zoo/warm-up": [
                {"warm_up_samples": 1000},
                {"warm_up_samples": 7, "decay": "cosine", "end_samples": 1000},
            ],
        },
    )
)
