"""The game as the engine plays it: `ganzoo.api.Game` with lazy, shared forward passes."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganzoo.api import Augmentation, DiscriminatorOutput
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.training.networks import Networks as Networks
from ganzoo.training.networks import RequiredGradients as RequiredGradients
from ganzoo.training.processes import gather_over_ranks, mean_over_ranks

Batch = tuple[Tensor, Tensor | None]

NOTHING = RequiredGradients()

_DEPENDENTS = {
    "real": ("real_output",),
    "labels": ("real_output",),
    "fake": ("fake_output",),
    "latents": ("fake", "fake_output"),
    "fake_labels": ("fake", "fake_output"),
    "real_output": (),
    "fake_output": (),
}
"""What must be computed anew when a field of the game is replaced."""


@dataclass
class EngineGame:
    """One update of one player. See `ganzoo.api.Game` for the meaning of each member.

    Args:
        batch: returns (real samples in model form, labels or None); called at first use, so
            that a generator's update that never looks at real data never loads any.
    """

    player: str
    networks: Networks
    batch: Callable[[], Batch]
    latents: Tensor
    fake_labels: Tensor | None = None
    noise: BatchNoise = field(
        default_factory=lambda: BatchNoise(RandomStreams(0), "game", 0, Rows(0, 128))
    )
    wanted: RequiredGradients = NOTHING
    step: int = 0
    samples_seen: int = 0
    _known: dict[str, Any] = field(default_factory=dict, repr=False)
    _gradients: dict[str, Tensor] = field(default_factory=dict, repr=False)
    _augmented: int = field(default=0, repr=False)

    @classmethod
    def of(
        cls,
        player: str,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        real: Tensor,
        latents: Tensor,
        labels: Tensor | None = None,
        fake_labels: Tensor | None = None,
        augmentation: Augmentation | None = None,
        wanted: RequiredGradients = NOTHING,
        seed: int = 0,
        step: int = 0,
        samples_seen: int = 0,
    ) -> Self:
        """Return a game over given tensors: for tests and for trying out a loss by hand."""
        noise = BatchNoise(RandomStreams(seed), player, 0, Rows(0, len(real)), real.device)
        return cls(
            player=player,
            networks=Networks(generator, discriminator, augmentation),
            batch=lambda: (real, labels),
            latents=latents,
            fake_labels=fake_labels,
            noise=noise,
            wanted=wanted,
            step=step,
            samples_seen=samples_seen,
        )

    @property
    def generator_module(self) -> nn.Module:
        return self.networks.generator

    @property
    def discriminator_module(self) -> nn.Module:
        return self.networks.discriminator

    # --- samples ---

    @property
    def real(self) -> Tensor:
        if "real" not in self._known:
            self._load()
        return self._known["real"]

    @property
    def labels(self) -> Tensor | None:
        if "labels" not in self._known:
            self._load()
        return self._known["labels"]

    @property
    def fake(self) -> Tensor:
        if "fake" not in self._known:
            fake = self.generate(self.latents, self.fake_labels)
            if self.wanted.fake_gradient and not fake.requires_grad:
                fake.requires_grad_()
            self._known["fake"] = fake
        return self._known["fake"]

    def generate(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        with_graph = self.player == "generator" or self.wanted.generator_graph
        with nullcontext() if with_graph else torch.no_grad():
            return self.networks.generate(z, y)

    def _load(self) -> None:
        real, labels = self.batch()
        self._known.setdefault("real", self._leaf(real))
        self._known.setdefault("labels", labels)

    def _leaf(self, real: Tensor) -> Tensor:
        return real.detach().requires_grad_() if self.wanted.real_gradient else real

    # --- what D says ---

    @property
    def real_output(self) -> DiscriminatorOutput:
        if "real_output" not in self._known:
            self._judge("real")
        return self._known["real_output"]

    @property
    def fake_output(self) -> DiscriminatorOutput:
        if "fake_output" not in self._known:
            self._judge("fake")
        return self._known["fake_output"]

    @property
    def real_logits(self) -> Tensor:
        return self.real_output.logits

    @property
    def fake_logits(self) -> Tensor:
        return self.fake_output.logits

    def discriminate(
        self, x: Tensor, y: Tensor | None = None, augment: bool = True
    ) -> DiscriminatorOutput:
        return self.networks.discriminate(self.augment(x) if augment else x, y)

    def augment(self, x: Tensor) -> Tensor:
        if self.networks.augmentation is None:
            return x
        self._augmented += 1
        noise = self.noise.within(f"augment{self._augmented}").of_size(len(x))
        return self.networks.augmentation(x, noise)

    def _in_one_pass(self) -> bool:
        gradients = self.wanted.real_gradient or self.wanted.fake_gradient
        untouched = not {"real_output", "fake_output"} & self._known.keys()
        return (
            self.player == "discriminator"
            and self.networks.one_pass
            and not gradients
            and untouched
        )

    def _discriminate_both(self) -> None:
        x = torch.cat([self.augment(self.real), self.augment(self.fake)])
        y = None
        if self.labels is not None and self.fake_labels is not None:
            y = torch.cat([self.labels, self.fake_labels])
        both, size = self.networks.discriminate(x, y), len(self.real)
        self._known["real_output"] = _rows(both, slice(None, size))
        self._known["fake_output"] = _rows(both, slice(size, None))

    def _judge(self, side: str) -> None:
        """Compute what D says of ``real`` or ``fake``, and its input gradient where that is free.

        An input gradient through a joint pass would run backward through both halves of it, so
        an update that wants one judges the two apart.
        """
        if self._in_one_pass():
            self._discriminate_both()
            return
        x, y = self._side(side)
        wanted = self.wanted.real_gradient if side == "real" else self.wanted.fake_gradient
        if wanted and self.networks.functional:
            self._known[f"{side}_output"], self._gradients[side] = self._with_gradient(x, y)
        else:
            self._known[f"{side}_output"] = self.discriminate(x, y)

    def _side(self, side: str) -> Batch:
        return (self.real, self.labels) if side == "real" else (self.fake, self.fake_labels)

    def input_gradient(
        self, x: Tensor, y: Tensor | None = None
    ) -> tuple[DiscriminatorOutput, Tensor]:
        for side, labels in (("real", self.labels), ("fake", self.fake_labels)):
            if x.requires_grad and x is self._known.get(side) and y is labels:
                output = getattr(self, f"{side}_output")
                if side not in self._gradients and not self.networks.functional:
                    self._gradients[side] = self.networks.gradient(output.logits, x)
                if side in self._gradients:
                    return output, self._gradients[side]
        return self._with_gradient(x if x.requires_grad else x.detach().requires_grad_(), y)

    def _with_gradient(self, x: Tensor, y: Tensor | None) -> tuple[DiscriminatorOutput, Tensor]:
        seen = self.augment(x)
        if not self.networks.functional:
            output = self.networks.discriminate(seen, y)
            return output, self.networks.gradient(output.logits, x)
        output, gradient = self.networks.judge(seen, y)
        if seen is not x:
            (gradient,) = torch.autograd.grad(seen, x, gradient, create_graph=True)
        return output, gradient

    # --- noise, ranks, variations ---

    def uniform(self, name: str, *shape: int) -> Tensor:
        return self.noise.uniform(name, *shape)

    def normal(self, name: str, *shape: int) -> Tensor:
        return self.noise.normal(name, *shape)

    def mean(self, t: Tensor) -> Tensor:
        return mean_over_ranks(t)

    def gather(self, t: Tensor) -> Tensor:
        return gather_over_ranks(t)

    def replace(self, **fields: Any) -> "EngineGame":
        if unknown := fields.keys() - _DEPENDENTS.keys():
            raise TypeError(f"a game has no replaceable field {sorted(unknown)[0]!r}")
        known = dict(self._known)
        for name in fields:
            for dependent in _DEPENDENTS[name]:
                known.pop(dependent, None)
        if "real" in fields:
            fields["real"] = self._leaf(fields["real"])
        kept = {
            side: gradient
            for side, gradient in self._gradients.items()
            if f"{side}_output" in known and f"{side}_output" not in fields
        }
        known.update(fields)
        return EngineGame(
            player=self.player,
            networks=self.networks,
            batch=self.batch,
            latents=fields.get("latents", self.latents),
            fake_labels=fields.get("fake_labels", self.fake_labels),
            noise=self.noise,
            wanted=self.wanted,
            step=self.step,
            samples_seen=self.samples_seen,
            _known=known,
            _gradients=kept,
            _augmented=self._augmented,
        )


def _rows(output: DiscriminatorOutput, rows: slice) -> DiscriminatorOutput:
    class_logits = None if output.class_logits is None else output.class_logits[rows]
    return DiscriminatorOutput(
        logits=output.logits[rows],
        features=tuple(feature[rows] for feature in output.features),
        class_logits=class_logits,
        extra={name: value[rows] for name, value in output.extra.items()},
    )
