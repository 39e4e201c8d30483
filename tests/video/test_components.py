"""The components of ganzoo-video keep the contract."""

import pytest

from ganzoo.testing import conformance

test_conformance = pytest.mark.slow(conformance("video/*"))
