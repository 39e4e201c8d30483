"""The two networks of a game and how they run: autocast, memory format, compiled or not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from traceback import walk_tb
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.func import grad_and_value

from ganzoo.api import Augmentation, DiscriminatorOutput, Extra, Noise
from ganzoo.components.build import capabilities, takes
from ganzoo.errors import DeviceError, PluginError
from ganzoo.training.player import LossScale

Forward = Callable[..., Any]
"""``forward`` of a network: G's takes z and y, D's takes x and y."""
Penalty = Callable[..., tuple[DiscriminatorOutput, Tensor]]
"""See `penalty_of`."""


@dataclass(frozen=True, kw_only=True)
class RequiredGradients:
    """What the components that are due in an update need besides logits."""

    real_gradient: bool = False
    fake_gradient: bool = False
    input_gradient: bool = False
    generator_graph: bool = False

    @classmethod
    def by(cls, components: list[Any]) -> Self:
        """Return what these components declare."""
        return cls.named(frozenset().union(*map(capabilities, components)))

    @classmethod
    def named(cls, declared: Collection[str]) -> Self:
        """Return the requirements among these capabilities, such as ``real-gradient``."""
        return cls(
            real_gradient="real-gradient" in declared,
            fake_gradient="fake-gradient" in declared,
            input_gradient="input-gradient" in declared,
            generator_graph="generator-graph" in declared,
        )

    @property
    def penalised(self) -> bool:
        """Whether an input gradient of D will be differentiated."""
        return self.real_gradient or self.fake_gradient or self.input_gradient


@dataclass(frozen=True)
class Networks:
    """The two networks and how they run.

    Args:
        one_pass: D sees real and generated samples in one batch. Wrong for a D that mixes samples
            of a batch (``batch-coupled``).
        autocast: makes the context of each forward pass.
        functional: input gradients come from `torch.func.grad`, not `torch.autograd.grad`. The
            numbers are the same; through a compiled D it is the only way.
        scale: D's loss scale for float16. Input gradients need it as gradients of weights do.
        takes_noise: G's forward has the keyword-only argument `noise`.
        takes_extra: D's forward has `extra`, what the augmentation returned beside x.
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
    takes_noise: bool = False
    takes_extra: bool = False

    @classmethod
    def of(
        cls,
        generator: nn.Module,
        discriminator: nn.Module,
        augmentation: Augmentation | None = None,
        **how: Any,
    ) -> Self:
        """Return the networks as they declare to be run; `how` holds the other fields."""
        declared = capabilities(discriminator)
        return cls(
            generator,
            discriminator,
            augmentation,
            one_pass=how.pop("one_pass", "batch-coupled" not in declared),
            takes_noise=takes(generator, "noise"),
            takes_extra="augmentation-aware" in declared,
            **how,
        )

    def requiring(self, required: RequiredGradients) -> Self:
        """Return the networks as an update that needs these gradients runs them."""
        if self.compiled is None or not required.penalised:
            return self
        if self.compiled.penalty is None:
            return replace(self, compiled=replace(self.compiled, discriminator=None))
        return replace(self, functional=True)

    def generate(self, z: Tensor, y: Tensor | None, noise: Noise | None = None) -> Tensor:
        """Return G(z, y), in float32 if it is in half precision.

        Args:
            noise: of a batch of as many rows as z, for a G that takes it.
        """
        generator = self.compiled.generator if self.compiled else self.generator
        with self.autocast():
            if self.takes_noise:
                given = UntracedNoise(noise) if self.compiled and noise else noise
                return to_float32(generator(z, y, noise=given))
            return to_float32(generator(z, y))

    def discriminate(
        self, x: Tensor, y: Tensor | None, extra: Extra | None = None
    ) -> DiscriminatorOutput:
        """Return D(x, y), with half-precision logits and extras in float32, features unchanged.

        Args:
            extra: what the augmentation returned beside x, for a D that takes it.
        """
        compiled = self.compiled.discriminator if self.compiled else None
        discriminator = self.discriminator if compiled is None else compiled
        with self.autocast():
            if self.takes_extra:
                output = discriminator(self._formatted(x), y, extra=extra)
            else:
                output = discriminator(self._formatted(x), y)
        return output_in_float32(output)

    def gradient(self, logits: Tensor, x: Tensor) -> Tensor:
        """Return d(sum of logits)/dx, differentiable, by double backward.

        Raises:
            PluginError: D is compiled, which torch cannot differentiate twice.
        """
        if self.compiled and self.compiled.discriminator is not None:
            raise PluginError(
                "a component takes an input gradient of a compiled D without declaring it",
                hint="train.compile=false, or declare input-gradient in `capabilities`",
            )
        factor = self._factor()
        total = logits.sum() if factor is None else logits.sum() * factor
        (gradient,) = torch.autograd.grad(total, x, create_graph=True)
        return gradient if factor is None else gradient / factor

    def output_and_gradient(
        self, x: Tensor, y: Tensor | None, extra: Extra | None = None
    ) -> tuple[DiscriminatorOutput, Tensor]:
        """Return D(x, y) and d(sum of its logits)/dx from one pass of `torch.func.grad`."""
        compiled = self.compiled.penalty if self.compiled else None
        penalty = penalty_of(self.discriminator) if compiled is None else compiled
        with self.autocast():
            output, gradient = penalty(self._formatted(x), y, self._factor(), extra)
        return output_in_float32(output), gradient

    def _factor(self) -> Tensor | None:
        return None if self.scale is None else self.scale.of_logits()

    def _formatted(self, x: Tensor) -> Tensor:
        if self.channels_last and x.dim() == 4:
            return x.contiguous(memory_format=torch.channels_last)
        return x


