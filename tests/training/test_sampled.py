"""What a run samples and scores: sampling parameters, another law of z, a prepared generator."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import ganzoo
from ganzoo.api import Noise
from ganzoo.cli import main
from ganzoo.errors import PluginError, RecipeError
from ganzoo.registry.registry import Registry
from ganzoo.report.compare import compare
from ganzoo.runs.score import Sampling
from ganzoo.sampling.program import program_of
from ganzoo.sampling.random_streams import CPU, Rows
from ganzoo.training.assemble import make_step
from ganzoo.training.processes import Processes
from ganzoo.training.run import Run
from ganzoo.training.step import GanStep

from .recipes import small_plan, small_recipe
from .test_two_ranks import launch

PLUGIN = Path(__file__).with_name("sampled_plugin.py")
Capture = pytest.CaptureFixture[str]

OVERRIDES: dict[str, Any] = {
    "generator": {"use": "local/styled"},
    "eval.extractor": "pixels",
    "eval.samples": 300,
    "eval.every_steps": 3,
    "eval.sampling.truncation": 0.5,
    "train.ema.half_life_samples": 50,
}


def made(folder: Path, **overrides: Any) -> GanStep:
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    given = {"generator": {"use": "local/styled"}, **given}
    return make_step(small_plan(folder, given, Registry.with_local(PLUGIN)), Processes(CPU))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run whose samples are truncated, with scores of its final and best steps."""
    folder = tmp_path_factory.mktemp("sampled")
    registry = Registry.with_local(PLUGIN)
    recipe = small_recipe(folder)
    return ganzoo.run(recipe, OVERRIDES, registry=registry, runs_directory=folder / "runs")


# --- sampling parameters -------------------------------------------------------------------------


def test_samples_have_the_sampling_parameters_of_the_recipe_unless_others_are_set(run: Run) -> None:
    samples = run.sample(5)
    assert torch.equal(run.sample(5, parameters={"truncation": 0.5}), samples)
    assert not torch.equal(run.sample(5, parameters={"truncation": 1.0}), samples)
    assert not torch.equal(run.sample(5, parameters={"temperature": 9.0}), samples)


def test_in_training_sampling_parameters_have_their_defaults(tmp_path: Path) -> None:
    plain = made(tmp_path, generator__prepared=False)
    changed = made(tmp_path, generator__prepared=False, eval__sampling={"truncation": 0.0})
    assert {name: float(term) for name, term in plain().items()} == {
        name: float(term) for name, term in changed().items()
    }
    assert not torch.equal(plain.sampler().sample(4), changed.sampler().sample(4))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"truncatoin": 0.7}, "eval.sampling.truncatoin  unknown parameter - did you mean 'trunca"),
        ({"truncation": 2.0}, "eval.sampling.truncation  2.0 must be at most 1.0"),
        ({"truncation": "high"}, "eval.sampling.truncation  expected a number, got 'high'"),
        ({"noise": 1.0}, "eval.sampling.noise  unknown parameter"),
    ],
)
def test_a_wrong_sampling_parameter_is_reported_like_any_wrong_parameter(
    given: dict[str, Any], said: str, tmp_path: Path, run: Run
) -> None:
    for attempt in (
        lambda: made(tmp_path, eval__sampling=given),
        lambda: run.sample(1, parameters=given),
    ):
        with pytest.raises(RecipeError) as raised:
            attempt()
        assert said in str(raised.value)
        words = "ganzoo info local/styled --kind generator --plugin "
        assert str(raised.value.hint).startswith(words)
        assert Path(str(raised.value.hint).removeprefix(words)).is_file()


def test_the_message_says_that_a_generator_has_no_sampling_parameters(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="zoo/dcgan has no sampling parameters"):
        made(tmp_path, generator="dcgan", eval__sampling={"truncation": 0.5})


def test_a_sampling_parameter_without_a_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="'truncation' of forward without a type"):
        made(tmp_path, generator="local/untyped")


# --- the law of z at sampling --------------------------------------------------------------------


def test_another_distribution_of_z_is_used_only_at_sampling(tmp_path: Path) -> None:
    law = {"use": "local/truncated", "threshold": 0.5}
    step = made(tmp_path, eval__latent=law, generator__prepared=False)
    seen: list[Tensor] = []
    step.parts.generator.mapping.register_forward_pre_hook(
        lambda module, given: seen.append(given[0].detach())
    )
    step()
    assert max(float(z.abs().max()) for z in seen) > 1
    seen.clear()
    step.sampler().sample(64)
    assert max(float(z.abs().max()) for z in seen) <= 0.5


