"""The two networks of a game, and how they are run: autocast, memory format, compiled or not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from traceback import walk_tb
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.func import grad_and_value

from ganzoo.api import Augmentation, DiscriminatorOutput
from ganzoo.build.components import Components, capabilities
from ganzoo.engine.loss_scale import LossScale
from ganzoo.errors import DeviceError, PluginError

Judgement = Callable[[Tensor, Tensor | None], Any]
Penalty = Callable[[Tensor, Tensor | None, Tensor | None], Any]


@dataclass(frozen=True, kw_only=True)
class Wanted:
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

    def wanting(self, wanted: Wanted) -> Self:
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
            return _full(generator(z, y))

    def discriminate(self, x: Tensor, y: Tensor | None) -> DiscriminatorOutput:
        """Return D(x, y); half-precision logits and extras lifted to float32, features as made."""
        compiled = self.compiled.discriminator if self.compiled else None
        discriminator = self.discriminator if compiled is None else compiled
        with self.autocast():
            output = discriminator(self._placed(x), y)
        return _lifted(output)

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
        return _lifted(output), gradient

    def _factor(self) -> Tensor | None:
        return None if self.scale is None else self.scale.of_logits()

    def _placed(self, x: Tensor) -> Tensor:
        if self.channels_last and x.dim() == 4:
            return x.contiguous(memory_format=torch.channels_last)
        return x


@dataclass(frozen=True)
class Compiled:
    """The networks as `torch.compile` made them, beside the modules that own the weights.

    `penalty` gives D's output and its input gradient; None for a D that updates buffers as it
    runs, which stays eager in updates with a penalty.
    """

    generator: Judgement
    discriminator: Judgement | None
    penalty: Penalty | None

    @classmethod
    def of(cls, generator: nn.Module, discriminator: nn.Module) -> Self:
        """Compile two networks. Nothing is built before they are first called."""
        # torch's compiler asks every input for its gradient, and G's samples are no leaves.
        warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor that is not a")
        pure = next(discriminator.buffers(), None) is None
        return cls(
            generator=torch.compile(generator, dynamic=False),
            discriminator=torch.compile(discriminator, dynamic=False),
            penalty=torch.compile(penalty_of(discriminator), dynamic=False) if pure else None,
        )


@contextmanager
def telling_of_the_compiler() -> Iterator[None]:
    """Say in one line what torch's compiler, or the code that it made, failed of.

    Raises:
        DeviceError: as said.
        PluginError: a component differentiates through a compiled network twice, on its own.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, RuntimeError) and "support double backward" in str(error):
            raise PluginError(
                "a component differentiates the gradient of a compiled network, which torch cannot",
                hint="train.compile=false, or game.input_gradient in the place of torch.autograd",
            ) from error
        if not _is_of_the_compiler(error):
            raise
        first = str(error).strip().partition("\n")[0]
        raise DeviceError(
            f"torch {torch.__version__} cannot compile these networks here: {first}",
            hint="train.compile=false",
        ) from error


def _is_of_the_compiler(error: BaseException) -> bool:
    if isinstance(error, torch._dynamo.exc.TorchDynamoException):
        return True
    if isinstance(error, torch.OutOfMemoryError):
        return False  # which compiled code meets as any other does
    *_, (innermost, _) = walk_tb(error.__traceback__)
    return "torchinductor" in innermost.f_code.co_filename  # where compiled code is kept


def penalty_of(discriminator: nn.Module) -> Penalty:
    """Return ``(x, y, factor) -> (D(x, y), d(sum of logits)/dx)`` of one functional pass.

    Every tensor of the output is differentiable in D's weights, and so is the gradient. The logits
    are multiplied by `factor` on the way, and the gradient is divided by it again, if there is one.
    """

    def judge(
        x: Tensor, y: Tensor | None, factor: Tensor | None = None
    ) -> tuple[DiscriminatorOutput, Tensor]:
        def total(x: Tensor) -> tuple[Tensor, Any]:
            output = _as_output(discriminator(x, y))
            classes = () if output.class_logits is None else (output.class_logits,)
            # Only tensors may leave a functional pass: no None.
            kept = (output.logits, tuple(output.features), classes, dict(output.extra))
            logits = _full(output.logits).sum()
            return logits if factor is None else logits * factor, kept

        gradient, (_, (logits, features, classes, extra)) = grad_and_value(total, has_aux=True)(x)
        class_logits = classes[0] if classes else None
        output = DiscriminatorOutput(logits, features, class_logits, extra)
        return output, gradient if factor is None else gradient / factor

    return judge


def _as_output(output: Any) -> DiscriminatorOutput:
    return DiscriminatorOutput(output) if isinstance(output, Tensor) else output


def _lifted(output: Any) -> DiscriminatorOutput:
    output = _as_output(output)
    return DiscriminatorOutput(
        logits=_full(output.logits),
        features=output.features,
        class_logits=None if output.class_logits is None else _full(output.class_logits),
        extra={name: _full(value) for name, value in output.extra.items()},
    )


def _full(t: Tensor) -> Tensor:
    """Return t in float32 if it is in half precision, else as it is."""
    return t.float() if t.dtype in (torch.bfloat16, torch.float16) else t
