"""A latent that is an nn.Module learns with G, and is saved, averaged and sampled with it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from ganzoo.components.plan import Plan
from ganzoo.components.planner import make_plan
from ganzoo.errors import PluginError, RecipeError
from ganzoo.recipes.load import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.checkpointing import STATE_FILE, write_state
from ganzoo.training.dry_run import dry_run
from ganzoo.training.launch import prepare
from ganzoo.training.nonfinite import NotFinite
from ganzoo.training.processes import Processes
from ganzoo.training.run import Run, load, run
from ganzoo.training.step import GanStep

from .recipes import first_game, small_plan
from .test_resume import assert_resumes
from .test_two_ranks import launch

PLUGIN = Path(__file__).with_name("players_plugin.py")
ONE = Processes(CPU)
LEARNED: dict[str, Any] = {
    "generator": {"use": "mlp", "width": 8, "latent_dim": 4},
    "discriminator": {"use": "mlp", "width": 8},
    "latent": {"use": "local/particles"},
    "train.ema": {"half_life_samples": 100},
}


def plan_of(folder: Path, **overrides: Any) -> Plan:
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return small_plan(folder, LEARNED | given, Registry.with_local(PLUGIN))


def made(folder: Path, **overrides: Any) -> GanStep:
    return make_step(plan_of(folder, **overrides), ONE)


def centres(step: GanStep) -> Tensor:
    latent: Any = step.parts.latent
    return latent.mean.detach().clone()


# --- learning ---


def test_a_latent_is_trained_in_updates_of_g_by_the_optimizer_of_g(tmp_path: Path) -> None:
    step = made(tmp_path, optimizers__both={"use": "sgd", "lr": 0.5})
    assert "latent.mean" in step.generator.names
    assert not any(name.startswith("latent") for name in step.discriminator.names)
    game = first_game(step, step.generator, 0)
    (gradient,) = torch.autograd.grad(
        -step.parts.discriminator(game.fake).logits.mean(), step.parts.latent.mean
    )
    before = centres(step)
    step.config = step.config.__class__(**vars(step.config) | {"discriminator_steps": 0})
    step()
    torch.testing.assert_close(centres(step), before - 0.5 * gradient)


def test_an_update_of_d_draws_latents_without_a_graph(tmp_path: Path) -> None:
    step = made(tmp_path)
    assert not first_game(step, step.discriminator, 0).latents.requires_grad
    assert first_game(step, step.generator, 0).latents.requires_grad
    assert first_game(step, step.generator, 0).latent("other").requires_grad


def test_equal_seeds_make_equal_latents(tmp_path: Path) -> None:
    first, same, other = (made(tmp_path, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(centres(first), centres(same))
    assert not torch.equal(centres(first), centres(other))


def test_parameter_groups_match_the_latents_names(tmp_path: Path) -> None:
    groups = {"still": {"match": "latent.*", "lr_factor": 0.0}}
    step = made(tmp_path, optimizers__generator__groups=groups)
    before = centres(step)
    step()
    assert torch.equal(centres(step), before)
    with pytest.raises(RecipeError, match=r"'latent.centre' .* - did you mean 'latent.mean'\?"):
        made(tmp_path, optimizers__generator__groups={"a": {"match": "latent.centre"}})


def test_the_average_includes_the_latent(tmp_path: Path) -> None:
    step = made(tmp_path, train__ema={"half_life_samples": 16})
    before = centres(step)
    step()
    assert step.ema is not None
    average: Any = step.ema.latent
    torch.testing.assert_close(average.mean, (before + centres(step)) / 2)


def test_micro_batches_change_a_latents_update_by_rounding_only(tmp_path: Path) -> None:
    given = {"generator": LEARNED["generator"] | {"batch_norm": False}}
    given["optimizers__both"] = {"use": "sgd", "lr": 0.1}
    whole, parts = made(tmp_path, **given), made(tmp_path, **given, train__micro_batch=4)
    for _ in range(3):
        whole(), parts()
    torch.testing.assert_close(centres(whole), centres(parts), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_two_processes_learn_the_same_latent_as_one(tmp_path: Path) -> None:
    recipe = {"generator.batch_norm": False, "eval.extractor": None, "train.steps": 4}
    recipe |= {"optimizers.both": {"use": "sgd", "lr": 0.1}}
    words = [f"{key}={json.dumps(value)}" for key, value in (LEARNED | recipe).items()]
    found = {}
    for processes in (1, 2):
        command = ["-m", "ganzoo", "run", "digits-mlp-hinge", *words]
        options = ["--plugin", str(PLUGIN), "--runs-dir", str(tmp_path / str(processes))]
        done = launch(tmp_path, processes, *command, *options)
        assert done.returncode == 0, done.stderr
        (file,) = (tmp_path / str(processes)).glob("*/checkpoints/*4/latent.safetensors")
        found[processes] = load_file(file)["mean"]
    torch.testing.assert_close(found[1], found[2], rtol=1e-4, atol=1e-6)


# --- saving, restoring, undoing ---


def test_a_checkpoint_stores_the_latent_in_separate_files(tmp_path: Path) -> None:
    step = made(tmp_path)
    step()
    write_state(step, tmp_path)
    assert torch.equal(load_file(tmp_path / "latent.safetensors")["mean"], centres(step))
    assert (tmp_path / "latent_ema.safetensors").is_file()
    assert not torch.load(tmp_path / STATE_FILE, weights_only=True)["components"]


@pytest.mark.parametrize("change", [{}, {"train__generator_steps": 2}, {"train__ema": None}])
def test_a_run_with_a_learned_latent_resumes_bit_for_bit(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    assert_resumes(plan_of(tmp_path, **change), tmp_path / "checkpoint")


def test_a_skipped_update_does_not_change_the_latent(tmp_path: Path) -> None:
    step = made(tmp_path, train__on_nonfinite="skip")
    step()
    latent: Any = step.parts.latent
    before, drawn, poisoned = centres(step), latent.drawn.clone(), step.parts.loss.generator
    step.parts.loss.generator = lambda game: {"nan": poisoned(game)["fake"] * float("nan")}
    assert step.update(step.generator, 0) == {}
    assert torch.equal(centres(step), before)
    assert torch.equal(latent.drawn, drawn)


def test_a_latent_that_is_not_finite_is_detected_and_named(tmp_path: Path) -> None:
    step = made(tmp_path)
    with torch.no_grad():
        step.parts.latent.mean[0, 0] = float("nan")
    with pytest.raises(NotFinite, match=r"latent\.mean is not finite"):
        step.check_finite()


def trained(folder: Path, **overrides: Any) -> Run:
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    registry = Registry.with_local(PLUGIN)
    small = {"train.steps": 6, "train.batch_size": 16, "eval.samples": 64, "train.keep": 9}
    recipe = LEARNED | small | {"eval.every_steps": 3} | given
    return run("digits-mlp-hinge", recipe, registry=registry, runs_directory=folder)


def test_a_run_scores_and_samples_its_latent_as_later_commands_do(tmp_path: Path) -> None:
    done = trained(tmp_path, schedules={"latent.sigma": {"use": "linear", "end_samples": 120}})
    during = [score for score in done.scores if score.sampling.selected == "during"]
    later = load(done.path)
    assert [score.sampling.step for score in during] == [3, 6]
    assert later.score(checkpoint=3).value == during[0].value
    assert later.score(checkpoint=6).value == during[1].value
    assert not torch.equal(later.sample(8), later.sample(8, checkpoint=3))


def test_a_run_starts_from_the_latent_of_the_run_that_g_starts_from(tmp_path: Path) -> None:
    done = trained(tmp_path)
    step = made(tmp_path, init__generator=str(done.path))
    store = CheckpointStore(done.directory.checkpoints_directory)
    saved = load_file(store.at(6).file("latent_ema.safetensors"))["mean"]
    assert torch.equal(centres(step), saved)


def test_a_run_can_start_from_the_g_of_a_run_without_a_learned_latent(tmp_path: Path) -> None:
    done = trained(tmp_path, latent="gaussian")
    step = made(tmp_path, init__generator=str(done.path))
    assert torch.equal(centres(step), centres(made(tmp_path)))


def test_a_live_latent_is_sampled_in_eval_mode_and_stays_in_training_mode(tmp_path: Path) -> None:
    step = made(tmp_path, train__ema=None)
    latent: Any = step.parts.latent
    latents, _ = step.sampler().inputs(step.rows, 0)
    assert not latents.requires_grad
    assert latent.drawn == 0
    assert latent.training


# --- what does not fit ---


def test_a_latent_module_that_learns_nothing_is_saved_and_can_be_captured(tmp_path: Path) -> None:
    step = made(tmp_path, latent="local/seen")
    dry_run(plan_of(tmp_path, latent="local/seen", train__cuda_graphs=True))
    step()
    write_state(step, tmp_path)
    assert load_file(tmp_path / "latent.safetensors")["drawn"] == 2 * 128


def test_a_learned_latent_prevents_graph_capture(tmp_path: Path) -> None:
    dry_run(plan_of(tmp_path))
    with pytest.raises(RecipeError, match="cannot be: latent learns, and its draws are part of"):
        dry_run(plan_of(tmp_path, train__cuda_graphs=True))


CLASH = """
from torch import nn
from ganzoo.api import hookimpl

