"""The collapse monitor: what trips it, what does not, and what it says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from ganzoo.api import SampleSpec
from ganzoo.components.planner import make_plan
from ganzoo.recipes.load import Recipe
from ganzoo.registry.registry import Registry
from ganzoo.runs import records
from ganzoo.runs.directory import RunDirectory
from ganzoo.sampling.random_streams import CPU
from ganzoo.sampling.sampler import Sampler
from ganzoo.training.assemble import make_step
from ganzoo.training.callbacks import Reporter, Reporters
from ganzoo.training.collapse import (
    FALL_SAMPLES,
    GRACE_SAMPLES,
    CollapseMonitor,
    RealBaseline,
    SampleComparison,
    SampleStats,
    distances,
    effective_number,
)
from ganzoo.training.launch import Options, train_run
from ganzoo.training.processes import Processes
from ganzoo.training.scorer import Scorer

from .recipes import SMALL, small_plan

DIGIT = SampleSpec(modality="image", shape=(1, 8, 8))


class Heard(Reporter):
    """Remembers every note."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def noted(self, text: str) -> None:
        self.notes.append(text)


class Makes(nn.Module):
    """A generator that ignores what it is given and makes these samples in turn."""

    def __init__(self, samples: Tensor) -> None:
        super().__init__()
        self.samples = samples

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.samples[torch.arange(len(z)) % len(self.samples)]


# --- numbers ---


def test_alike_samples_count_as_one_and_far_ones_each() -> None:
    alike, far = torch.zeros(16, 3), 1e3 * torch.eye(16)
    assert effective_number(distances(alike), 1.0) == 1
    assert effective_number(distances(far), 1.0) == pytest.approx(16)


def test_k_equal_groups_of_alike_samples_count_as_k() -> None:
    groups = 1e3 * torch.eye(4).repeat_interleave(8, dim=0)
    assert effective_number(distances(groups), 1.0) == pytest.approx(4)
    assert effective_number(distances(groups), 0.0) == pytest.approx(4)


def test_the_effective_number_is_the_vendi_score_of_order_two() -> None:
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kernel = torch.exp(-distances(x).square() / 2)
    eigenvalues = torch.linalg.eigvalsh(kernel / 20)
    order_two = 1 / eigenvalues.square().sum().item()
    assert effective_number(distances(x), 1.0) == pytest.approx(order_two)


def test_saturation_counts_values_at_the_ends_of_their_range() -> None:
    pixels = torch.tensor([[0, 255, 254, 7]], dtype=torch.uint8)
    assert DIGIT.kind.saturated(pixels) == 0.5
    audio = SampleSpec(modality="audio", shape=(1, 4), sample_rate=8000)
    assert audio.kind.saturated(torch.tensor([[-1.0, 0.0, 0.999, 1.0]])) == 0.5
    assert SampleSpec(modality="vector", shape=(2,)).kind.saturated(torch.zeros(3, 2)) is None


def test_large_images_are_compared_at_32_pixels_a_side() -> None:
    spec = SampleSpec(modality="image", shape=(3, 64, 20))
    grey = torch.full((2, 3, 64, 20), 255, dtype=torch.uint8)
    assert torch.equal(spec.kind.features(spec, grey), torch.ones(2, 3 * 32 * 20))


def stats(distinct: float, duplicates: float = 0.0, saturated: float | None = 0.0) -> SampleStats:
    return SampleStats(distinct, duplicates, saturated)


def test_every_sign_says_its_number_beside_that_of_real_data() -> None:
    bad = SampleComparison(256, stats(1.04, 0.981, 0.99), stats(43.2, 0.02, 0.58))
    assert bad.signs() == [
        "256 samples are as diverse as 1.0 distinct ones (real data: 43.2)",
        "98% of the samples have a near-duplicate (real data: 2%)",
        "99% of all values are at an end of their range (real data: 58%)",
    ]
    assert SampleComparison(256, stats(20.0, 0.1, 0.6), stats(43.2, 0.02, 0.58)).signs() == []


