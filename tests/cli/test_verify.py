"""``ganzoo verify``: what it trains, what it refuses, what it prints, and its exit codes."""

import json
from pathlib import Path

import pytest

from ganzoo.cli import main
from ganzoo.cli import verify as command
from ganzoo.errors import DataError, Diverged, Interrupted
from ganzoo.report.verify import Conditions
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.score import Protocol, Sampling, Score

Capture = pytest.CaptureFixture[str]

PROTOCOL = Protocol(
    extractor="zoo/pixels",
    extractor_revision=1,
    weights_sha256=None,
    layer="pixels",
    input_rule="as stored",
    extractor_dtype="float32",
    n_fake=2500,
    reference="zoo/gaussians",
    reference_sha256="b" * 64,
    split="train",
    n_real=10_000,
)
RECIPE = """recipe: 1
name: {name}
extends: gaussians-mlp
published: {{metric: modes_covered, value: {value}, n_fake: 2500, source: a table}}
train: {{steps: 20}}
"""


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a directory with recipes that publish 25 and 20 modes."""
    monkeypatch.chdir(tmp_path)
    for name, value in (("all", 25), ("some", 20)):
        Path(f"{name}.yaml").write_text(RECIPE.format(name=name, value=value))
    return tmp_path


@pytest.fixture
def covered(monkeypatch: pytest.MonkeyPatch) -> dict[int, float | BaseException]:
    """Let each run end at once, with as many modes covered as the test says for its seed."""
    modes: dict[int, float | BaseException] = {}

    def train(job: str, options) -> RunDirectory:
        seed = int(job.partition("seed=")[2] or 0)
        if isinstance(end := modes[seed], BaseException):
            raise end
        run = RunDirectory.create(options.runs_directory, "a", seed)
        run.lock_file.write_text("recipe: 1\ndataset: {use: zoo/gaussians}\nlock: {}\n")
        run.append_event("finished", step=20)
        sampling = Sampling("ema", 20, 5120, "final", 0)
        metrics = {"modes_covered": end}
        run.append_score(
            Score.now(value=1.0, protocol=PROTOCOL, sampling=sampling, metrics=metrics)
        )
        return run

    monkeypatch.setattr(command.RunOptions, "plan", lambda given, job: str(job))
    monkeypatch.setattr(command, "_conditions", lambda plan: Conditions.of(PROTOCOL))
    monkeypatch.setattr("ganzoo.training.rejoin.finished_or_trained", train)
    return modes


def test_each_outcome_has_its_exit_code(recipes, covered, capsys: Capture) -> None:
    covered |= {0: 25.0, 1: 25.0, 2: 25.0}
    assert main(["verify", "all.yaml", "--seeds", "0-2"]) == 0
    assert capsys.readouterr().out.startswith("all: reproduced\n")
    assert main(["verify", "some.yaml", "--seeds", "0-2"]) == 11
    assert capsys.readouterr().out.startswith("some: not reproduced\n")
    assert main(["verify", "all.yaml"]) == 12
    out, err = capsys.readouterr()
    assert out.startswith("all: cannot be compared: one run shows no spread")
    assert err == "try: ganzoo verify all.yaml --seeds 0-2\n"


def test_one_recipe_that_is_not_reproduced_decides_the_exit_code(
    recipes, covered, capsys: Capture
) -> None:
    covered |= {0: 25.0, 1: 25.0}
    assert main(["verify", "all.yaml", "some.yaml", "--seeds", "0,1"]) == 11
    out = capsys.readouterr().out
    assert "all: reproduced\n" in out
    assert "\n\nsome: not reproduced\n" in out


def test_the_json_has_one_entry_a_recipe(recipes, covered, capsys: Capture) -> None:
    covered |= {0: 25.0, 1: 24.0, 2: 24.5}
    assert main(["verify", "all.yaml", "--seeds", "0-2", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["value"]) == ("reproduced", 24.5)
    assert [each["value"] for each in found["runs"]] == [25.0, 24.0, 24.5]
    assert found["published"]["source"] == "a table"


def test_a_failed_seed_leaves_no_verdict_but_the_others_are_trained(
    recipes, covered, capsys: Capture
) -> None:
    covered |= {0: Diverged("the loss is not finite"), 1: 25.0}
    assert main(["verify", "all.yaml", "--seeds", "0,1"]) == 12
    out, err = capsys.readouterr()
    assert "not every run is finished: all.yaml seed=0 (exit code 3)" in out
    assert "the loss is not finite" in err
    assert len(RunDirectory.all(Path("runs"))) == 1


def test_a_signal_ends_all_without_a_verdict(recipes, covered, capsys: Capture) -> None:
    covered |= {0: Interrupted("stopped by SIGTERM", exit_code=143), 1: 25.0}
    assert main(["verify", "all.yaml", "--seeds", "0,1"]) == 143
    assert capsys.readouterr().out == ""


def test_another_protocol_is_known_before_anything_is_trained(
    recipes, covered, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    other = Conditions("zoo/pixels", 100, 10_000, "train")
    monkeypatch.setattr(command, "_conditions", lambda plan: other)
    assert main(["verify", "all.yaml"]) == 12
    assert "generated samples 100 here, 2,500 published" in capsys.readouterr().out
    assert not Path("runs").exists()


def test_missing_data_is_one_line_with_the_command_that_fetches_it(
    recipes, covered, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def missing(given, job) -> None:
        raise DataError("cifar10 is not at CACHE", hint="ganzoo fetch cifar10")

    monkeypatch.setattr(command.RunOptions, "plan", missing)
    assert main(["verify", "all.yaml"]) == 12
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "all: cannot be compared: cifar10 is not at CACHE"
    assert err == "try: ganzoo fetch cifar10\n"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["digits-mlp-hinge"], "carries no published score", "ganzoo run digits-mlp-hinge"),
        (["all.yaml", "train.steps=9"], "train.steps makes another", "ganzoo run all.yaml"),
        (["all.yaml", "loss=vanilla"], "loss.use makes another", "ganzoo run all.yaml"),
        (["all.yaml", "eval.samples=9"], "eval.samples makes another", "ganzoo run all.yaml"),
        (["all.yaml", "published.value=9"], "published.value makes another", "ganzoo run"),
        (["all.yaml", "seed=3"], "takes seeds with --seeds", "ganzoo verify all.yaml --seeds"),
        (["nothere.yaml"], "does not exist", "ganzoo"),
        (["train.keep=3"], "name a recipe", "ganzoo verify --help"),
    ],
)
def test_what_would_compare_something_else_is_refused(
    words: list[str], message: str, hint: str, recipes, covered, capsys: Capture
) -> None:
    assert main(["verify", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert f"try: {hint}" in err


def test_keys_that_change_no_numbers_are_passed_on(recipes, covered, monkeypatch) -> None:
    covered[0] = 25.0
    words = ["train.log_every_steps=5", "train.data=memory", "callbacks={}", "dataset.path=x"]
    jobs: list[str] = []
    monkeypatch.setattr(command.RunOptions, "plan", lambda given, job: jobs.append(str(job)) or "0")
    assert main(["verify", "all.yaml", *words]) == 12  # with one run there is no spread
    assert (
        jobs[0]
        == "all.yaml train.log_every_steps=5 train.data=memory 'callbacks={}' dataset.path=x"
    )


@pytest.mark.slow
def test_a_finished_run_is_taken_also_without_its_checkpoints_and_by_its_name(
    recipes, capsys: Capture
) -> None:
    figure = "published: {metric: frechet, value: 4.0, n_fake: 2500, n_real: 10000"
    figure += ", extractor: pixels, split: train, source: a guess}\n"
    lines = [each for each in RECIPE.splitlines(keepends=True) if "published" not in each]
    Path("all.yaml").write_text("".join(lines).format(name="all", value=0) + figure)
    assert main(["verify", "all.yaml"]) in (0, 11)
    (run,) = RunDirectory.all(Path("runs"))
    before = capsys.readouterr().out
    assert f"run         {run.name}\n" in before
    for each in run.checkpoints_directory.rglob("*.safetensors"):
        each.unlink()
    assert main(["verify", "all.yaml"]) in (0, 11)
    assert len(RunDirectory.all(Path("runs"))) == 1
    assert capsys.readouterr().out == before
    assert main(["verify", run.name, "--json"]) in (0, 11)
    assert json.loads(capsys.readouterr().out)[0]["runs"][0]["run"] == run.name
    assert main(["verify", run.name, "--seeds", "1"]) == 2


def test_a_run_is_named_as_for_every_verb(recipes, covered, capsys: Capture) -> None:
    covered[0] = 25.0
    assert main(["verify", "all.yaml"]) == 12
    (run,) = (each.name for each in RunDirectory.all(Path("runs")))
    capsys.readouterr()
    for word in (run, run[:-3], "last"):
        assert main(["verify", word]) == 2
        assert f"try: ganzoo run runs/{run}/recipe.lock.yaml" in capsys.readouterr().err
    assert main(["verify", "z"]) == 2
    assert "z  is not a recipe" in capsys.readouterr().err


def test_weights_that_are_missing_are_named_with_the_command_that_fetches_them(
    recipes, covered, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def missing(plan) -> None:
        raise command.NoExtractor("the weights are not in the cache", hint="ganzoo fetch inception")

    monkeypatch.setattr(command, "_conditions", missing)
    assert main(["verify", "all.yaml"]) == 12
    out, err = capsys.readouterr()
    assert out.startswith("all: cannot be compared: the weights are not in the cache")
    assert err == "try: ganzoo fetch inception\n"
