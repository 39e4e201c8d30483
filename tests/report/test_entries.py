"""Why a run is not ranked and the command that changes it; what ``ganzoo ls`` lists."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.errors import ComparisonError
from ganzoo.report.compare import compare
from ganzoo.report.entries import Unranked, own_score, read_entry

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("exit_code", "would_end_otherwise"),
    [(1, False), (2, False), (3, False), (8, False), (4, True), (5, True), (7, True), (9, True)],
)
def test_resume_is_suggested_only_for_a_failure_that_need_not_happen_again(
    exit_code: int, would_end_otherwise: bool, runs, make_run
) -> None:
    run = make_run("b", events=("started", "failed"), steps=70, exit_code=exit_code)
    found = read_entry(run)
    assert isinstance(found, Unranked)
    assert found.reason == "failed at step 70: the loss is not finite"
    path = shlex.quote(str(run.path))
    assert found.command == (f"ganzoo resume {path}" if would_end_otherwise else None)


@pytest.mark.parametrize(
    ("extractor", "reason", "words"),
    [
        ("auto", "its data has no extractor of its own", ["eval.extractor=NAME"]),
        (None, "its recipe asks for no score", ["eval.extractor=auto"]),
        ({"use": "zoo/toy-cnn"}, "its final generator has no score", []),
    ],
)
def test_a_run_without_a_score_names_what_is_missing(
    extractor: object, reason: str, words: list[str], runs, make_run
) -> None:
    run = make_run("b", extractor=extractor)
    found = read_entry(run)
    assert isinstance(found, Unranked)
    assert found.reason.startswith(reason)
    assert shlex.split(found.command or "") == ["ganzoo", "score", str(run.path), *words]


def test_a_seed_that_is_no_number_affects_only_that_run(runs, make_run, score) -> None:
    make_run("a", score(3.0))
    broken = make_run("b", score(4.0), lr=1e-3)
    broken.info_file.write_text(json.dumps(broken.info() | {"seed": "many"}))
    (unranked,) = compare().unranked
    assert unranked.run == broken.name


def test_an_unknown_data_set_is_answered_with_the_known_ones(runs, make_run, score) -> None:
    make_run("a", score(3.0))
    with pytest.raises(ComparisonError, match="there are runs of digits") as caught:
        compare(dataset="digist")
    assert caught.value.hint == "ganzoo compare --dataset digits"


def test_one_run_may_be_named_without_a_list(runs, make_run, score) -> None:
    run = make_run("a", score(3.0))
    assert compare("last").ranked == compare([run.path]).ranked


def test_suggested_commands_name_the_directory_of_the_runs(
    runs, make_run, score, tmp_path: Path, capsys: Capture
) -> None:
    make_run("a", score(3.0))
    there = (tmp_path / "runs").rename(tmp_path / "ü 空 'x")
    assert main(["compare", "--runs-dir", str(there), "--dataset", "shapes"]) == 2
    advice = capsys.readouterr().err.splitlines()[-1].removeprefix("try: ")
    assert shlex.split(advice)[1:] == ["compare", "--dataset", "digits", "--runs-dir", str(there)]
    assert main(shlex.split(advice)[1:]) == 0


# --- ganzoo ls ---------------------------------------------------------------------------------


def test_ls_shows_status_final_score_and_the_step_from_which_resume_continues(
    runs, make_run, score, capsys: Capture
) -> None:
    done = make_run("a", score(9.0, "during"), score(3.0))
    stopped = make_run(
        "b", score(5.0, "during", step=50), lr=1e-3, events=("started",), steps=70, saved=60
    )
    assert main(["ls"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [line[:4] for line in lines] == [
        [done.name, "finished", "100", "3.00"],
        [stopped.name, "interrupted", "60", "5.00"],
    ]
    assert main(["ls", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [each["score"]["value"] for each in content] == [3.0, 5.0]


def test_a_score_under_another_protocol_does_not_replace_the_runs_own(score, protocol) -> None:
    finer = replace(protocol, n_fake=5000)
    own, later, again = score(3.0), score(2.0, "final", finer), score(3.1)
    best, asked = score(2.5, "best", step=60), score(1.0, "asked", step=60)
    assert own_score([score(9.0, "during"), own, best]) == own
    assert own_score([score(9.0, "during"), own, best, later, asked]) == own
    assert own_score([own, later, again]) == again


def test_a_resumed_run_shows_its_newest_score_during_training(score) -> None:
    first, on_the_way = score(3.0, step=100), score(2.8, "during", step=140)
    assert own_score([first, on_the_way]) == on_the_way
    assert own_score([first, on_the_way, score(2.7, step=150)]).value == 2.7


def test_a_requested_score_is_shown_only_if_there_is_no_other(score) -> None:
    asked = score(4.0, "asked", step=60)
    assert own_score([asked]) == asked
    assert own_score([]) is None


@pytest.mark.parametrize(
    ("words", "hint"),
    [([], "ganzoo run digits-dcgan-hinge"), (["x"], "ganzoo run digits-dcgan-hinge --runs-dir x")],
)
def test_ls_without_runs_prints_the_command_that_makes_one(
    words: list[str], hint: str, runs, capsys: Capture
) -> None:
    assert main(["ls", *(["--runs-dir", *words] if words else [])]) == 0
    where = words[0] if words else "runs"
    assert capsys.readouterr() == ("", f"there are no runs in {where}\ntry: {hint}\n")


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_ls_names_a_run_that_it_cannot_read(
    content: str, runs, make_run, score, capsys: Capture
) -> None:
    make_run("a", score(3.0))
    broken = make_run("b", lr=1e-3)
    broken.info_file.write_text(content)
    (runs / "notes").mkdir()
    assert main(["ls"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert err.startswith(f"left out: runs/{broken.name}/run.json is")
    assert "notes" not in err