def test_data_that_repeats_itself_may_be_repeated() -> None:
    few = torch.randint(256, (8, 1, 8, 8), generator=torch.Generator().manual_seed(0)).byte()
    real = few.repeat(8, 1, 1, 1)
    baseline = RealBaseline(DIGIT, DIGIT.kind.features(DIGIT, real), real)
    assert baseline.compare(DIGIT.kind.features(DIGIT, real), real).signs() == []


# --- generators ---


MakeMonitor = Callable[..., tuple[CollapseMonitor, Heard]]


@pytest.fixture
def make_monitor(tmp_path: Path) -> MakeMonitor:
    def make(**overrides: Any) -> tuple[CollapseMonitor, Heard]:
        given = {key.replace("__", "."): value for key, value in overrides.items()}
        plan = small_plan(tmp_path, given)
        directory = RunDirectory.create(tmp_path / "runs", "small", 0)
        heard, alone = Heard(), Processes(CPU)
        scorer = Scorer.of(plan, alone) if plan.extractor else None
        return CollapseMonitor(plan, directory, alone, Reporters([heard]), scorer), heard

    return make


def check(monitor: CollapseMonitor, *seen: Tensor, samples_seen: int = GRACE_SAMPLES) -> bool:
    """Evaluate a generator that makes these samples, in stored form, at one step after another."""
    step = make_step(monitor.plan, Processes(CPU))
    step.samples_seen, step.iteration = samples_seen, monitor.checked or 0
    for samples in seen:
        step.iteration += 1
        model = samples.float() / 127.5 - 1 if samples.dtype == torch.uint8 else samples
        monitor.check(Sampler(Makes(model), monitor.plan.spec, step.parts.latent), step)
    return monitor.collapsed


def real(monitor: CollapseMonitor) -> Tensor:
    """Return other real samples than the monitor compares with."""
    dataset = monitor.plan.dataset
    return torch.stack([dataset[index][0] for index in range(1, len(dataset), 2)])


EXTRACTORS = [None, "toy-cnn"]


@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_a_constant_generator_is_collapsed_at_the_second_evaluation(
    make_monitor: MakeMonitor, extractor: str | None
) -> None:
    monitor, heard = make_monitor(eval__extractor=extractor)
    assert not check(monitor, real(monitor)[:1])
    assert check(monitor, real(monitor)[:1])
    assert "256 samples are as diverse as 1.0 distinct ones (real data:" in heard.notes[0]
    assert heard.notes[1].startswith("try: ganzoo run ")
    (event,) = monitor.directory.events()
    assert (event["event"], len(event["signs"])) == ("collapsed", 2)


@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_a_generator_of_two_samples_is_collapsed_at_the_second_evaluation(
    make_monitor: MakeMonitor, extractor: str | None
) -> None:
    monitor, _ = make_monitor(eval__extractor=extractor)
    assert check(monitor, real(monitor)[:2], real(monitor)[:2])


def test_a_generator_that_keeps_two_modes_of_a_mixture_is_collapsed_at_the_second_evaluation(
    make_monitor: MakeMonitor,
) -> None:
    mlp = {"use": "mlp", "width": 8}
    monitor, heard = make_monitor(
        dataset={"use": "gaussians"}, generator=mlp, discriminator=mlp, eval__extractor="pixels"
    )
    dataset = monitor.plan.dataset
    rows = [dataset[index] for index in range(4000)]
    modes = sorted({int(label) for _, label in rows if label is not None})[:2]
    few = torch.stack([x for x, label in rows if label in modes])
    healthy = torch.stack([x for x, _ in rows])
    assert not check(monitor, healthy)
    assert not check(monitor, few, samples_seen=GRACE_SAMPLES + FALL_SAMPLES)
    assert check(monitor, few, samples_seen=GRACE_SAMPLES + FALL_SAMPLES)
    assert "distinct ones" in heard.notes[0]


@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_a_perfect_generator_does_not_trip_the_monitor(
    make_monitor: MakeMonitor, extractor: str | None
) -> None:
    monitor, heard = make_monitor(eval__extractor=extractor)
    assert not check(monitor, real(monitor), real(monitor))
    assert heard.notes == []
    _, row = records.read(monitor.directory.health_file).whole
    assert row["distinct"] == pytest.approx(row["distinct_real"], rel=0.12)
    assert (row["step"], row["collapsed"]) == (2, False)