def test_a_learned_latent_is_sampled_scored_and_exported_with_the_generator(
    tmp_path: Path,
) -> None:
    given = {**OVERRIDES, "latent": "local/learned", "optimizers.both.lr": 0.1}
    registry = Registry.with_local(PLUGIN)
    run = ganzoo.run(
        small_recipe(tmp_path), given, registry=registry, runs_directory=tmp_path / "runs"
    )
    final = next(s for s in run.scores if s.sampling and s.sampling.selected == "final")
    assert run.score().value == final.value
    latent: Any = run.sampler().latent
    assert float(latent.mean.abs().min()) > 0
    assert [path.name for path in run.export()] == [
        "generator.safetensors",
        "latent.safetensors",
        "generator.json",
    ]
    folder = run.directory.export_directory
    assert torch.equal(load_file(folder / "latent.safetensors")["mean"], latent.mean)
    about = json.loads((folder / "generator.json").read_text())
    assert about["latent"] == {"use": "local/learned", "dim": 8, "weights": "latent.safetensors"}
    generator, drawn = (torch.export.load(path).module() for path in run.export("program"))
    z = drawn(torch.zeros(5000))
    torch.testing.assert_close(z.mean(0), latent.mean, atol=0.1, rtol=0)
    assert generator(z[:3]).shape == (3, 1, 8, 8)


def test_a_latent_that_has_to_be_trained_cannot_replace_another_at_sampling(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"eval\.latent  local/learned has weights"):
        made(tmp_path, eval__latent="local/learned")


# --- prepare_sampling ----------------------------------------------------------------------------


def test_a_generator_is_prepared_on_a_copy_at_most_once_per_step(tmp_path: Path) -> None:
    step = made(tmp_path)
    step()
    before = {name: each.clone() for name, each in step.parts.generator.state_dict().items()}
    sampler = step.sampler()
    assert step.sampler() is sampler
    assert sampler.generator is not step.parts.generator
    assert not sampler.generator.norm.training
    after = step.parts.generator.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert step.parts.generator.norm.training
    assert float(sampler.generator.w_mean.abs().sum()) > 0
    step()
    assert not torch.equal(step.sampler().generator.w_mean, sampler.generator.w_mean)


def test_preparation_depends_neither_on_eval_settings_nor_on_the_seed(tmp_path: Path) -> None:
    plain = made(tmp_path).sampler()
    changed = made(
        tmp_path, eval__seed=9, eval__sampling={"truncation": 0.1}, eval__latent="local/truncated"
    ).sampler()
    for name, each in plain.generator.state_dict().items():
        assert torch.equal(changed.generator.state_dict()[name], each)


def test_synced_batch_norm_is_prepared_as_on_one_process(tmp_path: Path) -> None:
    from ganzoo.training.batch_norm import sync_batch_norm

    step, synced = made(tmp_path), made(tmp_path)
    sync_batch_norm(synced.parts.generator)
    one, other = step.sampler().generator, synced.sampler().generator
    assert type(one.norm) is type(other.norm)
    assert torch.equal(one.norm.running_var, other.norm.running_var)


@pytest.mark.slow
def test_two_processes_prepare_and_score_as_one_process_does_later(tmp_path: Path) -> None:
    words = ["generator=local/styled", "eval.extractor=pixels", "train.batch_norm=synced"]
    words += ["eval.samples=600", "--plugin", str(PLUGIN)]
    done = launch(tmp_path, 2, "-m", "ganzoo", "run", str(small_recipe(tmp_path)), *words)
    assert done.returncode == 0, done.stderr
    run = ganzoo.load(runs_directory=tmp_path / "runs")
    final = next(s for s in run.scores if s.sampling and s.sampling.selected == "final")
    assert final.env["world_size"] == 2
    assert run.score().value == pytest.approx(final.value, rel=1e-5)


def test_an_error_in_prepare_sampling_names_the_generator(tmp_path: Path) -> None:
    step = made(tmp_path, generator="local/unprepared")
    with pytest.raises(PluginError, match=r"local/unprepared failed in prepare_sampling: ValueErr"):
        step.sampler()


# --- scores --------------------------------------------------------------------------------------


