"""Updates that are not finite, under each policy of ``train.on_nonfinite``."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor

from ganzoo.components.plan import Plan
from ganzoo.components.planner import make_plan
from ganzoo.errors import CheckpointError, Diverged
from ganzoo.recipes.load import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.runs import records
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.checkpointing import write_state
from ganzoo.training.launch import Options, resume, train_run
from ganzoo.training.nonfinite import NotFinite
from ganzoo.training.processes import Processes
from ganzoo.training.step import MAX_SKIPPED, GanStep

from .recipes import SMALL
from .test_two_ranks import launch

PLUGIN = Path(__file__).with_name("nonfinite_plugin.py")
TINY: dict[str, Any] = {
    "generator": {"use": "mlp", "width": 4, "depth": 1, "latent_dim": 4},
    "discriminator": {"use": "mlp", "width": 4, "depth": 1},
    "train": {
        "steps": 6,
        "batch_size": 8,
        "save_every_steps": 2,
        "log_every_steps": 50,
        "sample_every_steps": 50,
        "ema": {"half_life_samples": 20},
        "on_collapse": "ignore",
    },
}


def plan_of(folder: Path, accident: dict[str, Any], **overrides: Any) -> Plan:
    registry = Registry.with_local(PLUGIN)
    path = folder / "tiny.yaml"
    regularizers = {"accident": {"use": "local/accident", **accident}}
    path.write_text(yaml.safe_dump(SMALL | TINY | {"regularizers": regularizers}))
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return make_plan(Recipe.load(path, given, registry), registry)


def run(folder: Path, what: str, **overrides: Any) -> RunDirectory:
    """Train, and return the run's directory; of a run that diverged it is the newest."""
    given = {"what": what} | overrides.pop("accident", {})
    return train_run(plan_of(folder, given, **overrides), Options(runs_directory=folder / "runs"))


def the_run(folder: Path) -> RunDirectory:
    (found,) = RunDirectory.all(folder / "runs")
    return found


def accidents(directory: RunDirectory) -> list[dict[str, Any]]:
    return records.read(directory.nonfinite_file).whole


def saved_tensors(directory: RunDirectory, step: int | None = None) -> dict[str, Tensor]:
    """Return every weight of every checkpoint, or of one step's, by its file."""
    pattern = "step-*" if step is None else f"step-{step:08d}"
    files = sorted(directory.checkpoints_directory.glob(f"{pattern}/*.safetensors"))
    assert {file.stem for file in files} == {"generator", "discriminator", "ema"}
    return {
        f"{file.parent.name}/{file.stem}/{name}": value
        for file in files
        for name, value in load_file(file).items()
    }


def assert_finite(directory: RunDirectory) -> None:
    assert all(torch.isfinite(value).all() for value in saved_tensors(directory).values())


KINDS = ("term", "gradient", "weight")
PLAYED = [("adam", "fp32"), ("adamw", "fp32"), ("rmsprop", "fp32"), ("sgd", "fp32")]
PLAYED += [("adam", "bf16")]


@pytest.mark.parametrize(("optimizer", "precision"), PLAYED)
@pytest.mark.parametrize("what", KINDS)
class TestUnderEachPolicy:
    def test_stop_ends_the_run_and_leaves_the_checkpoint_before(
        self, tmp_path: Path, what: str, optimizer: str, precision: str
    ) -> None:
        how = {"optimizers__both": {"use": optimizer, "lr": 1e-3}, "train__precision": precision}
        with pytest.raises(Diverged, match="not finite"):
            run(tmp_path, what, **how)
        assert_finite(the_run(tmp_path))
        assert [each["outcome"] for each in accidents(the_run(tmp_path))] == ["stopped"]

    def test_rollback_goes_back_and_does_not_meet_the_accident_again(
        self, tmp_path: Path, what: str, optimizer: str, precision: str
    ) -> None:
        how = {"optimizers__both": {"use": optimizer, "lr": 1e-3}, "train__precision": precision}
        directory = run(tmp_path, what, train__on_nonfinite="rollback", **how)
        assert_finite(directory)
        backs = [event for event in directory.events() if event["event"] == "rolled back"]
        assert [(event["to"], event["rollbacks"]) for event in backs] == [(2, 1)]
        assert directory.checkpoints_directory.joinpath("step-00000006").is_dir()

    def test_skip_leaves_out_an_update_but_cannot_mend_a_weight(
        self, tmp_path: Path, what: str, optimizer: str, precision: str
    ) -> None:
        how = {"optimizers__both": {"use": optimizer, "lr": 1e-3}, "train__precision": precision}
        how["train__on_nonfinite"] = "skip"
        if what == "weight":
            with pytest.raises(
                Diverged, match=r"generator\.\S+, ema\.\S+ are not finite after step 4"
            ):
                run(tmp_path, what, **how)
        else:
            run(tmp_path, what, **how)
            assert [each["outcome"] for each in accidents(the_run(tmp_path))] == ["skipped"]
        assert_finite(the_run(tmp_path))


def test_a_term_can_be_infinite_and_its_gradient_finite(tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="the term 'accident' is not finite in the generator's"):
        run(tmp_path, "constant")


def test_a_rollback_that_does_not_help_is_not_repeated_for_ever(tmp_path: Path) -> None:
    always = {"accident": {"any_noise": True}, "train__on_nonfinite": "rollback"}
    with pytest.raises(Diverged, match="at step 3, after 3 rollbacks; all that is known"):
        run(tmp_path, "term", **always)
    outcomes = [each["outcome"] for each in accidents(the_run(tmp_path))]
    assert outcomes == ["rolled back"] * 3 + ["stopped"]


