"""Words that people type out of habit are answered with the command that works."""

import shlex

import pytest

from ganzoo.cli import main
from ganzoo.cli.group import HABITS

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("train my.yaml train.steps=5", "ganzoo run my.yaml train.steps=5"),
        ("train my.yaml --gpus 2", "ganzoo run --help"),
        ("train", "ganzoo run --help"),
        ("eval last", "ganzoo score last"),
        ("generate last", "ganzoo sample last"),
        ("models", "ganzoo recipes"),
        ("list models", "ganzoo list recipes"),
        ("list networks", "ganzoo list generators"),
        ("losses", "ganzoo list losses"),
        ("runs", "ganzoo ls"),
        ("download inception", "ganzoo fetch inception"),
        ("help run", "ganzoo run --help"),
        ("help", "ganzoo --help"),
        ("version", "ganzoo --version"),
    ],
)
def test_a_habit_is_answered_with_a_command_to_paste(
    typed: str, answer: str, capsys: Capture
) -> None:
    assert main(shlex.split(typed)) == 2
    message, hint = capsys.readouterr().err.splitlines()
    assert "did you mean" in message
    assert hint == f"try: {answer}"


@pytest.mark.parametrize("habit", HABITS)
def test_the_answer_to_a_bare_habit_works(
    habit: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([habit]) == 2
    hint = capsys.readouterr().err.splitlines()[1]
    answer = shlex.split(hint.removeprefix("try: ganzoo"))
    needs_more = answer in (["compare"], ["fetch"])  # there are no runs; a component is to be named
    assert main(answer) == (2 if needs_more else 0)


def test_a_misspelt_option_is_answered_with_the_right_one(capsys: Capture) -> None:
    assert main(["--verison"]) == 2
    assert "Did you mean '--version'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("recipes 'mnst*'", "recipes match 'mnst*'"),
        (
            "recipes conditional",
            "recipes match 'conditional' - near: cifar10-resnet-conditional",
        ),
        ("list losses hing", "losses match 'hing' - near: feature-matching, hinge"),
    ],
)
def test_a_pattern_without_a_match_is_answered_with_near_names(
    typed: str, answer: str, capsys: Capture
) -> None:
    assert main(shlex.split(typed)) == 0
    assert capsys.readouterr().err.startswith(f"no {answer}")
