"""``ganzoo run`` with several recipes: check all first, continue after a failure, summarize."""

from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from ganzoo.cli import main
from ganzoo.cli import run as command
from ganzoo.errors import Diverged, Interrupted, Unfinished

Capture = pytest.CaptureFixture[str]

TRAINED: list[str] = []


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """Let every check pass and every run end at once: well, or as the test says for its job."""
    ends: dict[str, BaseException] = {}
    TRAINED.clear()

    def train(job: str, options: object) -> None:
        TRAINED.append(job)
        if error := ends.get(job):
            raise error

    monkeypatch.setattr(command, "check_all", lambda jobs, given: None)
    monkeypatch.setattr(command, "print_result", lambda directory, reporter: None)
    monkeypatch.setattr(command.RunOptions, "plan", lambda given, job: str(job))
    monkeypatch.setattr("ganzoo.training.ending.require_not_collapsed", lambda directory: None)
    monkeypatch.setattr("ganzoo.training.launch.train_run", train)
    monkeypatch.setattr("ganzoo.training.rejoin.start_or_resume", train)
    return ends


# --- what is run ---------------------------------------------------------------------------------


def test_each_recipe_is_run_with_each_seed(outcomes, capsys: Capture) -> None:
    assert main(["run", "a", "b", "loss=hinge", "--seeds", "0,2-3"]) == 0
    assert [f"{recipe} loss=hinge seed={seed}" for recipe in "ab" for seed in (0, 2, 3)] == TRAINED


def test_a_file_whose_name_holds_an_equals_sign_is_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lr=1.yaml").touch()
    assert command.jobs_of(("lr=1.yaml", "lr=2.yaml"), None) == [("lr=1.yaml", ["lr=2.yaml"])]


def test_an_override_may_be_longer_than_any_file_name() -> None:
    long = "schedules={" + 300 * " " + "}"
    assert command.jobs_of(("a", long), None) == [("a", [long])]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "train.steps", "=", "5"], "without spaces around the `=`"),
        (["train.steps=5"], "name a recipe"),
        (["a", "seed=3", "--seeds", "1,2"], "seed=3 and --seeds both set the seed"),
        (["a", "--seeds", "3-1"], "'3-1' runs backwards"),
        (["a", "--seeds", "0-99999999999"], "more than 10000 seeds"),
        (["a", "--seeds", "one"], "'one' is not a list of seeds"),
        (["a", "--seeds", ""], "is not a list of seeds"),
        (["a", "--seeds", "-1"], "is not a list of seeds"),
        (["a", "--max-time", "0"], "is not a positive time"),
        (["a", "--max-time", "1y"], "'1y' is not a time"),
        (["a", "--expect-processes", "0"], "0 is not in the range"),
        (["a", "--name", "my run"], "did you mean 'my-run'"),
        (["a", "--name", ""], "is not a valid run name"),
        (["a", "--runs-dir", __file__], "is a file"),
    ],
)
def test_a_contradictory_command_line_is_refused_before_anything_is_run(
    words: list[str], message: str, outcomes, capsys: Capture
) -> None:
    assert main(["run", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, TRAINED) == ("", [])
    assert message in err
    assert err.splitlines()[-1].startswith("try: ganzoo run ")


def test_printed_commands_can_be_pasted_and_keep_every_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a b.yaml").write_text("recipe: 1\nname: ab\nextends: digits-dcgan-hinge\n")
    words = ["a b.yaml", "paper=it's", "--name", "x", "--runs-dir", "ü 空", "--allow-drift"]
    assert main(["run", *words, "--max-time", "1h30m", "--seeds", "7", "--print"]) == 0
    assert capsys.readouterr().out == (
        "ganzoo run 'a b.yaml' 'paper=it'\"'\"'s' seed=7 --resume auto --runs-dir 'ü 空' "
        "--max-time 5400s --name x --allow-drift\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [(["nothere.yaml"], "does not exist"), (["digits-base", "train.stepps=5"], "unknown key")],
)
def test_no_command_is_printed_for_a_recipe_that_cannot_be_loaded(
    words: list[str], message: str, capsys: Capture
) -> None:
    assert main(["run", *words, "--seeds", "0-9", "--print"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


def test_an_override_without_a_value_is_not_taken_for_a_recipe(capsys: Capture) -> None:
    assert main(["run", "digits-dcgan-hinge", "train.steps"]) == 2
    assert "train.steps has no value: write train.steps=VALUE" in capsys.readouterr().err
    assert TRAINED == []


# --- several -------------------------------------------------------------------------------------


def test_a_failure_does_not_stop_the_rest_and_is_in_the_summary(outcomes, capsys: Capture) -> None:
    outcomes["a"] = Diverged("step 7 is not finite", hint="a smaller rate")
    outcomes["b"] = ZeroDivisionError("of a plugin")
    assert main(["run", "a", "b", "c"]) == 3
    assert TRAINED == ["a", "b", "c"]
    err = capsys.readouterr().err
    assert "step 7 is not finite\ntry: a smaller rate\n" in err
    assert err.endswith("2 of 3 runs failed:\n  exit code 3: a\n  exit code 1: b\n")


@pytest.mark.parametrize("error", [Interrupted("SIGINT", exit_code=130), Unfinished("time limit")])
def test_a_stop_signal_stops_all_jobs(error: Interrupted | Unfinished, outcomes) -> None:
    outcomes["a"] = error
    assert main(["run", "a", "b"]) == error.exit_code
    assert TRAINED == ["a"]


def test_the_time_limit_covers_the_whole_command(
    outcomes, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    hours = iter([0, 0, 0, 3600, 3600, 8000])
    monkeypatch.setattr(command, "time", SimpleNamespace(monotonic=lambda: next(hours)))
    assert main(["run", "a", "b", "c", "--max-time", "2h"]) == 75
    assert TRAINED == ["a", "b"]
    assert "stopped by time limit before c" in capsys.readouterr().err


def test_the_problems_of_all_recipes_are_printed_at_once_and_nothing_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("recipe: 1\nextends: digits-dcgan-hinge\nlosss: hinge\n")
    Path("b.yaml").write_text("recipe: 1\nextends: digits-dcgan-hinge\nlabels: many\n")
    monkeypatch.setattr(
        "ganzoo.training.rejoin.start_or_resume", lambda plan, options: pytest.fail("trained")
    )
    assert main(["run", "a.yaml", "b.yaml", "c.yaml", "--seeds", "0,1"]) == 2
    err = capsys.readouterr().err
    assert "a.yaml:3:1  losss" in err
    assert "b.yaml:3:" in err
    assert "c.yaml  does not exist" in err
    assert err.endswith("nothing is trained: a.yaml, b.yaml, c.yaml cannot be run\n")
    assert not Path("runs").exists()


def test_a_problem_in_an_override_is_printed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["digits-dcgan-hinge", "digits-dcgan-vanilla", "train.stesp=5"]
    assert main(["run", *words]) == 2
    assert capsys.readouterr().err.count("train.stesp") == 1


def test_words_without_a_recipe_are_a_usage_error() -> None:
    with pytest.raises(click.UsageError, match="name a recipe"):
        command.jobs_of((), None)