def test_a_run_and_a_later_score_draw_the_same_samples_and_record_the_settings(run: Run) -> None:
    final = next(s for s in run.scores if s.sampling and s.sampling.selected == "final")
    best = next(s for s in run.scores if s.sampling and s.sampling.selected == "best")
    assert final.sampling
    assert final.sampling.parameters == {"truncation": 0.5}
    for which, mine in (("final", final), ("best", best)):
        again = run.score(checkpoint=which)
        assert again.value == mine.value
        assert again.sampling == replace(mine.sampling, selected="asked")


def test_a_score_with_other_sampling_does_not_replace_the_runs_own(run: Run) -> None:
    other = run.score(overrides={"eval.sampling.truncation": 0.1})
    law = run.score(overrides={"eval.latent": {"use": "local/truncated", "threshold": 2.0}})
    own = run.score()
    assert len({each.value for each in (other, law, own)}) == 3
    assert other.sampling
    assert law.sampling
    assert other.sampling.parameters == {"truncation": 0.1}
    assert law.sampling.latent == "local/truncated(threshold=2.0)"
    assert (other.sampling.selected, law.sampling.selected) == ("asked", "asked")
    (row,) = compare(runs_directory=run.path.parent).ranked
    assert row.values == (own.value,)
    assert row.sampling["parameters"] == ("truncation=0.5",)


def test_records_of_older_versions_can_be_read() -> None:
    from ganzoo.runs.score import Score

    sampling = {"weights": "raw", "step": 1, "samples_seen": 1, "selected": "final", "seed": 0}
    old = Score.now(value=1.0, protocol=_protocol(), sampling=None).to_dict()
    read = Score.from_dict({**old, "sampling": {**sampling, "batch_norm": "eval"}})
    assert read.sampling == Sampling(**sampling)


def _protocol() -> Any:
    from ganzoo.runs.score import Protocol

    words = dict.fromkeys(("layer", "input_rule", "extractor_dtype", "reference", "split"), "x")
    numbers = {"extractor_revision": 1, "n_fake": 2, "n_real": 2}
    return Protocol("zoo/x", weights_sha256=None, reference_sha256="", **words, **numbers)


# --- export --------------------------------------------------------------------------------------


def test_a_program_has_the_sampling_parameters_of_the_recipe_and_new_noise(run: Run) -> None:
    (path,) = run.export("program")
    program = torch.export.load(path).module()
    z = torch.randn(5, 8)
    assert not torch.equal(program(z), program(z))
    generator: Any = run.generator
    torch.nn.init.zeros_(generator.strength)
    state = {f"generator.{name}": each for name, each in generator.state_dict().items()}
    program.load_state_dict(state)
    made = generator(z, noise=run.sampler().noise(Rows(0, 5), 0), truncation=0.5)
    torch.testing.assert_close(program(z), made)


def test_exported_weights_have_a_description_with_noise_and_sampling_parameters(run: Run) -> None:
    weights, words = run.export("safetensors")
    about = json.loads(words.read_text())
    assert (about["noise"], about["prepared"], about["latent"]["dim"]) == (True, True, 8)
    assert about["sampling"]["parameters"] == {"truncation": 0.5}
    assert about["sampling"]["latent"] is None
    truncation = about["sampling"]["schema"]["truncation"]
    assert (truncation["minimum"], truncation["maximum"], truncation["default"]) == (0, 1, 1.0)
    assert torch.equal(load_file(weights)["w_mean"], run.generator.state_dict()["w_mean"])


