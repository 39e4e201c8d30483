"""A separate project directory for every test, with recipes in it."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

Write = Callable[[str, str], Path]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a ``.git`` in it, which is the working directory."""
    directory = tmp_path / "project"
    (directory / ".git").mkdir(parents=True)
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def write(project: Path) -> Write:
    """Write a file of the project."""

    def write_file(name: str, text: str) -> Path:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def small(write: Write) -> Path:
    """A whole recipe of six lines."""
    return write(
        "small.yaml",
        """\
        recipe: 1
        dataset: digits
        generator: {use: dcgan, width: 64, norm: batch}
        discriminator: dcgan
        loss: hinge
        train: {steps: 3000}
        """,
    )
