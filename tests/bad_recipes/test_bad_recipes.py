"""Recipes with one mistake each, and the exact message for it.

``cases/NAME.txt`` is a command, what it prints to stderr, and its exit code. To see what a changed
message looks like everywhere: ``GANZOO_REWRITE=1 pytest tests/bad_recipes`` and read the diff.
"""

import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.cli import main

HERE = Path(__file__).parent
CASES = HERE / "cases"
NAMES = sorted(file.stem for file in CASES.glob("*.txt"))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cases in a project of their own; nothing is written into it."""
    project = tmp_path_factory.mktemp("bad") / "project"
    shutil.copytree(CASES, project)
    (project / ".git").mkdir()
    return project


@pytest.fixture
def project(
    cases: Path, monkeypatch: pytest.MonkeyPatch, install_plugin: Callable[..., Path]
) -> Path:
    """The project as the working directory, with plugins that are broken in every way."""
    monkeypatch.chdir(cases)
    parts = (HERE / "lab_parts.py").read_text()
    lab = (HERE / "lab.py").read_text()
    install_plugin("ganzoo-lab", {"ganzoo_lab": lab, "ganzoo_lab_parts": parts}, lab="ganzoo_lab")
    install_plugin("broken-gans", {"broken_gans": "import nonsense\n"}, broken="broken_gans")
    install_plugin("old-lab", {"old_lab": ""}, group="ganzoo.v0", oldlab="old_lab")
    return cases


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_recipe_gives_exactly_the_expected_message(
    project: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    expected = (CASES / f"{name}.txt").read_text()
    command = expected.partition("\n")[0]
    code = main(shlex.split(command.removeprefix("$ ganzoo ")))
    printed, said = capsys.readouterr()
    said = said.replace(str(project), "PROJECT")
    found = f"{command}\n{said}exit {code}\n"
    if os.environ.get("GANZOO_REWRITE"):
        (CASES / f"{name}.txt").write_text(found)
    assert printed == ""
    assert found == expected


def test_there_are_at_least_sixty_cases_and_each_has_an_expected_message() -> None:
    assert len(NAMES) >= 60
    unused = {file.stem for file in CASES.glob("*.yaml")} - set(NAMES)
    assert unused == {"good", "base", "a.lock", "a-directory"}
