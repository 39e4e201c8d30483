"""Why a run has no place in a ranking, and the command that would really give it one."""

import json
import shlex
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.errors import ComparisonError
from ganzoo.report.candidates import Unranked, candidate
from ganzoo.report.compare import compare

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("exit_code", "would_end_otherwise"),
    [(1, False), (2, False), (3, False), (8, False), (4, True), (5, True), (7, True), (9, True)],
)
def test_a_failed_run_is_only_resumed_where_it_would_not_fail_again(
    exit_code: int, would_end_otherwise: bool, runs, make_run
) -> None:
    run = make_run("b", events=("started", "failed"), steps=70, exit_code=exit_code)
    found = candidate(run)
    assert isinstance(found, Unranked)
    assert found.reason == "failed at step 70: the loss is not finite"
    path = shlex.quote(str(run.path))
    assert found.command == (f"ganzoo resume {path}" if would_end_otherwise else None)


@pytest.mark.parametrize(
    ("extractor", "reason", "words"),
    [
        ("auto", "its data has no extractor of its own", ["eval.extractor=NAME"]),
        (None, "its recipe asks for no score", ["eval.extractor=NAME"]),
        ({"use": "zoo/toy-cnn"}, "its final generator has no score", []),
    ],
)
def test_a_run_without_a_score_is_told_what_it_lacks(
    extractor: object, reason: str, words: list[str], runs, make_run
) -> None:
    run = make_run("b", extractor=extractor)
    found = candidate(run)
    assert isinstance(found, Unranked)
    assert found.reason.startswith(reason)
    assert shlex.split(found.command or "") == ["ganzoo", "score", str(run.path), *words]


def test_a_seed_that_is_no_number_costs_that_run_alone(runs, make_run, score) -> None:
    make_run("a", score(3.0))
    broken = make_run("b", score(4.0), lr=1e-3)
    broken.info_file.write_text(json.dumps(broken.info() | {"seed": "many"}))
    (unranked,) = compare().unranked
    assert unranked.run == broken.name


def test_a_data_set_of_no_run_is_answered_with_those_there_are(runs, make_run, score) -> None:
    make_run("a", score(3.0))
    with pytest.raises(ComparisonError, match="there are runs of digits") as caught:
        compare(dataset="digist")
    assert caught.value.hint == "ganzoo compare --dataset digits"


def test_one_run_may_be_named_without_a_list(runs, make_run, score) -> None:
    run = make_run("a", score(3.0))
    assert compare("last").ranked == compare([run.path]).ranked


def test_commands_go_where_the_runs_are(
    runs, make_run, score, tmp_path: Path, capsys: Capture
) -> None:
    make_run("a", score(3.0))
    there = (tmp_path / "runs").rename(tmp_path / "ü 空 'x")
    assert main(["compare", "--runs-dir", str(there), "--dataset", "shapes"]) == 2
    advice = capsys.readouterr().err.splitlines()[-1].removeprefix("try: ")
    assert shlex.split(advice)[1:] == ["compare", "--dataset", "digits", "--runs-dir", str(there)]
    assert main(shlex.split(advice)[1:]) == 0
