"""What several checks look at: differences of outputs, state after a restart, reads by the host."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ganzoo.testing.component import Case
from ganzoo.testing.outcomes import Exempt, Failed

Answers = Mapping[str, Tensor]
"""Tensors by a name that a message can use: ``samples``, ``logits``, ``features[0]``."""


def difference(before: Answers, after: Answers, tolerance: float = 0.0) -> str | None:
    """Return in words how two answers differ; None where they agree.

    Values that are not finite agree with their like: another check is about those.

    Args:
        tolerance: how far two numbers may lie apart, relative to the largest of both.
    """
    if before.keys() != after.keys():
        return f"{', '.join(after)} in place of {', '.join(before)}"
    for name, old in before.items():
        new = after[name]
        if old.shape != new.shape:
            return f"{name} of shape {shape(new)} in place of {shape(old)}"
        old, new = old.detach().double(), new.detach().double()
        scale = max(_largest(old), _largest(new))
        if not torch.allclose(old, new, rtol=0, atol=tolerance * scale, equal_nan=True):
            return f"a difference of up to {_largest(old - new):.3g} in {name}"
    return None


def shape(t: Tensor) -> str:
    """Return a shape as people write it: ``4x3x32x32``."""
    return "x".join(map(str, t.shape)) or "a single number"


def _largest(t: Tensor) -> float:
    return t.nan_to_num(0, 0, 0).abs().max().item() if t.numel() else 0.0


def check_resumes(case: Case, use: Callable[[Any], None], ask: Callable[[Any], Answers]) -> None:
    """Compare an instance that was used with a new one that was given its state.

    Args:
        use: changes whatever state an instance has.
        ask: returns what an instance says, in which its state shows.

    Raises:
        Failed: they say different things, or the state cannot be written or read.
    """
    live, restored = case.make(), case.make()
    use(live)
    if hasattr(live, "state_dict"):
        restored.load_state_dict(as_saved(live.state_dict()))
    if found := difference(ask(live), ask(restored)):
        raise Failed(
            "the same from an instance with the state of one that was used",
            found,
            "keep what changes as tensors in state_dict; the easiest is an nn.Module with buffers",
        )


def as_saved(state: Any) -> Any:
    """Return a state as a checkpoint gives it back: written by torch, read without any code."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    try:
        return torch.load(file, weights_only=True)
    except Exception as error:
        raise Failed(
            "a state of tensors, numbers, text, lists and mappings",
            "one that torch.load refuses with weights_only=True",
            "put nothing else into state_dict",
        ) from error


CAPABILITY = "graph-safe"

READS = {
    "_local_scalar_dense": "the value of a tensor (item(), float(t), if t: …)",
    "nonzero": "a shape that depends on values (nonzero, where(t))",
    "masked_select": "a shape that depends on values (masked_select)",
    "_unique2": "a shape that depends on values (unique)",
    "repeat_interleave": "a shape that depends on values (repeat_interleave)",
}
"""Operations whose result the host has to wait for, and how they come about."""


class HostReads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes what inside has to be known on the host before it can go on."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.overloadpacket._qualified_op_name.partition("::")[2]
        if name in READS:
            self.found.append(READS[name])
        if name == "index" and any(_is_mask(each) for each in args[1]):
            self.found.append("a shape that depends on values (x[mask])")
        return function(*args, **(kwargs or {}))


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8)


def require_declared(case: Case) -> None:
    """Raise `Exempt` for a component that does not say that it is graph-safe."""
    if CAPABILITY not in case.capabilities:
        raise Exempt(f"does not declare {CAPABILITY}")


@contextmanager
def captured() -> Iterator[None]:
    """Fail if what is done inside cannot be recorded once for all values."""
    with HostReads() as reads:
        yield
    if reads.found:
        raise Failed(
            f"nothing to wait for, for it declares {CAPABILITY}",
            f"a need of {reads.found[0]}",
            f"compute with tensors alone, such as torch.where, or leave {CAPABILITY} out",
        )
