"""The bundled plugin passes the conformance kit like any other plugin, without exceptions."""

import pytest

from ganzoo.testing import conformance

SCHEDULED = [{"end_samples": 1000, "begin_samples": 10}, {"end_samples": 7, "absolute": True}]

test_conformance = pytest.mark.slow(
    conformance("zoo/*", parameters={"zoo/linear": SCHEDULED, "zoo/cosine": SCHEDULED})
)