def test_a_generator_of_black_and_white_trips_the_monitor(make_monitor: MakeMonitor) -> None:
    monitor, heard = make_monitor()
    extreme = torch.where(real(monitor) < 128, 0, 255).to(torch.uint8)
    assert not check(monitor, extreme)
    assert check(monitor, extreme)
    assert "100% of all values are at an end of their range" in heard.notes[0]


def test_a_collapse_is_reported_when_it_begins_and_when_it_ends(make_monitor: MakeMonitor) -> None:
    monitor, heard = make_monitor()
    good, bad = real(monitor), real(monitor)[:1]
    check(monitor, bad, bad, bad, good, bad, bad)
    assert [event["event"] for event in monitor.directory.events()] == [
        "collapsed", "recovered", "collapsed",
    ]  # fmt: skip
    assert heard.notes[2] == "no longer collapsed at step 4"


def test_a_generator_that_has_hardly_begun_is_not_called_collapsed(
    make_monitor: MakeMonitor,
) -> None:
    monitor, heard = make_monitor()
    young = {"samples_seen": GRACE_SAMPLES - 1}
    assert not check(monitor, real(monitor)[:1], real(monitor)[:1], **young)
    assert heard.notes == []
    assert records.read(monitor.directory.health_file).whole


def test_nothing_is_compared_if_a_collapse_is_to_be_ignored(make_monitor: MakeMonitor) -> None:
    monitor, _ = make_monitor(train__on_collapse="ignore")
    assert not check(monitor, real(monitor)[:1])
    assert not monitor.directory.health_file.exists()


# --- runs ---

CONSTANT = """
import torch
from torch import nn

from ganzoo.api import hookimpl


@hookimpl
def register_generators(register):
    register("constant", "local:Constant", summary="the same picture for every latent")


class Constant(nn.Module):
    def __init__(self, spec, *, latent_dim: int = 4) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.picture = nn.Parameter(torch.zeros(spec.model_shape))

    def forward(self, z, y=None):
        return torch.tanh(self.picture).expand(len(z), *self.picture.shape)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "steps", "how"), [("stop", 64, "collapsed"), ("warn", 96, "finished")]
)
def test_a_run_that_collapses_ends_if_it_is_told_to_and_keeps_its_best(
    tmp_path: Path, policy: str, steps: int, how: str
) -> None:
    (tmp_path / "constant.py").write_text(CONSTANT)
    recipe = {
        "generator": "local/constant",
        "train": {"steps": 96, "batch_size": 64, "on_collapse": policy},
        "eval": {"samples": 64, "every_steps": 32},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(SMALL | recipe))
    registry = Registry.with_local(tmp_path / "constant.py")
    plan = make_plan(Recipe.load(tmp_path / "mine.yaml", {}, registry), registry)
    directory = train_run(plan, Options(runs_directory=tmp_path / "runs"))
    last = directory.events()[-1]
    assert (last["event"], last["how"], last["step"]) == ("finished", how, steps)
    assert directory.status() == "finished"
    ends = [score.sampling for score in directory.scores()][-2:]
    assert [each.selected for each in ends if each] == ["final", "best"]
    assert [event["step"] for event in directory.events() if event["event"] == "collapsed"] == [64]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_healthy_run_does_not_trip_the_monitor(make_monitor: MakeMonitor, seed: int) -> None:
    monitor, heard = make_monitor(
        seed=seed,
        generator__width=32,
        discriminator__width=24,
        optimizers__both={"use": "adam", "lr": 2e-3, "betas": [0.0, 0.99]},
        train__batch_size=32,
        train__ema={"half_life_samples": 10000, "ramp_up": 0.05},
        eval__extractor="toy-cnn",
    )
    step = make_step(monitor.plan, Processes(CPU))
    assert step.ema is not None
    sampler = Sampler(step.ema.module, monitor.plan.spec, step.parts.latent)
    while step.samples_seen < 3 * GRACE_SAMPLES:
        step()
        if step.samples_seen % GRACE_SAMPLES < 32:
            monitor.check(sampler, step)
    assert heard.notes == []
    assert len(records.read(monitor.directory.health_file).whole) == 3
