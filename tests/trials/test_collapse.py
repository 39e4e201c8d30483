"""When the collapse monitor reports a collapse, what it advises, and how a run ends then."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from ganzoo.cli import main
from ganzoo.components.planner import make_plan
from ganzoo.errors import Collapsed
from ganzoo.recipes.load import Recipe
from ganzoo.recipes.lock import write_lock
from ganzoo.registry.registry import Registry
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.collapse import PLATEAU_SAMPLES, History, SampleComparison, SampleStats
from ganzoo.training.ending import hint_against_collapse
from ganzoo.training.processes import Processes
from tests.training.test_collapse import CONSTANT

REAL = SampleStats(distinct=40.0, duplicates=0.0, saturated=0.5)


def verdicts(*diversity: float, duplicates: float = 0.0, every: int = 10_000) -> list[bool]:
    """Return the verdict after each evaluation of generators this diverse, one being real data."""
    history = History()
    fakes = [SampleStats(max(1.0, 40 * each), duplicates, 0.0) for each in diversity]
    return [
        history.add(SampleComparison(256, fake, REAL), samples_seen=n * every)
        for n, fake in enumerate(fakes, start=1)
    ]


def test_a_young_generator_whose_diversity_rises_is_not_collapsed() -> None:
    assert not any(verdicts(0.03, 0.03, 0.03, 0.04, 0.04, 0.07, 0.12, 0.12, 0.14, 0.3, 0.5))


def test_one_evaluation_below_the_threshold_is_no_collapse() -> None:
    assert not any(verdicts(0.8, 0.1, 0.8, 0.1, 0.8))


def test_a_generator_that_loses_half_of_its_diversity_is_collapsed_at_the_second_evaluation() -> (
    None
):
    assert verdicts(0.5, 0.9, 0.1, 0.1, 0.1, 0.9) == [False, False, False, True, True, False]


def test_a_generator_near_the_threshold_that_has_lost_little_is_not_collapsed() -> None:
    assert not any(verdicts(0.35, 0.31, 0.3, 0.31, 0.3))


def test_equal_samples_from_the_start_are_a_collapse_at_the_second_evaluation() -> None:
    assert verdicts(0.0, 0.0, duplicates=1.0) == [False, True]


def test_a_diversity_that_stays_low_for_many_evaluations_is_a_collapse() -> None:
    found = verdicts(*[0.1] * 100, every=4000)
    assert found[-1]
    assert found.index(True) + 1 == -(-PLATEAU_SAMPLES // 4000)


def test_a_young_generator_that_loses_its_diversity_for_a_moment_is_not_collapsed() -> None:
    # Measured: gaussians-mlp, seed 0, evaluated every four steps.
    dip = [0.10, 0.34, 1.32, 0.45, 0.31, 0.09, 0.09, 0.08, 0.12, 0.72, 0.63, 0.49, 0.27, 0.40]
    assert not any(verdicts(*dip, every=1024))


def test_a_fall_after_long_health_is_a_collapse_at_the_second_evaluation_however_often() -> None:
    # Measured: digits-dcgan-hinge, seed 1, evaluated every 16 steps; all latents are pulled to
    # three outputs from step 400 on, and by the next evaluation they are there.
    healthy = [0.72, 0.42, 0.75, 0.76, 0.9, 0.7, 0.65, 0.78, 0.89, 0.84, 0.9, 1.05, 0.72, 1.09,
               0.84, 1.1, 1.06, 0.83, 1.12, 0.98, 1.39]  # fmt: skip
    young, fallen = [0.04, 0.15, 0.14, 0.27], [0.08, 0.1, 0.09]
    found = verdicts(*young, *healthy, *fallen, every=512)
    assert found.index(True) == len([*young, *healthy]) + 1
    assert not any(verdicts(*young, *healthy[:19], *fallen, every=512))  # not healthy for long


def test_a_fall_from_which_diversity_recovers_slowly_is_not_collapsed() -> None:
    # Measured: gaussians-mlp, seed 1, evaluated every 8 steps.
    dip = [0.11, 0.72, 0.1, 0.3, 0.18, 0.25, 0.32, 0.32, 0.27, 0.27, 0.24, 0.44, 0.57]
    assert not any(verdicts(*dip, every=2048))


def test_a_young_generator_that_spreads_out_once_and_again_late_is_not_collapsed() -> None:
    # Measured: gaussians-mlp, seed 3, evaluated every four steps: 50,000 samples from the fall on.
    young = [0.1, 0.31, 1.07, 0.38, 0.35, 0.11, 0.08, 0.11, 0.08, 0.13, 0.14, 0.14, 0.1, 0.11,
             0.11, 0.14, 0.12, 0.1, 0.08, 0.08, 0.07, 0.07, 0.08, 0.08, 0.09, 0.08, 0.09, 0.08,
             0.08, 0.09, 0.09, 0.08, 0.09, 0.08, 0.09, 0.1, 0.1, 0.11, 0.13, 0.15, 0.16, 0.16,
             0.15, 0.14, 0.16, 0.17, 0.19, 0.21, 0.25, 0.27, 0.29, 0.27, 0.31, 0.34, 0.4,
             0.47, 0.55]  # fmt: skip
    assert not any(verdicts(*young, every=1024))
    stuck = [*young[:20], *[0.08] * 40]
    assert verdicts(*stuck, every=1024)[-1]


def advice(tmp_path: Path, recipe: str, *overrides: str) -> tuple[str, str]:
    """Return the command that is advised to a run of a recipe, and the words behind it."""
    registry = Registry()
    plan = make_plan(Recipe.load(recipe, overrides, registry), registry)
    directory = RunDirectory.create(tmp_path, "a", 0)
    write_lock(directory.lock_file, plan.lock())
    parts = make_step(plan, Processes(CPU)).parts
    shown, _, words = hint_against_collapse(plan, directory, parts).partition("   # ")
    return shown, words


@pytest.mark.parametrize(
    ("recipe", "overrides", "override"),
    [
        ("digits-mlp-vanilla", [], "discriminator.spectral_norm=true"),
        ("digits-dcgan-hinge", [], "optimizers.generator.lr=0.001"),
        ("shapes-dcgan-vanilla", [], "regularizers.r1.gamma=1"),
        ("shapes-dcgan-r1", [], "discriminator.spectral_norm=true"),
        ("shapes-dcgan-vanilla", ["train.discriminator_steps=0"], "train.discriminator_steps=1"),
    ],
)
def test_the_advice_is_a_change_that_the_recipe_lacks_and_that_passes_a_check(
    tmp_path: Path, recipe: str, overrides: list[str], override: str
) -> None:
    shown, words = advice(tmp_path, recipe, *overrides)
    assert override in shown.split()
    assert words
    arguments = shlex.split(shown)
    assert arguments[:2] == ["ganzoo", "run"]
    assert main(["check", *arguments[2:]]) == 0


COLLAPSING: dict[str, Any] = {
    "recipe": 1,
    "name": "collapsing",
    "dataset": "digits",
    "generator": "local/constant",
    "discriminator": {"use": "mlp", "width": 8},
    "loss": "hinge",
    "train": {"steps": 12, "batch_size": 600, "on_collapse": "stop"},
    "eval": {"extractor": None, "every_steps": 4},
}


@pytest.fixture
def collapsing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of a command that runs a recipe which collapses, and ends then."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "constant.py").write_text(CONSTANT)
    (tmp_path / "collapsing.yaml").write_text(yaml.safe_dump(COLLAPSING))
    return ["run", "collapsing.yaml", "--plugin", "constant.py"]


def test_a_run_that_stops_at_a_collapse_saves_its_state_and_exits_with_10(
    collapsing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert Collapsed.exit_code == 10
    assert main(collapsing) == 10
    out, err = capsys.readouterr()
    run = RunDirectory(Path(out.strip()))
    assert (run.events()[-1]["how"], run.events()[-1]["step"]) == ("collapsed", 8)
    assert (run.checkpoints_directory / "step-00000008").is_dir()
    assert "the samples have collapsed: the run ended at step 8, state saved" in err
    assert "try: ganzoo run " in err
    for again in (["resume", "last"], [*collapsing, "--resume", "auto"]):
        assert main(again) == 10
    assert main(["resume", "last", "train.steps=16"]) == 10
    assert run.events()[-1]["step"] == 12


def test_a_resumed_run_has_the_verdicts_of_an_uninterrupted_one(collapsing: list[str]) -> None:
    kept = ["train.on_collapse=warn", "train.save_every_steps=1"]
    assert main([*collapsing, *kept, "--runs-dir", "straight"]) == 0
    assert main([*collapsing, *kept, "train.steps=6", "--runs-dir", "parts"]) == 0
    assert main(["resume", "last", "train.steps=12", "--runs-dir", "parts"]) == 0
    straight, parts = (_health(Path(name)) for name in ("straight", "parts"))
    assert [row["step"] for row in straight] == [4, 8, 12]
    assert [row for row in parts if row["step"] % 4 == 0] == straight


def test_a_run_stopped_before_its_evaluation_is_evaluated_when_it_resumes(
    collapsing: list[str],
) -> None:
    assert main([*collapsing, "train.save_every_steps=1"]) == 10
    (run,) = RunDirectory.all(Path("runs"))
    rows, events = (f.read_text().splitlines() for f in (run.health_file, run.events_file))
    ends = next(i for i, line in enumerate(events) if '"collapsed"' in line)
    run.health_file.write_text(rows[0] + "\n")
    run.events_file.write_text("\n".join(events[:ends]) + "\n")
    assert main(["resume", "last"]) == 10
    assert run.events()[-1]["step"] == 8
    assert [row["collapsed"] for row in run.health()] == [False, True]


def test_a_run_stopped_before_its_end_by_a_collapse_ends_when_it_resumes(
    collapsing: list[str],
) -> None:
    assert main(collapsing) == 10
    (run,) = RunDirectory.all(Path("runs"))
    events = run.events_file.read_text().splitlines()
    run.events_file.write_text("\n".join(events[:-1]) + "\n")
    assert main(["resume", "last"]) == 10
    assert (run.events()[-1]["how"], run.events()[-1]["step"]) == ("collapsed", 8)


def test_a_damaged_line_of_the_statistics_does_not_end_a_resumed_run(
    collapsing: list[str],
) -> None:
    kept = ["train.on_collapse=warn", "train.steps=4"]
    assert main([*collapsing, *kept]) == 0
    (run,) = RunDirectory.all(Path("runs"))
    line = json.loads(run.health_file.read_text())
    bad = [{**line, "distinct": "x"}, {**line, "step": 3, "distinct_real": None}, {"step": 2}]
    run.health_file.write_text("\n".join(map(json.dumps, bad)) + "\n")
    assert main(["resume", "last", "train.steps=8"]) == 0


def _health(runs: Path) -> list[dict[str, Any]]:
    (run,) = RunDirectory.all(runs)
    return [{k: v for k, v in row.items() if k not in ("time", "attempt")} for row in run.health()]
