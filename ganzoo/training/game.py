"""The engine's `ganzoo.api.Game`: forward passes run at first use and are shared."""

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganzoo.api import Augmentation, DiscriminatorOutput
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.scoring.collectives import gather_over_ranks, mean_over_ranks
from ganzoo.training.networks import Networks, RequiredGradients

Samples = tuple[Tensor, Tensor | None]
"""Samples in model form (B, *model_shape), and their labels int64 (B,) or None."""

NO_GRADIENTS = RequiredGradients()

_DEPENDENTS = {
    "real": ("real_output",),
    "labels": ("real_output",),
    "fake": ("fake_output",),
    "latents": ("fake", "fake_output"),
    "fake_labels": ("fake", "fake_output"),
    "real_output": (),
    "fake_output": (),
}
"""Field of the game → what must be computed again after it is replaced."""


@dataclass
class EngineGame:
    """One update of one player. See `ganzoo.api.Game` for the meaning of each member.

    Args:
        batch: returns the real samples and their labels; called at first use, so that an update
            that never reads real data never loads any.
        required: gradients that the components which are due need besides logits.
    """

    player: str
    networks: Networks
    batch: Callable[[], Samples]
    latents: Tensor
    fake_labels: Tensor | None = None
    noise: BatchNoise = field(
        default_factory=lambda: BatchNoise(RandomStreams(0), "game", 0, Rows(0, 128))
    )
    required: RequiredGradients = NO_GRADIENTS
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
        required: RequiredGradients = NO_GRADIENTS,
        seed: int = 0,
        step: int = 0,
        samples_seen: int = 0,
    ) -> Self:
        """Return a game over given tensors, for tests and experiments."""
        noise = BatchNoise(RandomStreams(seed), player, 0, Rows(0, len(real)), real.device)
        return cls(
            player=player,
            networks=Networks(generator, discriminator, augmentation),
            batch=lambda: (real, labels),
            latents=latents,
            fake_labels=fake_labels,
            noise=noise,
            required=required,
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
            if self.required.fake_gradient and not fake.requires_grad:
                fake.requires_grad_()
            self._known["fake"] = fake
        return self._known["fake"]

    def generate(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        with_graph = self.player == "generator" or self.required.generator_graph
        with nullcontext() if with_graph else torch.no_grad():
            return self.networks.generate(z, y)

    def _load(self) -> None:
        real, labels = self.batch()
        self._known.setdefault("real", self._leaf(real))
        self._known.setdefault("labels", labels)

    def _leaf(self, real: Tensor) -> Tensor:
        return real.detach().requires_grad_() if self.required.real_gradient else real

    # --- D's outputs ---

    @property
    def real_output(self) -> DiscriminatorOutput:
        if "real_output" not in self._known:
            self._run_discriminator("real")
        return self._known["real_output"]

    @property
    def fake_output(self) -> DiscriminatorOutput:
        if "fake_output" not in self._known:
            self._run_discriminator("fake")
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
        gradients = self.required.real_gradient or self.required.fake_gradient
        untouched = not {"real_output", "fake_output"} & self._known.keys()
        return (
            self.player == "discriminator"
            and self.networks.one_pass
            and not gradients
            and untouched
        )

    def _discriminate_both(self) -> None:
        x = torch.cat([self.augment(self.real), self.augment(self.fake)])  # (2B, *model_shape)
        y = None
        if self.labels is not None and self.fake_labels is not None:
            y = torch.cat([self.labels, self.fake_labels])
        both, size = self.networks.discriminate(x, y), len(self.real)
        self._known["real_output"] = _rows(both, slice(None, size))
        self._known["fake_output"] = _rows(both, slice(size, None))

    def _run_discriminator(self, side: str) -> None:
        """Run D on ``real`` or ``fake``, and keep the input gradient where it comes for free."""
        # An input gradient through a joint pass would run backward through both halves, so an
        # update that needs one runs D on each side separately.
        if self._in_one_pass():
            self._discriminate_both()
            return
        x, y = self._side(side)
        required = self.required
        needed = required.real_gradient if side == "real" else required.fake_gradient
        if needed and self.networks.functional:
            self._known[f"{side}_output"], self._gradients[side] = self._with_gradient(x, y)
        else:
            self._known[f"{side}_output"] = self.discriminate(x, y)

    def _side(self, side: str) -> Samples:
        return (self.real, self.labels) if side == "real" else (self.fake, self.fake_labels)

    def input_gradient(
        self, x: Tensor, y: Tensor | None = None
    ) -> tuple[DiscriminatorOutput, Tensor]:
        for side in ("real", "fake"):
            # `_side` comes last: it would load real data in an update that never reads any.
            if x.requires_grad and x is self._known.get(side) and y is self._side(side)[1]:
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
        output, gradient = self.networks.output_and_gradient(seen, y)
        if seen is not x:
            # Chain rule through the augmentation: (d seen/dx)^T (d logits/d seen).
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

    def replace(self, **fields: Any) -> Self:
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
        given = {name: fields[name] for name in ("latents", "fake_labels") if name in fields}
        return dataclasses.replace(self, **given, _known=known, _gradients=kept)


def _rows(output: DiscriminatorOutput, rows: slice) -> DiscriminatorOutput:
    class_logits = None if output.class_logits is None else output.class_logits[rows]
    return DiscriminatorOutput(
        logits=output.logits[rows],
        features=tuple(feature[rows] for feature in output.features),
        class_logits=class_logits,
        extra={name: value[rows] for name, value in output.extra.items()},
    )
