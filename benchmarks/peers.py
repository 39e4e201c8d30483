"""Other GAN packages on their own ground: time of a step, and 100 Gaussians at equal CPU time.

    python benchmarks/peers.py [steps] [gaussians] [--rounds 5] [--without-bf16]
                               [--presets gan,k3p,e22] [--cpu-minutes M] [--seed 0]
                               [--runs-dir runs/peers]

Run it in an environment with `ganzoo-core[zoo]` and, without what they require, the packages:

    pip install --no-deps torch-mimicry==0.1.16 torchgan==0.1.0 particlegan==0.9.4

`steps` trains the networks of mimicry's SNGAN and of torchgan's DCGAN, at 32x32 with batch 64, by
the package's own training functions and by the engine: same modules, loss, optimizer and numbers of
updates. A row says how far the losses of the two are apart after two steps from the same weights,
batches and latents, where the engine shows D real and generated samples one after the other, as the
packages do. It is timed as it runs by default: both in one pass, unless D has batch norm. In the
packages' favour their batches are tensors in memory, without their data loaders, and they neither
log, sample nor save. Modules that they import and a step does not use (torchvision, TensorFlow and
others, see `peer_networks.py`) are mocks. One thread, CPU time, interleaved rounds.

`gaussians` trains the recipe gaussians100-mixture on ParticleGAN's grid (10x10, 1 apart, sd 0.03),
and presets of ParticleGAN for as many CPU seconds (or for M minutes) of one thread, with the
networks, data and batch of its documentation. The seconds are those of ganzoo's whole process, but
for ParticleGAN those of its updates only. The recipe's metric `modes` scores both.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import cycle, islice
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import torch
from gaussians import RECIPE as MIXTURE
from peer_networks import peer
from provenance import provenance
from steps import RECIPE, Row, markdown, with_range
from timed_runs import cpu_seconds, train
from torch import Tensor, nn
from yardsticks import final_score, finished_run, scored

from ganzoo.bench.reference_loop import shuffled
from ganzoo.components.data import tensors_of
from ganzoo.components.plan import Plan
from ganzoo.registry.registry import Registry
from ganzoo.report.table import three_digits
from ganzoo.runs.score import Score
from ganzoo.sampling.random_streams import CPU
from ganzoo.training.assemble import make_step
from ganzoo.training.execution import keep_freed_memory
from ganzoo.training.launch import prepare
from ganzoo.training.processes import Processes
from ganzoo.training.step import GanStep

ALONE = Processes(CPU)
PLUGIN = Path(__file__).with_name("peer_networks.py")
PACKAGES = ("torch", "torch_mimicry", "torchgan", "particlegan")

Losses = tuple[float, float]
"""Of D and of G, in their last updates of a step."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=["steps", "gaussians"], metavar="PART")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-bf16", action="store_true", help="for CPUs without bfloat16")
    parser.add_argument("--presets", default="gan,k3p,e22", help="of ParticleGAN")
    parser.add_argument("--cpu-minutes", type=float, help="for ParticleGAN; default: as the recipe")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs-dir", type=Path, default=Path("runs/peers"))
    chosen = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    print(f"{provenance(*PACKAGES)}, one thread", flush=True)
    if not chosen.parts or "steps" in chosen.parts:
        print("\n" + steps(chosen.rounds, bf16=not chosen.without_bf16), flush=True)
    if not chosen.parts or "gaussians" in chosen.parts:
        seconds = 60 * chosen.cpu_minutes if chosen.cpu_minutes else None
        presets = chosen.presets.split(",")
        print("\n" + gaussians(presets, seconds, chosen.seed, chosen.runs_dir), flush=True)


# --- the time of a step ---


@dataclass
class Work:
    """What one step consists of."""

    updates: Counter[str]
    inputs: dict[str, list[Tensor]]
    """Of each call of a network, in order."""

    def __str__(self) -> str:
        samples = {name: sum(map(len, shown)) for name, shown in self.inputs.items()}
        return ", ".join(
            f"{self.updates[name]} updates of {name} and {samples[name]} samples through it"
            for name in ("D", "G")
        )


