"""What a notebook and Python's prompt show of a run, a score, a recipe and a comparison."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

import ganzoo
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.html import LARGEST, picture
from ganzoo.training.launch import Options, default_reporter
from ganzoo.training.progress import TerminalReporter
from ganzoo.training.run import Run

EVIL = "<script>alert('x')</script>&"


def read(shown: Any) -> ElementTree.Element:
    """Return the HTML of a value, which is well-formed and reaches for nothing outside."""
    text = shown._repr_html_()
    element = ElementTree.fromstring(f"<div>{text}</div>")
    assert "script" not in {each.tag for each in element.iter()}
    for each in element.iter():
        reaches = [each.get(name) for name in ("src", "href") if each.get(name)]
        assert all(str(one).startswith("data:") for one in reaches)
    return element


@pytest.fixture
def run(make_run: Callable[..., RunDirectory], score: Any) -> Run:
    made = make_run("hinge", score(3.0, metrics={EVIL: 0.5}))
    made.samples_directory.mkdir()
    Image.new("L", (8, 8)).save(made.samples_directory / "step-00000100.png")
    return Run(made)


def test_a_run_is_shown_with_its_scores_and_its_newest_samples(run: Run) -> None:
    shown = read(run)
    text = "".join(shown.itertext())
    assert run.name in text
    assert "finished" in text
    assert "3" in text
    (image,) = shown.iter("img")
    assert image.get("alt") == "samples, step-00000100"
    assert repr(run) == f"<Run {run.name} (finished)>"


def test_a_score_is_shown_with_its_distance_protocol_and_metrics_escaped(run: Run) -> None:
    (score,) = run.scores
    text = "".join(read(score).itertext())
    assert score.protocol.words() in text
    assert score.protocol.id in text
    assert EVIL in text
    assert repr(score).startswith(f"<Score {score.protocol.distance_name} 3")
    assert "\n" not in repr(score)


def test_a_comparison_is_shown_as_the_table_that_is_printed(run: Run) -> None:
    board = ganzoo.compare(runs_directory=run.path.parent)
    shown = read(board)
    cells = [cell.text or "" for cell in shown.iter("td")]
    assert cells[: len(board.table().rows[0])] == list(board.table().rows[0])
    assert [cell.text or "" for cell in shown.iter("th")] == list(board.table().columns)
    assert repr(board) == f"<Leaderboard {board.protocol.words()}: 1 ranked, 0 not ranked>"


def test_a_recipe_is_shown_with_its_components_and_its_text_escaped(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"recipe: 1\nextends: digits-mlp-hinge\n# {EVIL}\n")
    recipe = ganzoo.Recipe.load(file)
    text = "".join(read(recipe).itertext())
    assert EVIL in text
    assert "hinge" in text
    assert "discriminator mlp, loss hinge, dataset digits, steps 5,000" in repr(recipe)


def test_a_large_or_broken_picture_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(b"x" * (LARGEST + 1))
    for name in ("large.png", "missing.png", "words.txt"):
        assert picture(tmp_path / name, "samples") == ""


def test_progress_is_printed_where_somebody_types_the_commands_and_not_in_a_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not isinstance(default_reporter(), TerminalReporter)
    monkeypatch.setattr(sys, "ps1", "In : ", raising=False)
    assert isinstance(Options().reporter, TerminalReporter)


@pytest.mark.slow
@pytest.mark.parametrize(("flags", "says"), [(["-i", "-c", ""], True), (["-"], False)])
def test_ganzoo_run_prints_its_steps_at_the_prompt_of_python(
    flags: list[str], says: bool, tmp_path: Path
) -> None:
    code = (
        "import ganzoo\n"
        "run = ganzoo.run('digits-mlp-hinge', {'train.steps': 2, 'eval.extractor': None})\n"
    )
    done = subprocess.run(
        [sys.executable, *flags],
        input=code,
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert ("step" in done.stderr) == says
