"""A file in the form of Inception's public weights, written once."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def toys() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("inception_toys.py"))))


@pytest.fixture(scope="session")
def weights(toys: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the public file's form."""
    path = tmp_path_factory.mktemp("inception") / "random.pth"
    toys.write(path)
    return path