# --- what networks return ---


def as_output(output: Any) -> DiscriminatorOutput:
    """Return D's output as a `DiscriminatorOutput`; a D may return its logits alone."""
    return DiscriminatorOutput(output) if isinstance(output, Tensor) else output


def output_in_float32(output: Any) -> DiscriminatorOutput:
    """Return an output with half-precision logits and extras in float32, features unchanged."""
    output = as_output(output)
    return DiscriminatorOutput(
        logits=to_float32(output.logits),
        features=output.features,
        class_logits=None if output.class_logits is None else to_float32(output.class_logits),
        extra={name: to_float32(value) for name, value in output.extra.items()},
    )


def to_float32(t: Tensor) -> Tensor:
    """Return t in float32 if it is in half precision, else unchanged."""
    return t.float() if t.dtype in (torch.bfloat16, torch.float16) else t


# --- compiled networks ---


@dataclass(frozen=True)
class Compiled:
    """The networks as `torch.compile` returns them; the modules keep the weights.

    `penalty` returns D's output and its input gradient. It is None for a D that updates buffers in
    its forward pass, which stays eager in updates with a penalty.
    """

    generator: Forward
    discriminator: Forward | None
    penalty: Penalty | None

    @classmethod
    def of(cls, generator: nn.Module, discriminator: nn.Module) -> Self:
        """Compile two networks. The compiler runs at their first call."""
        # torch's compiler reads `.grad` of every input, and G's samples are not leaves.
        warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor that is not a")
        # A functional pass must not write to buffers (spectral norm's vectors, batch statistics).
        pure = next(discriminator.buffers(), None) is None
        return cls(
            generator=torch.compile(generator, dynamic=False),
            discriminator=torch.compile(discriminator, dynamic=False),
            penalty=torch.compile(penalty_of(discriminator), dynamic=False) if pure else None,
        )


class UntracedNoise:
    """A noise whose numbers torch.compile does not trace: its code stops and goes on around them.

    Traced, the seeds would be constants of the code, which is then compiled at every step.
    """

    def __init__(self, noise: Noise) -> None:
        self.noise = noise
        self.draw = _untraced_draw()

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Return float32 (B, *shape) in [0, 1)."""
        return self.draw(self.noise, "uniform", name, shape)

    def normal(self, name: str, *shape: int) -> Tensor:
        """Return float32 (B, *shape), standard normal."""
        return self.draw(self.noise, "normal", name, shape)


@cache
def _untraced_draw() -> Callable[..., Tensor]:
    """Return ``(noise, method, name, shape) -> numbers``, one object for all of them.

    Made at first use: the import of torch's compiler takes a second.
    """

    def draw(noise: Noise, method: str, name: str, shape: tuple[int, ...]) -> Tensor:
        numbers: Tensor = getattr(noise, method)(name, *shape)
        return numbers

    untraced: Callable[..., Tensor] = torch.compiler.disable(draw)  # type: ignore[no-untyped-call]
    return untraced


def penalty_of(discriminator: nn.Module) -> Penalty:
    """Return ``(x, y, factor, extra) -> (D(x, y), d(sum of logits)/dx)`` as one functional pass.

    All tensors of the output and the gradient are differentiable in D's weights. A `factor`
    multiplies the logits before the gradient is taken and divides the gradient afterwards, so that
    small float16 gradients survive.
    """
    takes_extra = "augmentation-aware" in capabilities(discriminator)

    def penalty(
        x: Tensor, y: Tensor | None, factor: Tensor | None = None, extra: Extra | None = None
    ) -> tuple[DiscriminatorOutput, Tensor]:
        def total(x: Tensor) -> tuple[Tensor, Any]:
            judged = discriminator(x, y, extra=extra) if takes_extra else discriminator(x, y)
            output = as_output(judged)
            classes = () if output.class_logits is None else (output.class_logits,)
            # Only tensors may leave a functional pass: no None.
            kept = (output.logits, tuple(output.features), classes, dict(output.extra))
            logits = to_float32(output.logits).sum()
            return logits if factor is None else logits * factor, kept

        gradient, (_, (logits, features, classes, other)) = grad_and_value(total, has_aux=True)(x)
        class_logits = classes[0] if classes else None
        output = DiscriminatorOutput(logits, features, class_logits, other)
        return output, gradient if factor is None else gradient / factor

    return penalty


@contextmanager
def compile_errors() -> Iterator[None]:
    """Turn a torch.compile failure into a one-line DeviceError.

    Raises:
        DeviceError: the compiler, or the code that it made, failed.
        PluginError: a component differentiates through a compiled network twice on its own.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, RuntimeError) and "support double backward" in str(error):
            raise PluginError(
                "a component differentiates the gradient of a compiled network, which torch cannot",
                hint="train.compile=false, or game.input_gradient instead of torch.autograd",
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
        return False  # compiled code runs out of memory as any other code does
    *_, (innermost, _) = walk_tb(error.__traceback__)
    return "torchinductor" in innermost.f_code.co_filename  # the folder of compiled code
