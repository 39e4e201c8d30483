"""The bundled plugin keeps the contract that everybody's does: by the kit, without an exemption."""

import pytest

from ganzoo.testing import conformance

SCHEDULED = [{"end_samples": 1000, "begin_samples": 10}, {"end_samples": 7, "absolute": True}]

test_conformance = pytest.mark.slow(
    conformance("zoo/*", parameters={"zoo/linear": SCHEDULED, "zoo/cosine": SCHEDULED})
)