def test_a_run_can_go_back_to_step_0(tmp_path: Path) -> None:
    early = {"accident": {"at": 0}, "train__on_nonfinite": "rollback"}
    directory = run(tmp_path, "term", **early)
    (back,) = (event for event in directory.events() if event["event"] == "rolled back")
    assert back["to"] == 0


def test_a_run_resumed_after_a_rollback_ends_with_the_straight_runs_weights(
    tmp_path: Path,
) -> None:
    how = {"train__on_nonfinite": "rollback", "train__data": "stream"}
    straight = run(tmp_path, "term", train__steps=8, **how)
    options = Options(runs_directory=tmp_path / "stopped")
    stopped = train_run(plan_of(tmp_path, {"what": "term"}, **how), options)
    resume(stopped, ["train.steps=8"], options)
    ours, theirs = saved_tensors(straight, 8), saved_tensors(stopped, 8)
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_twenty_skipped_updates_in_a_row_are_enough(tmp_path: Path) -> None:
    how: dict[str, Any] = {"train__steps": 25, "train__on_nonfinite": "skip"}
    how["train__save_every_steps"] = 50
    run(tmp_path / "a", "term", accident=endless(MAX_SKIPPED), **how)
    with pytest.raises(Diverged, match=rf"at step {3 + MAX_SKIPPED}, after 20 skipped updates"):
        run(tmp_path / "b", "term", accident=endless(MAX_SKIPPED + 1), **how)
    outcomes = [each["outcome"] for each in accidents(the_run(tmp_path / "b"))]
    assert outcomes == ["skipped", "stopped"]


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()


def endless(steps: int) -> dict[str, Any]:
    return {"any_noise": True, "steps": steps}


def step_of(folder: Path, **overrides: Any) -> GanStep:
    what = {"what": "term"} | overrides.pop("accident", {})
    return make_step(plan_of(folder, what, **overrides), Processes(CPU))


def test_a_skipped_update_leaves_no_trace_in_weights_buffers_or_optimizers(tmp_path: Path) -> None:
    step = step_of(
        tmp_path,
        train__on_nonfinite="skip",
        generator={"use": "dcgan", "width": 8, "latent_dim": 4},
    )
    for _ in range(3):
        step()
    step.update(step.discriminator, 0)
    before = state_of(step)
    assert any("running_mean" in name for name in before)
    assert step.update(step.generator, 0) == {}
    assert step.generator.skipped == 1
    after = state_of(step)
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def state_of(step: GanStep) -> dict[str, Tensor]:
    found = {
        f"{network}.{name}": value.clone()
        for network, module in step.modules().items()
        for name, value in module.state_dict().items()
    }
    for index, state in step.generator.optimizer.state_dict()["state"].items():
        found |= {f"{index}.{name}": value.clone() for name, value in state.items()}
    return found


def test_the_report_of_a_failed_update_names_its_samples(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    for _ in range(3):
        step()
    with pytest.raises(NotFinite) as caught:
        step()
    record = caught.value.report.record()
    assert (record["step"], record["player"]) == (3, "generator")
    # Each of three steps consumed two batches of 8; this is the second of the fourth.
    assert record["batch"] == tuple(step.feed.order.indices(7 * 8, 8).tolist())
    assert record["noise"] == {"seed": 0, "rollbacks": 0, "stream": "generator0"}
    assert record["terms"]["accident"] == "nan"
    assert set(record["gradient_norms"]) == {n for n, _ in step.parts.generator.named_parameters()}


def test_a_rollback_changes_the_noise_and_the_order_of_the_data(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    batch, key = step.feed.order.indices(0, 8), step.noise.key("latents", 0, 0)
    step.rollbacks = 1
    step.feed.go_to(0, 1)
    assert not torch.equal(step.feed.order.indices(0, 8), batch)
    assert step.noise.key("latents", 0, 0) != key


def test_a_weight_that_is_not_finite_is_named_and_never_written(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    step.check_finite()
    assert step.ema is not None
    name, average = next(iter(step.ema.module.named_parameters()))
    average.view(-1)[0] = float("nan")
    with pytest.raises(NotFinite, match=rf"ema\.{name} is not finite after step 0"):
        step.check_finite()
    with pytest.raises(CheckpointError, match="not finite; no checkpoint is written"):
        write_state(step, tmp_path)


def test_the_hint_is_the_same_experiment_at_half_the_learning_rates(tmp_path: Path) -> None:
    given = {"optimizers__both": {"use": "adam", "lr": 0.5}, "optimizers__generator__lr": 0.1}
    with pytest.raises(Diverged) as caught:
        run(tmp_path, "term", **given)
    program, verb, lock, *words = shlex.split(str(caught.value.hint))
    assert (program, verb) == ("ganzoo", "run")
    plugin = words[words.index("--plugin") + 1]
    overrides = [word for word in words if "=" in word]
    again = Recipe.load(lock, overrides, Registry.with_local(Path(plugin))).settings.optimizers
    assert again.generator.parameters["lr"] == 0.05
    assert again.discriminator.parameters["lr"] == 0.25


@pytest.mark.slow
def test_a_failed_update_on_one_of_two_ranks_rolls_both_back(tmp_path: Path) -> None:
    plan_of(tmp_path, {"what": "constant", "rank": 1})
    words = ["run", str(tmp_path / "tiny.yaml"), "--plugin", str(PLUGIN)]
    done = launch(tmp_path, 2, "-m", "ganzoo", *words, "train.on_nonfinite=rollback")
    assert done.returncode == 0, done.stderr
    (back,) = (event for event in the_run(tmp_path).events() if event["event"] == "rolled back")
    assert back["what"] == "the term 'accident' is not finite in the generator's update at step 3"
    assert_finite(the_run(tmp_path))
