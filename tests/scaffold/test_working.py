"""The scaffold works: each kind alone, and all of them with the command."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ganzoo.api import HOOKS
from ganzoo.cli import main

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", HOOKS)
def test_a_kind_alone_fulfils_its_contract_and_trains(
    kind: str, install_scaffold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    install_scaffold(kind)
    monkeypatch.chdir(tmp_path)
    assert main(["conformance", "acme/*"]) == 0, capsys.readouterr().out
    assert main(["run", "acme/demo", "train.steps=3", "eval.samples=16"]) == 0
    assert "score" in capsys.readouterr().err


@pytest.fixture
def fresh_environment(tmp_path: Path) -> Path:
    """Return the Python of an environment of its own, which sees what this one has."""
    home = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    (site,) = home.glob("lib/python*/site-packages")
    seen = sysconfig.get_path("purelib")
    (site / "parent.pth").write_text(f"import site; site.addsitedir({seen!r})\n")
    return home / "bin" / "python"


def test_the_command_installs_tests_lists_and_trains_a_plugin_of_every_kind(
    fresh_environment: Path, tmp_path: Path
) -> None:
    kinds = [word for kind in HOOKS for word in ("--kind", kind)]
    words = [fresh_environment, "-m", "ganzoo", "new", "plugin", "every-kind", *kinds]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ganzoo-every-kind\n"
    commands = [line for line in done.stderr.splitlines() if line.startswith("$ ")]
    assert len(commands) == 3 + len(HOOKS)
    again = subprocess.run(
        commands[-2].removeprefix("$ "),
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert "every-kind/demo" in again.stdout
