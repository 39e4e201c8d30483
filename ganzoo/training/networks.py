"""The two networks of a game, and how they are run: autocast, memory format, compiled or not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganzoo.api import Augmentation, DiscriminatorOutput
from ganzoo.components.build import Components, capabilities
from ganzoo.errors import PluginError
from ganzoo.training.compiled import Compiled, penalty_of
from ganzoo.training.loss_scale import LossScale
from ganzoo.training.outputs import full, lifted


@dataclass(frozen=True, kw_only=True)
class RequiredGradients:
    """What the components that are due in an update need beyond logits."""

    real_gradient: bool = False
    fake_gradient: bool = False
    input_gradient: bool = False
    generator_graph: bool = False

    @classmethod
    def by(cls, components: list[Any]) -> Self:
        """Return what these components declare."""
        asked = frozenset().union(*map(capabilities, components))
        return cls(
            real_gradient="real-gradient" in asked,
            fake_gradient="fake-gradient" in asked,
            input_gradient="input-gradient" in asked,
            generator_graph="generator-graph" in asked,
        )

    @property
    def penalised(self) -> bool:
        """Whether anybody will differentiate an input gradient of D."""
        return self.real_gradient or self.fake_gradient or self.input_gradient


@dataclass(frozen=True)
class Networks:
    """The two networks and how they are to be run.

    `one_pass`: D sees real and generated samples in one batch; wrong for a D whose samples touch
    each other (``batch-coupled``). `autocast` makes the context of each forward pass.
    `functional`: input gradients come from `torch.func.grad` instead of `torch.autograd.grad`;
    the same numbers, and the only way through a compiled D. `scale`: D's, for float16, which input
    gradients need as much as those of weights do.
    """

    generator: nn.Module
    discriminator: nn.Module
    augmentation: Augmentation | None = None
    one_pass: bool = True
    channels_last: bool = False
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext
    functional: bool = False
    compiled: Compiled | None = None
    scale: LossScale | None = None

    @classmethod
    def of(cls, parts: Components, **how: Any) -> Self:
        """Return the networks of live components; `how` are the other fields."""
        return cls(
            generator=parts.generator,
            discriminator=parts.discriminator,
            augmentation=parts.augmentation,
            one_pass="batch-coupled" not in capabilities(parts.discriminator),
            **how,
        )

    def wanting(self, wanted: RequiredGradients) -> Self:
        """Return the networks as an update that wants this is to run them."""
        if self.compiled is None or not wanted.penalised:
            return self
        if self.compiled.penalty is None:
            return replace(self, compiled=replace(self.compiled, discriminator=None))
        return replace(self, functional=True)

    def generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Return G(z, y), lifted to float32 from half precision."""
        generator = self.compiled.generator if self.compiled else self.generator
        with self.autocast():
            return full(generator(z, y))

    def discriminate(self, x: Tensor, y: Tensor | None) -> DiscriminatorOutput:
        """Return D(x, y); half-precision logits and extras lifted to float32, features as made."""
        compiled = self.compiled.discriminator if self.compiled else None
        discriminator = self.discriminator if compiled is None else compiled
        with self.autocast():
            output = discriminator(self._placed(x), y)
        return lifted(output)

    def gradient(self, logits: Tensor, x: Tensor) -> Tensor:
        """Return d(sum of logits)/dx by double backward, differentiable.

        Raises:
            PluginError: D is compiled, which torch cannot differentiate twice.
        """
        if self.compiled and self.compiled.discriminator is not None:
            raise PluginError(
                "a compiled D is asked for an input gradient that no component declares",
                hint="train.compile=false, or declare input-gradient in `capabilities`",
            )
        factor = self._factor()
        total = logits.sum() if factor is None else logits.sum() * factor
        (gradient,) = torch.autograd.grad(total, x, create_graph=True)
        return gradient if factor is None else gradient / factor

    def judge(self, x: Tensor, y: Tensor | None) -> tuple[DiscriminatorOutput, Tensor]:
        """Return D(x, y) and d(sum of its logits)/dx from one pass, by `torch.func.grad`."""
        compiled = self.compiled.penalty if self.compiled else None
        judge = penalty_of(self.discriminator) if compiled is None else compiled
        with self.autocast():
            output, gradient = judge(self._placed(x), y, self._factor())
        return lifted(output), gradient

    def _factor(self) -> Tensor | None:
        return None if self.scale is None else self.scale.of_logits()

    def _placed(self, x: Tensor) -> Tensor:
        if self.channels_last and x.dim() == 4:
            return x.contiguous(memory_format=torch.channels_last)
        return x
