"""Networks as `torch.compile` makes them, and the form of a penalty that it can differentiate."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from traceback import walk_tb
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.func import grad_and_value

from ganzoo.api import DiscriminatorOutput
from ganzoo.errors import DeviceError, PluginError
from ganzoo.training.outputs import as_output, full

Judgement = Callable[[Tensor, Tensor | None], Any]
Penalty = Callable[[Tensor, Tensor | None, Tensor | None], Any]


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
            output = as_output(discriminator(x, y))
            classes = () if output.class_logits is None else (output.class_logits,)
            # Only tensors may leave a functional pass: no None.
            kept = (output.logits, tuple(output.features), classes, dict(output.extra))
            logits = full(output.logits).sum()
            return logits if factor is None else logits * factor, kept

        gradient, (_, (logits, features, classes, extra)) = grad_and_value(total, has_aux=True)(x)
        class_logits = classes[0] if classes else None
        output = DiscriminatorOutput(logits, features, class_logits, extra)
        return output, gradient if factor is None else gradient / factor

    return judge
