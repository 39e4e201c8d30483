"""The plain PyTorch training loop over a recipe's networks and loss, to compare a step with.

It is the loop of most public GAN code (torchgan, mimicry, many tutorials), written with care: the
data is in memory, and nothing is slower than in such code. D sees real and generated batches one
after the other; G's forward pass in D's update keeps a graph that nothing uses; D collects
gradients in G's update; optimizers use torch's default implementation; losses are read every step;
precision is float32 and memory contiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import Dataset
from ganzoo.components.build import Components, RegularizerSlot, build
from ganzoo.components.data import tensors_of
from ganzoo.components.plan import Plan
from ganzoo.nn import encode
from ganzoo.recipes.schema import Train
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.training.assemble import make_optimizers
from ganzoo.training.ema import Ema
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import Networks, RequiredGradients

PLAYERS = ("discriminator", "generator")


class ReferenceGame(EngineGame):
    """A game in which G always builds its graph; D's update detaches the result."""

    def _generator_graph(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def _generate(self, z: Tensor, y: Tensor | None, stream: str) -> Tensor:
        fake = super()._generate(z, y, stream)
        return fake.detach() if self.player == "discriminator" else fake


@dataclass
class ReferenceLoop:
    """A training loop; each call runs one step.

    Args:
        train: the recipe's `train` keys; those about precision, saving and so on have no effect.
        data: the stored samples, and the labels where the recipe is conditional.
        batches: yields real samples in model form and their labels.
        average: the moving average of G.
        backward: runs a loss's backward pass; a library may bring its own.
    """

    parts: Components
    train: Train
    optimizers: dict[str, torch.optim.Optimizer]
    data: list[Tensor]
    batches: Iterator[tuple[Tensor, Tensor | None]]
    average: Ema | None = None
    backward: Callable[[Tensor], object] = Tensor.backward
    generator: nn.Module = field(init=False)
    """G as the loop calls it; a library may wrap it."""
    discriminator: nn.Module = field(init=False)
    updates: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PLAYERS, 0))
    step: int = 0

    def __post_init__(self) -> None:
        self.generator = self.parts.generator
        self.discriminator = self.parts.discriminator

    @classmethod
    def of(cls, plan: Plan, device: torch.device) -> ReferenceLoop:
        """Return the loop of a recipe, always in float32 and contiguous memory."""
        parts, train = build(plan), plan.recipe.settings.train
        modules = [*parts.modules.values(), *parts.stateful().values()]
        for module in modules:
            if isinstance(module, nn.Module):
                module.to(device)
        optimizers = make_optimizers(plan, parts.trained())
        ema = train.ema
        stored, labels = tensors_of(plan.dataset)
        data = [stored.to(device)]
        if plan.recipe.settings.conditional and labels is not None:
            data.append(labels.to(device))
        return cls(
            parts=parts,
            train=train,
            optimizers={name: default_form(each) for name, each in optimizers.items()},
            data=data,
            batches=shuffled(plan.dataset, data, train.batch_size),
            average=Ema(parts.generator, ema.half_life_samples, ema.ramp_up) if ema else None,
        )

    def __call__(self) -> dict[str, float]:
        """Run one step; return the terms of both players as numbers."""
        terms: dict[str, float] = {}
        for repeat in range(self.train.discriminator_steps):
            terms |= self.update("discriminator", repeat)
        for repeat in range(self.train.generator_steps):
            terms |= self.update("generator", repeat)
        self.step += 1
        if self.average:
            self._update_average(self.average)
        return terms

    def update(self, player: str, repeat: int) -> dict[str, float]:
        """Run one update of one player; return its terms."""
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
        if self.train.clip_grad_norm is not None:
            parameters = getattr(self, player).parameters()
            torch.nn.utils.clip_grad_norm_(parameters, self.train.clip_grad_norm)
        optimizer.step()
        self.updates[player] += 1
        for component in (*(slot.component for slot in due), self.parts.loss):
            if hasattr(component, "after_step"):
                with torch.no_grad():
                    component.after_step(game)
        return {f"{player[0]}/{name}": value.item() for name, value in terms.items()}

    def game(self, player: str, repeat: int, due: list[RegularizerSlot]) -> ReferenceGame:
        """Return the game of one update, with the next batch."""
        real, labels = next(self.batches)
        noise = BatchNoise(
            RandomStreams(0), f"{player}{repeat}", self.step, Rows(0, len(real)), real.device
        )
        required = RequiredGradients.by([self.parts.loss, *(slot.component for slot in due)])
        return ReferenceGame(
            player=player,
            networks=Networks.of(
                self.generator, self.discriminator, self.parts.augmentation, one_pass=False
            ),
            batch=lambda: (real, labels),
            latents=self.latents(len(real)).to(real.device),
            noise=noise,
            law=self.parts.latent,
            read_fake_labels=lambda: labels,
            required=replace(
                required, real_gradient=required.real_gradient and player == PLAYERS[0]
            ),
            step=self.step,
            data=self.parts.spec,
        )

    def latents(self, count: int) -> Tensor:
        """Draw latents from torch's default generator."""
        return self.parts.latent.sample(count, torch.default_generator)

    @torch.no_grad()
    def _update_average(self, average: Ema) -> None:
        shown = self.train.samples_per_step
        beta = average.beta(shown, shown * self.step)
        pairs = zip(average.module.parameters(), self.parts.generator.parameters(), strict=True)
        for mean, current in pairs:
            mean.mul_(beta).add_(current, alpha=1 - beta)
        buffers = zip(average.module.buffers(), self.parts.generator.buffers(), strict=True)
        for kept, latest in buffers:
            kept.copy_(latest)


def default_form(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Return the same optimizer in torch's default implementation, neither fused nor foreach set.

    Its class, parameter groups and hyperparameters are kept.
    """
    dropped = ("fused", "foreach", "decoupled_weight_decay")  # the last is AdamW's own constant
    groups = [
        {key: value for key, value in group.items() if key not in dropped}
        for group in optimizer.param_groups
    ]
    kept: dict[str, Any] = {
        key: value for key, value in optimizer.defaults.items() if key not in dropped
    }
    return type(optimizer)(groups, **kept)


def shuffled(
    dataset: Dataset, data: list[Tensor], batch_size: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield batches in model form from samples (and labels) in memory, reshuffled every epoch.

    Drops the last, smaller batch of an epoch; repeats data that is smaller than one batch.
    """
    stored, labels = data[0], data[1] if len(data) > 1 else None
    condition = dataset.spec.condition
    mirror = bool(getattr(dataset, "mirror", False))
    while True:
        order = torch.randperm(len(stored), device=stored.device)
        order = order.repeat(-(-batch_size // len(order)))
        for first in range(0, len(order) - batch_size + 1, batch_size):
            rows = order[first : first + batch_size]
            real, y = encode(dataset.spec, stored[rows]), None if labels is None else labels[rows]
            if y is not None and condition:
                y = encode(condition, y)
            if mirror:
                coins = torch.rand(len(rows), *[1] * (real.dim() - 1), device=real.device)
                real = torch.where(coins < 0.5, real.flip(-1), real)
                if y is not None and condition and condition.kind.can_mirror:
                    coins = coins.view(-1, *[1] * (y.dim() - 1))
                    y = torch.where(coins < 0.5, condition.kind.mirror(y), y)
            yield real, y