class Clash(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.latent_dim = 4
        self.latent = nn.Linear(4, 4)
        self.body = nn.Linear(4, spec.size)
        self.shape = spec.model_shape

    def forward(self, z, y=None):
        return self.body(self.latent(z)).unflatten(1, self.shape)

@hookimpl
def register_generators(register):
    register("clash", "local:Clash", summary="has a part called latent")
"""


def test_names_that_g_and_the_latent_share_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN.read_text() + CLASH)
    overrides = ["generator={use: local/clash}", "latent={use: local/particles, called: weight}"]
    with pytest.raises(PluginError, match=r"learns as 'latent\.weight', and G has a parameter"):
        prepare("digits-mlp-hinge", overrides, Registry.with_local(file))


# --- what it is for ---

SMALL_GRID: dict[str, Any] = {
    "generator": {"use": "mlp", "width": 64, "depth": 1, "latent_dim": 2},
    "regularizers.r1.gamma": 0.1,
    "train.batch_size": 128,
    "train.ema": None,
    "schedules": {},
    "eval": {"extractor": None, "metrics": []},
}
PARTICLES: dict[str, Any] = {
    "latent": {"use": "local/particles", "count": 250, "sigma": 0.02},
    "optimizers.generator.groups": {"particles": {"match": "latent.*", "lr_factor": 5.0}},
}
MODES = 25
ENOUGH = 0.01
"""A mode is covered by this share of all samples within 3 sd; a perfect sampler has 0.04."""
EVERY, AT_MOST = 50, 2000


def covered(step: GanStep, points: Tensor, labels: Tensor) -> int:
    """Return how many modes the present samples cover."""
    samples = step.sampler().sample(2000)
    means = torch.stack([points[labels == mode].mean(0) for mode in range(MODES)])
    distance, nearest = torch.cdist(samples, means).min(dim=1)
    counts = torch.bincount(nearest[distance <= 3 * 0.05], minlength=MODES)
    return int((counts >= ENOUGH * len(samples)).sum())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_learned_particles_cover_a_grid_in_fewer_updates_than_a_fixed_gaussian(seed: int) -> None:
    def grid(**changes: Any) -> GanStep:
        registry = Registry.with_local(PLUGIN)
        given = SMALL_GRID | changes | {"seed": seed}
        return make_step(make_plan(Recipe.load("gaussians-mlp", given, registry), registry), ONE)

    learned, fixed = grid(**PARTICLES), grid()
    data = learned.parts.dataset.tensors()
    while covered(learned, *data) < MODES:
        assert learned.iteration < AT_MOST
        for _ in range(EVERY):
            learned()
    for _ in range(learned.iteration):
        fixed()
    assert covered(fixed, *data) < MODES / 2
