"""``make zoo-smoke``: which recipes it finds, what it takes for a failure, and a few of them."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import ganzoo
from tests.small_recipes import Outcome, attempt, main, sampled_recipes, small_recipes

SAMPLED = sampled_recipes(4)
STANDING_STILL = """recipe: 1
name: still
extends: gaussians-mlp
generator: {batch_norm: false}
optimizers: {both: {lr: 1.0e-30}}
schedules: {optimizers.both.lr: null}
"""


def test_recipes_are_found_by_data_that_nobody_has_to_bring() -> None:
    found = small_recipes()
    assert {"digits-dcgan-hinge", "gaussians-mlp", "shapes-resnet-hinge"} <= set(found)
    assert not [name for name in found if "cifar10" in name or name.startswith("photos-")]


def test_a_row_says_whether_samples_were_judged() -> None:
    assert Outcome("digits-dcgan-hinge", steps=20).row().endswith("| ok |")
    for recipe, steps in (("emoji-stylegan2-ada", 4), ("oracle-seqgan", 300)):
        assert Outcome(recipe, steps=steps).row().endswith("| ok, samples not judged |")
    assert Outcome("a", steps=4, problems=("bad",)).row().endswith("| bad |")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", SAMPLED)
def test_a_recipe_learns_stays_finite_and_resumes_bit_for_bit(recipe: str) -> None:
    assert attempt(recipe, seconds=4).problems == ()


@pytest.mark.slow
def test_a_generator_that_learns_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("still.yaml").write_text(STANDING_STILL)
    outcome = attempt("still.yaml", seconds=0.1)
    assert outcome.problems == ("not better than its untrained generator",)
    assert outcome.trained == pytest.approx(outcome.untrained)


@pytest.mark.slow
def test_a_resumed_run_that_ends_elsewhere_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ganzoo.resume

    def elsewhere(path: Path, **options: object) -> None:
        own(path, **options)
        file = next((path / "checkpoints").glob("step-*20/generator.safetensors"))
        weights = load_file(file)
        first = next(name for name, each in weights.items() if each.is_floating_point())
        save_file(weights | {first: torch.nextafter(weights[first], torch.tensor(9.0))}, file)

    monkeypatch.setattr(ganzoo, "resume", elsewhere)
    (problem,) = attempt("gaussians-mlp", seconds=0.1).problems
    assert problem.startswith("resumed at the middle, 1 values differ: generator.")


def test_a_recipe_that_cannot_be_tried_fails_with_its_error() -> None:
    outcome = attempt("nothere.yaml")
    assert "RecipeError: nothere.yaml" in outcome.row()


def test_the_command_ends_with_1_if_a_recipe_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Pool:
        def __init__(self, *arguments: object, **options: object) -> None: ...
        def __enter__(self) -> "Pool":
            return self

        def __exit__(self, *error: object) -> None: ...
        def map(self, function: object, names: list[str], *rest: object) -> list[Outcome]:
            problems = {"b": ("not finite: d/real",)}
            return [Outcome(name, 20, 9.0, 3.0, problems=problems.get(name, ())) for name in names]

    monkeypatch.setattr("tests.small_recipes.ProcessPoolExecutor", Pool)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for names, code in ((["a", "c"], 0), (["a", "b"], 1)):
        monkeypatch.setattr("sys.argv", ["small_recipes", *names])
        assert main() == code
    out, err = capsys.readouterr()
    assert "| b | 20 | 9 | 3 |  | 0 | not finite: d/real |" in out
    assert err == "failed: b\n"