@dataclass(frozen=True)
class Training:
    """A training step and what it trains: each call of `step` runs one and returns the losses."""

    step: Callable[[], Losses]
    networks: Mapping[str, Any]
    optimizers: Mapping[str, torch.optim.Optimizer]

    @contextmanager
    def watched(self) -> Iterator[Work]:
        """Record the work of the steps inside the block."""
        work = Work(Counter(), {name: [] for name in self.networks})

        def recorded(name: str) -> Callable[[Tensor], Tensor]:
            forward = self.networks[name].forward

            def record(x: Tensor) -> Tensor:
                work.inputs[name].append(x)
                return cast(Tensor, forward(x))

            return record

        def counted(name: str) -> Callable[..., None]:
            return lambda *_: work.updates.update([name])

        with ExitStack() as stack:
            for name, network in self.networks.items():
                # Not a hook, because mimicry calls `forward` and not the module.
                stack.enter_context(patch.object(network, "forward", recorded(name)))
                stack.callback(self.optimizers[name].register_step_post_hook(counted(name)).remove)
            yield work


def through_ganzoo(step: GanStep) -> Training:
    """Return the engine's step."""

    def losses() -> Losses:
        terms = step()
        return (terms["d/real"] + terms["d/fake"]).item(), terms["g/fake"].item()

    return Training(losses, networks_of(step), optimizers_of(step))


def networks_of(step: GanStep) -> dict[str, Any]:
    """Return the networks as their package defines them."""
    parts: Any = step.parts
    return {"D": parts.discriminator.network, "G": parts.generator.network}


def optimizers_of(step: GanStep) -> dict[str, torch.optim.Optimizer]:
    return {"D": step.discriminator.optimizer, "G": step.generator.optimizer}


def through_mimicry(step: GanStep, batches: Iterator[Tensor]) -> Training:
    """Return the step of mimicry's `Trainer.train` over copies of the same networks."""
    metric_log = peer("torch_mimicry.training.metric_log")
    networks = copies(step)
    optimizers = adams(step, networks)
    d, g = networks["D"], networks["G"]

    def losses() -> Losses:
        log = metric_log.MetricLog()
        for _ in range(step.config.discriminator_steps):
            batch = next(batches), None
            log = d.train_step(batch, g, optimizers["D"], log, device=CPU)
        log = g.train_step(batch, d, optimizers["G"], log, device=CPU)
        values = dict(log.items())
        return values["errD"]["value"], values["errG"]["value"]

    return Training(losses, networks, optimizers)


def through_torchgan(step: GanStep, batches: Iterator[Tensor]) -> Training:
    """Return `Trainer.train_iter` of torchgan over copies of the same networks."""
    minimax = peer("torchgan.losses")
    networks = copies(step)
    optimizers = adams(step, networks)

    def model(name: str) -> dict[str, Any]:
        return {
            "name": lambda: networks[name],
            "optimizer": {"name": lambda _: optimizers[name]},
        }

    with tempfile.TemporaryDirectory() as folder:
        trainer = peer("torchgan.trainer").Trainer(
            {"discriminator": model("D"), "generator": model("G")},
            [minimax.MinimaxDiscriminatorLoss(), minimax.MinimaxGeneratorLoss()],
            device=CPU,
            ncritic=step.config.discriminator_steps,
            checkpoints=f"{folder}/gan",
            recon=folder,
        )
    trainer.batch_size = step.config.batch_size

    def losses() -> Losses:
        trainer.real_inputs = next(batches)
        loss_of_g, loss_of_d, *_ = trainer.train_iter()
        return loss_of_d, loss_of_g

    return Training(losses, networks, optimizers)


def copies(step: GanStep) -> dict[str, Any]:
    """Return copies of the networks in contiguous memory, as the packages make them."""
    return {
        name: deepcopy(network).to(memory_format=torch.contiguous_format)
        for name, network in networks_of(step).items()
    }


def adams(step: GanStep, networks: Mapping[str, Any]) -> dict[str, torch.optim.Adam]:
    """Return Adam in torch's default form, as the packages use it, with the step's settings."""
    made = {}
    for name, optimizer in optimizers_of(step).items():
        group = optimizer.param_groups[0]
        settings = {key: group[key] for key in ("lr", "betas", "eps")}
        made[name] = torch.optim.Adam(networks[name].parameters(), **settings)
    return made