class Network(nn.Module):
    """A generator for the tests of programs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 6)


class Lengths(Network):
    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layer(z).view(len(z), 2, 3)


class TwiceTheSame(Network):
    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        return noise.normal("a", 6) - noise.normal("a", 6) + noise.uniform("a", 6)


class BySize(Network):
    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if z.shape[0] > 3:
            return self.layer(z)
        return 2 * self.layer(z)


class ByValue(Network):
    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if z.sum() > 0:
            return self.layer(z)
        return 2 * self.layer(z)


class Failing(Network):
    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        raise ValueError("no such thing")


def test_a_program_takes_batches_of_any_size_if_the_code_calls_len() -> None:
    network = Lengths()
    program = program_of(network, torch.zeros(2, 4), None).module()
    for count in (1, 2, 5):
        z = torch.randn(count, 4)
        torch.testing.assert_close(program(z), network(z))


def test_in_a_program_a_name_returns_the_same_noise_each_time() -> None:
    program = program_of(TwiceTheSame(), torch.zeros(2, 4), None).module()
    made = program(torch.zeros(50, 4))
    assert made.shape == (50, 6)
    assert 0 <= float(made.min()) < float(made.max()) < 1


@pytest.mark.parametrize(
    ("network", "said", "line"),
    [
        (BySize, "code that depends on the size of the batch{} - write no `if` and no loop", 1),
        (ByValue, "code that depends on the values of tensors{} - write torch.where, not `if`", 1),
        (Failing, "ValueError: no such thing{}", 1),
    ],
)
def test_a_failed_export_names_the_line_in_the_authors_code(
    network: type[Network], said: str, line: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PluginError) as raised:
        program_of(network(), torch.zeros(2, 4), None)
    place = f" (test_sampled.py:{network.forward.__code__.co_firstlineno + line})"
    message = str(raised.value)
    assert message.startswith(f"this generator cannot become a program: {said.format(place)}")
    assert "TORCH_LOGS" not in message
    assert "\n" not in message
    assert capfd.readouterr() == ("", "")


# --- commands ------------------------------------------------------------------------------------


def test_sample_takes_sampling_parameters(run: Run, tmp_path: Path, capsys: Capture) -> None:
    def drawn(name: str, *words: str) -> bytes:
        out = tmp_path / name
        assert main(["sample", str(run.path), "-n", "4", "--out", str(out), *words]) == 0
        return out.read_bytes()

    same = drawn("a.npz", "--set", "truncation=0.5", "--set", "temperature=1")
    assert drawn("b.npz") == same
    assert drawn("c.npz", "--set", "truncation=0.9") != same
    assert drawn("d.npz", "--interpolate", "3") != drawn(
        "e.npz", "--interpolate", "3", "--set", "truncation=0"
    )
    assert main(["sample", str(run.path), "-n", "4", "--set", "truncation=0.9"]) == 0
    assert Path(capsys.readouterr().out.split()[-1]).name == (
        "sample-final-seed0-n4-truncation=0.9.png"
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("truncation", "--set truncation: expected NAME=VALUE, such as truncation=0.7"),
        ("truncation=", "--set truncation=: expected NAME=VALUE, such as truncation=0.7"),
        ("truncation=[1", "--set truncation=[1: is not YAML: the '[' of line 1 is not closed"),
        ("truncatoin=0.7", "command line  eval.sampling.truncatoin  unknown parameter - did you"),
    ],
)
def test_a_wrong_argument_of_set_is_refused(
    word: str, said: str, run: Run, capsys: Capture
) -> None:
    assert main(["sample", str(run.path), "--set", word]) == 2
    assert said in capsys.readouterr().err


def test_score_takes_sampling_parameters(run: Run, capsys: Capture) -> None:
    assert main(["score", str(run.path), "eval.sampling.truncation=0.3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sampling"]["parameters"] == {"truncation": 0.3}
    law = "eval.latent={use: local/truncated, threshold: 2.0}"
    assert main(["score", str(run.path), law]) == 0
    said = "sampled with truncation=0.5, z from local/truncated(threshold=2.0)"
    assert capsys.readouterr().out.splitlines()[1] == said
    assert main(["score", str(run.path), "eval.sampling.psi=0.3"]) == 2
    assert "eval.sampling.psi  unknown parameter" in capsys.readouterr().err


def test_info_lists_the_sampling_parameters_of_a_generator(capsys: Capture) -> None:
    words = ["info", "local/styled", "--plugin", str(PLUGIN)]
    assert main(words) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    header = lines.index(["sampling", "parameter", "type", "default"])
    assert lines[header + 1 : header + 3] == [
        ["truncation", "float,", "at", "least", "0,", "at", "most", "1", "1.0"],
        ["temperature", "float,", "more", "than", "0", "1.0"],
    ]
    assert main([*words, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in found["sampling_parameters"]] == ["truncation", "temperature"]


def test_runs_that_differ_only_in_their_sampling_are_two_experiments(tmp_path: Path) -> None:
    from ganzoo.recipes.lock import experiment_id

    registry = Registry.with_local(PLUGIN)
    plans = [
        small_plan(tmp_path, {"generator": "local/styled", **given}, registry)
        for given in (
            {},
            {"eval.sampling": {"truncation": 0.5}},
            {"eval.sampling": {"truncation": 0.7}},
            {"eval.latent": "local/truncated"},
        )
    ]
    assert len({experiment_id(plan.lock()) for plan in plans}) == 4
