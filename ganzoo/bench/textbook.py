"""The plain PyTorch loop over a recipe's own networks and loss: what a step is compared with.

It is the loop of most public GAN code (torchgan, mimicry, many tutorials), written with care: the
data lies in memory, and nothing is slower than such code has it. D sees real and generated
batches one after the other; G's forward pass in D's update keeps a graph that nobody uses; D
collects gradients in G's update; optimizers are torch's with its default implementation; losses
are read out every step; precision is float32 and memory contiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import Dataset
from ganzoo.components.build import Components, RegularizerSlot, build
from ganzoo.components.data import tensors_of
from ganzoo.components.plan import Plan
from ganzoo.nn import encode
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.training.assemble import make_optimizers
from ganzoo.training.ema import Ema
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import Networks, RequiredGradients

Backward = Callable[[Tensor], object]

PLAYERS = ("discriminator", "generator")


class ReferenceLoop(EngineGame):
    """A game in which G always runs with its graph, and D's update cuts it off behind."""

    def generate(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        fake = self.networks.generate(z, y)
        return fake.detach() if self.player == "discriminator" else fake


@dataclass
class Textbook:
    """One training step after another, in the plainest way.

    `generator` and `discriminator` are the networks as the loop calls them, which a library may
    have wrapped; `backward` is how it backs through a loss.
    """

    parts: Components
    optimizers: dict[str, torch.optim.Optimizer]
    data: list[Tensor]
    batches: Iterator[tuple[Tensor, Tensor | None]]
    batch_size: int
    discriminator_steps: int
    clip_grad_norm: float | None = None
    average: Ema | None = None
    backward: Backward = Tensor.backward
    generator: nn.Module = field(init=False)
    discriminator: nn.Module = field(init=False)
    updates: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PLAYERS, 0))
    step: int = 0

    def __post_init__(self) -> None:
        self.generator = self.parts.generator
        self.discriminator = self.parts.discriminator

    @classmethod
    def of(cls, plan: Plan, device: torch.device) -> Textbook:
        """Return the loop of a recipe, in float32 and contiguous memory whatever it says."""
        parts, train = build(plan), plan.recipe.settings.train
        parts.generator.to(device)
        parts.discriminator.to(device)
        for part in parts.stateful().values():
            if isinstance(part, nn.Module):
                part.to(device)
        ours = make_optimizers(plan, parts.generator, parts.discriminator)
        ema = train.ema
        stored, labels = tensors_of(plan.dataset)
        data = [stored.to(device)]
        if plan.recipe.settings.conditional and labels is not None:
            data.append(labels.to(device))
        return cls(
            parts=parts,
            optimizers={name: by_default(optimizer) for name, optimizer in ours.items()},
            data=data,
            batches=shuffled(plan.dataset, data, train.batch_size),
            batch_size=train.batch_size,
            discriminator_steps=train.discriminator_steps,
            clip_grad_norm=train.clip_grad_norm,
            average=Ema(parts.generator, ema.half_life_samples, ema.ramp_up) if ema else None,
        )

    def __call__(self) -> dict[str, float]:
        """Play one step; return the terms of both players as numbers."""
        terms: dict[str, float] = {}
        for repeat in range(self.discriminator_steps):
            terms |= self.update("discriminator", repeat)
        terms |= self.update("generator", 0)
        self.step += 1
        if self.average:
            self._move_average(self.average)
        return terms

    def update(self, player: str, repeat: int) -> dict[str, float]:
        """Make one update of one player; return its terms."""
        due = [slot for slot in self.parts.regularizers if slot.due(self.updates[player])]
        game = self.game(player, repeat, due)
        for slot in due:
            if hasattr(slot.component, "prepare"):
                game = slot.component.prepare(game)
        terms = dict(getattr(self.parts.loss, player)(game))
        for slot in due:
            if hasattr(slot.component, player):
                extra = getattr(slot.component, player)(game)
                weight = slot.weight * slot.every_steps
                terms |= {f"{slot.name}/{name}": weight * value for name, value in extra.items()}
        optimizer = self.optimizers[player]
        optimizer.zero_grad()
        self.backward(torch.stack(list(terms.values())).sum())
        if self.clip_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(getattr(self, player).parameters(), self.clip_grad_norm)
        optimizer.step()
        self.updates[player] += 1
        for slot in due:
            if hasattr(slot.component, "after_step"):
                with torch.no_grad():
                    slot.component.after_step(game)
        return {f"{player[0]}/{name}": value.item() for name, value in terms.items()}

    def game(self, player: str, repeat: int, due: list[RegularizerSlot]) -> ReferenceLoop:
        """Return the game of one update."""
        real, labels = next(self.batches)
        noise = BatchNoise(
            RandomStreams(0), f"{player}{repeat}", self.step, Rows(0, len(real)), real.device
        )
        wanted = RequiredGradients.by([self.parts.loss, *(slot.component for slot in due)])
        return ReferenceLoop(
            player=player,
            networks=Networks(
                self.generator, self.discriminator, self.parts.augmentation, one_pass=False
            ),
            batch=lambda: (real, labels),
            latents=self.latents(len(real)).to(real.device),
            fake_labels=labels,
            noise=noise,
            wanted=replace(wanted, real_gradient=wanted.real_gradient and player == PLAYERS[0]),
            step=self.step,
        )

    def latents(self, count: int) -> Tensor:
        """Return fresh latents from torch's default generator."""
        return self.parts.latent.sample(count, torch.default_generator)

    @torch.no_grad()
    def _move_average(self, average: Ema) -> None:
        shown = self.batch_size * self.discriminator_steps
        beta = average.beta(shown, shown * self.step)
        pairs = zip(average.module.parameters(), self.parts.generator.parameters(), strict=True)
        for mean, current in pairs:
            mean.mul_(beta).add_(current, alpha=1 - beta)
        buffers = zip(average.module.buffers(), self.parts.generator.buffers(), strict=True)
        for kept, latest in buffers:
            kept.copy_(latest)


def by_default(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Return an optimizer of the same kind and numbers, implemented as torch chooses."""
    implementation = ("fused", "foreach")
    groups = [
        {key: value for key, value in group.items() if key not in implementation}
        for group in optimizer.param_groups
    ]
    kept: dict[str, Any] = {
        key: value for key, value in optimizer.defaults.items() if key not in implementation
    }
    kept.pop("decoupled_weight_decay", None)  # AdamW's own constant, no argument of it
    for group in groups:
        group.pop("decoupled_weight_decay", None)
    return type(optimizer)(groups, **kept)


def shuffled(
    dataset: Dataset, data: list[Tensor], batch_size: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield batches in model form from samples (and labels) in memory, in a new order each epoch.

    An epoch's last, smaller batch is left out; data smaller than a batch is shown repeatedly.
    """
    stored, labels = data[0], data[1] if len(data) > 1 else None
    mirror = bool(getattr(dataset, "mirror", False))
    while True:
        order = torch.randperm(len(stored), device=stored.device)
        order = order.repeat(-(-batch_size // len(order)))
        for first in range(0, len(order) - batch_size + 1, batch_size):
            rows = order[first : first + batch_size]
            real = encode(dataset.spec, stored[rows])
            if mirror:
                coins = torch.rand(len(rows), *[1] * (real.dim() - 1), device=real.device)
                real = torch.where(coins < 0.5, real.flip(-1), real)
            yield real, None if labels is None else labels[rows]