BASE = ("train.batch_size=64", "train.ema=null", "dataset.length=2000", "eval.extractor=null")
PEERS: dict[str, tuple[Callable[[GanStep, Iterator[Tensor]], Training], tuple[str, ...]]] = {
    "mimicry: SNGAN, width 64, hinge, 5 updates of D": (
        through_mimicry,
        (
            "generator={use: local/mimicry-sngan, width: 64}",
            "discriminator={use: local/mimicry-sngan, width: 64}",
            "optimizers.both={use: adam, lr: 2e-4, betas: [0.0, 0.9]}",
            "train.discriminator_steps=5",
        ),
    ),
    "torchgan: DCGAN, width 64, minimax": (
        through_torchgan,
        (
            "generator={use: local/torchgan-dcgan, width: 64}",
            "discriminator={use: local/torchgan-dcgan, width: 64}",
            "loss=vanilla",
            "optimizers.both={use: adam, lr: 2e-4, betas: [0.5, 0.999]}",
        ),
    ),
}
"""Name of a row → the package's step, and overrides of `RECIPE`."""


def steps(rounds: int, bf16: bool) -> str:
    """Return the table of times, and what a step of each row consists of."""
    registry = Registry.with_local(PLUGIN)
    precisions = {"ours": "fp32"} | ({"ours bf16": "bf16"} if bf16 else {})
    rows, work = [], []
    for name, (through, overrides) in PEERS.items():
        plans = {
            case: prepare(RECIPE, [*BASE, *overrides, f"train.precision={precision}"], registry)
            for case, precision in precisions.items()
        }
        difference, same_work = compared(plans["ours"], through)
        work.append(f"{name.partition(':')[0]}, a step: {same_work}")
        loops: dict[str, Callable[[], object]] = {
            "package": through(make_step(plans["ours"], ALONE), batches_of(plans["ours"])).step
        }
        loops |= {case: make_step(plan, ALONE) for case, plan in plans.items()}
        row = Row.timed(name, plans["ours"], loops, CPU, rounds=rounds, seconds=0.4)
        cells = [name, three_digits(1000 * row.seconds_per_step("package"))]
        cells += [with_range(row.speed(case, "package")) for case in plans]
        rows.append([*cells, f"{difference:.0e}"])
    columns = ["ms a step, and times as fast", "package", *precisions, "losses differ by"]
    return "\n".join([markdown(columns, rows), *work])


def batches_of(plan: Plan) -> Iterator[Tensor]:
    """Return eight batches of the data in model form, over and over."""
    size = plan.recipe.settings.train.batch_size
    made = shuffled(plan.dataset, [tensors_of(plan.dataset)[0]], size)
    return cycle([real.contiguous() for real, _ in islice(made, 8)])


def compared(
    plan: Plan, through: Callable[[GanStep, Iterator[Tensor]], Training]
) -> tuple[float, str]:
    """Train two steps by the engine and by the package, from the same state with the same inputs.

    Returns:
        The largest relative difference of a loss, and the work of a step.
    """
    step = make_step(plan, ALONE)
    step.networks = replace(step.networks, one_pass=False)
    batches: deque[Tensor] = deque()
    latents: deque[Tensor] = deque()
    own, their = through_ganzoo(step), through(step, iter(batches.popleft, None))
    differences = []
    for _ in range(2):
        with own.watched() as work:
            expected = own.step()
        # Each update of D sees real and then generated samples.
        real = work.inputs["D"][: 2 * step.config.discriminator_steps : 2]
        batches.extend(each.contiguous() for each in real)
        latents.extend(work.inputs["G"])
        drawn = patch("torch.randn", lambda *_, **__: latents.popleft())
        with their.watched() as their_work, drawn:
            found = their.step()
        differences += [abs(f / e - 1) for e, f in zip(expected, found, strict=True)]
    words = str(work) if str(work) == str(their_work) else f"{their_work}; ours: {work}"
    return max(differences), words


# --- 100 Gaussians ---

GRID_SD = 0.03
HIDDEN = 128
TRIED = 20
"""Updates that are timed to know how many a budget allows, for presets with a schedule."""
E22 = "e22"
"""The preset without a schedule, whose generator is linear and whose samples have noise."""


