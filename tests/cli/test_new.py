"""``ganzoo new`` and ``ganzoo new plugin`` as commands."""

from pathlib import Path

import pytest

from ganzoo.api import HOOKS
from ganzoo.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory; an installation fails, so that none reaches this environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ganzoo.scaffold.trial._install", lambda python, place: (python, "gone.py"))
    return tmp_path


def test_no_try_writes_the_files_and_says_how_to_try_them(here: Path, capsys: Capture) -> None:
    words = "new plugin my-lab --kind generators --kind loss --no-try"
    assert main(words.split()) == 0
    out, err = capsys.readouterr()
    assert out == "ganzoo-my-lab\n"
    written, to_try, *commands = err.splitlines()
    assert written == "wrote 11 files into ganzoo-my-lab"
    assert to_try == "to try it:"
    assert len(commands) == 5
    assert all(command.startswith("$ ") for command in commands)
    assert (here / "ganzoo-my-lab" / "ganzoo_my_lab" / "generators" / "upsampling.py").is_file()


def test_out_is_where_it_is_written(here: Path, capsys: Capture) -> None:
    assert main(["new", "plugin", "acme", "--kind", "loss", "--no-try", "--out", "deep/place"]) == 0
    assert capsys.readouterr().out == "deep/place\n"
    assert (here / "deep" / "place" / "ganzoo_acme" / "loss.py").is_file()


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("", "Missing command.", "ganzoo new --help"),
        (
            "plugn acme",
            "ganzoo new has no subcommand 'plugn' - did you mean 'plugin'?",
            "ganzoo new --help",
        ),
        ("plugin", "Missing argument 'NAMESPACE'.", "ganzoo new plugin --help"),
        (
            "plugin acme",
            f"missing --kind, one or more of: {', '.join(HOOKS)}",
            "ganzoo new plugin acme --kind generator",
        ),
        (
            "plugin acme --kind genrator",
            "no kind of component is called 'genrator' - did you mean 'generator",
            "ganzoo",
        ),
        (
            "plugin zoo --kind loss",
            "the namespace 'zoo' belongs to ganzoo-zoo",
            "ganzoo new plugin my-zoo --kind …",
        ),
        (
            "plugin acme --kind loss --out full",
            "full exists already and is not an empty directory",
            "choose another place with --out DIR",
        ),
    ],
)
def test_what_cannot_be_begun_is_refused_before_anything_is_written(
    words: str, message: str, hint: str, here: Path, capsys: Capture
) -> None:
    (here / "full").mkdir()
    (here / "full" / "mine.txt").touch()
    before = sorted(here.rglob("*"))
    assert main(["new", *words.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith(message)
    assert second.startswith(f"try: {hint}")
    assert sorted(here.rglob("*")) == before


def test_a_namespace_that_is_installed_is_refused_wherever_it_is_to_be_written(
    install_plugin, here: Path, capsys: Capture
) -> None:
    install_plugin("ganzoo-acme", {"ganzoo_acme": ""}, acme="ganzoo_acme")
    for more in ([], ["--no-try"], ["--out", "other"]):
        assert main(["new", "plugin", "acme", "--kind", "loss", *more]) == 2
        assert "is taken by ganzoo-acme 1.0" in capsys.readouterr().err
    assert not (here / "ganzoo-acme").exists()
    assert not (here / "other").exists()


def test_without_the_zoo_a_plugin_is_only_written(
    monkeypatch: pytest.MonkeyPatch, here: Path, capsys: Capture
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("GANZOO_PLUGINS", "")
        assert main(["new", "plugin", "acme", "--kind", "loss"]) == 2
        assert "which is disabled: left out by GANZOO_PLUGINS\n" in capsys.readouterr().err
    monkeypatch.setattr("ganzoo.scaffold.trial.discover", list)
    assert main(["new", "plugin", "acme", "--kind", "loss"]) == 2
    assert capsys.readouterr().err == (
        "trying a new plugin needs the zoo, which is not installed\n"
        'try: pip install "ganzoo-core[zoo]", or add --no-try\n'
    )
    assert not (here / "ganzoo-acme").exists()
    assert main(["new", "plugin", "acme", "--kind", "loss", "--no-try"]) == 0


def test_a_step_that_fails_leaves_the_files_and_says_where(here: Path, capsys: Capture) -> None:
    assert main(["new", "plugin", "acme", "--kind", "loss"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "the installation failed with exit code 2; the files are in ganzoo-acme\n" in err
    assert err.splitlines()[-1].startswith("try: ")
    assert err.splitlines()[-1].endswith(" gone.py")
    assert (here / "ganzoo-acme" / "pyproject.toml").is_file()