def gaussians(presets: list[str], seconds: float | None, seed: int, runs_directory: Path) -> str:
    """Return the table of the recipe's and ParticleGAN's modes."""
    overrides = (f"dataset.sd={GRID_SD}",)
    train(MIXTURE, seed, runs_directory, overrides)
    run = finished_run(MIXTURE, seed, runs_directory, *overrides)
    used = cpu_seconds(MIXTURE, seed, runs_directory, overrides)
    updates, score = run.checkpoint().step, final_score(run)
    rows = [modes_row(f"ganzoo, {MIXTURE}", updates, used, score)]
    for preset in presets:
        points, made, spent = particles(preset, seconds or used, seed)
        rows.append(modes_row(f"ParticleGAN, {preset}", made, spent, scored((points, None), run)))
        print(*rows[-1], sep="  ", flush=True)
    columns = ["", "updates of G", "CPU s", "modes of 100", "within 3 sd", "reverse KL"]
    return markdown(columns, rows)


def modes_row(name: str, updates: int, seconds: float, score: Score) -> list[str]:
    numbers = score.metrics
    return [
        name,
        str(updates),
        f"{seconds:.0f}",
        f"{numbers['modes_covered']:.0f}",
        f"{numbers['high_quality']:.1%}",
        f"{numbers['modes_reverse_kl']:.3f}",
    ]


def particles(preset: str, seconds: float, seed: int) -> tuple[Tensor, int, float]:
    """Train a preset for this long; return 10,000 points, the updates and the CPU seconds."""
    draw = torch.Generator().manual_seed(seed)

    def real(count: int) -> Tensor:
        centres = torch.randint(10, (count, 2), generator=draw) - 4.5
        return centres + GRID_SD * torch.randn(count, 2, generator=draw)

    def update(trainer: Any) -> None:
        size = trainer.recipe.batch_size
        trainer.step(real(size), generator_real=lambda: real(size))

    allowed = None
    if preset != E22:
        tried = particle_trainer(preset, 7000, seed)
        before = time.process_time()
        for _ in range(TRIED):
            update(tried)
        allowed = int(TRIED * seconds / (time.process_time() - before))
    trainer = particle_trainer(preset, allowed, seed)
    made, before = 0, time.process_time()
    while made != allowed and time.process_time() - before < seconds:
        update(trainer)
        made += 1
    spent = time.process_time() - before
    points = trainer.sample(10_000, output_noise=preset == E22)
    return points.detach(), made, spent


def particle_trainer(preset: str, total_steps: int | None, seed: int) -> Any:
    """Return ParticleGAN's trainer with the networks of its examples for 100 Gaussians.

    Source: 255BITS/ParticleGAN, examples/100gaussians.py; of e22: docs/e22.md.
    """
    library = import_module("particlegan")
    torch.manual_seed(seed)
    critic = library.init.deterministic_orthogonal_(FourierCritic(), seed=1)
    if preset == E22:
        recipe = library.get_recipe(E22, output_noise_std=0.029)
        generator: nn.Module = identity()
        prior = recipe.make_prior()
        nn.init.uniform_(prior.z, -5, 5)
    else:
        recipe = library.get_recipe(preset, total_steps=total_steps)
        generator = library.init.deterministic_orthogonal_(mlp(recipe.z_dim, 2), seed=0)
        prior = library.init.deterministic_orthogonal_(recipe.make_prior())
    return library.GANTrainer(recipe, generator, critic, prior=prior, seed=seed)


def identity() -> nn.Linear:
    """Return a linear map that is the identity before it is trained."""
    layer = nn.Linear(2, 2)
    nn.init.eye_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class FourierCritic(nn.Module):
    """An MLP over points and their Fourier features of two frequencies, pi and 2 pi."""

    frequencies: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.pi * torch.tensor([1.0, 2.0]))
        self.body = mlp(10, 1)

    def forward(self, x: Tensor) -> Tensor:
        angles = (x[..., None] * self.frequencies).flatten(1)
        h = torch.cat([x, angles.sin(), angles.cos()], dim=1)
        return cast(Tensor, self.body(h)[:, 0])


def mlp(inputs: int, outputs: int) -> nn.Sequential:
    """Return three hidden layers of `HIDDEN` with leaky ReLU."""
    layers: list[nn.Module] = []
    for width in (inputs, HIDDEN, HIDDEN):
        layers += [nn.Linear(width, HIDDEN), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, outputs))


if __name__ == "__main__":
    main()
