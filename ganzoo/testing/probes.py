"""Probes that several checks share: compare outputs, restore a state, detect host reads."""

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
from ganzoo.training.graphs import CAPABILITY

ROUNDING = 1e-4
"""Tolerance of comparisons that are not promised to the bit, relative to the largest value."""

Outputs = Mapping[str, Tensor]
"""Tensors by the name that a message shows: ``samples``, ``logits``, ``features[0]``."""


def difference(before: Outputs, after: Outputs, tolerance: float = 0.0) -> str | None:
    """Return a description of how two outputs differ; None if they agree.

    NaN equals NaN, and infinity equals itself: another check refuses both.

    Args:
        tolerance: allowed difference, relative to the largest magnitude in either output.
    """
    if before.keys() != after.keys():
        return f"{', '.join(after)} instead of {', '.join(before)}"
    for name, old in before.items():
        new = after[name]
        if old.shape != new.shape:
            return f"{name} of shape {shape(new)} instead of {shape(old)}"
        old, new = old.detach().double(), new.detach().double()
        scale = max(_largest(old), _largest(new))
        if not torch.allclose(old, new, rtol=0, atol=tolerance * scale, equal_nan=True):
            return f"a difference of up to {_largest(old - new):.3g} in {name}"
    return None


def require_same(
    before: Outputs, after: Outputs, expected: str, advice: str, tolerance: float = 0.0
) -> None:
    """Raise `Failed`, with the difference, unless two outputs agree; see `difference`."""
    if found := difference(before, after, tolerance):
        raise Failed(expected, found, advice)


def require_finite(name: str, values: Tensor, advice: str) -> None:
    """Raise `Failed` if any value is NaN or infinite."""
    if count := int((~values.isfinite()).sum()):
        raise Failed(f"finite {name}", f"{count} of {values.numel()} that are not", advice)


def require_float32(what: str, found: Any, wanted: tuple[int, ...], advice: str) -> None:
    """Raise `Failed` unless a value is a float32 tensor of the wanted shape."""
    tensor = isinstance(found, Tensor)
    if not tensor or tuple(found.shape) != wanted or found.dtype != torch.float32:
        expected = f"float32 {what} of shape {'x'.join(map(str, wanted))}"
        raise Failed(expected, form_of(found), advice)


def form_of(value: Any) -> str:
    """Return the dtype and shape of a tensor in words, or else the type of a value."""
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    return f"{str(value.dtype).removeprefix('torch.')} of shape {shape(value)}"


def shape(t: Tensor) -> str:
    """Return a shape in words: ``4x3x32x32``."""
    return "x".join(map(str, t.shape)) or "a single number"


def _largest(t: Tensor) -> float:
    return t.nan_to_num(0, 0, 0).abs().max().item() if t.numel() else 0.0


def check_resumes(case: Case, use: Callable[[Any], None], ask: Callable[[Any], Outputs]) -> None:
    """Check that a new instance with the state of a used one gives the same outputs.

    Args:
        use: changes the state of an instance.
        ask: returns outputs that depend on the state.

    Raises:
        Failed: the outputs differ, or the state cannot be saved and loaded.
    """
    live, restored = case.make(), case.make()
    use(live)
    if hasattr(live, "state_dict"):
        restored.load_state_dict(as_saved(live.state_dict()))
    expected = "the same outputs from a new instance with the state of a used one"
    advice = "keep what changes as tensors in state_dict, for example as buffers of an nn.Module"
    require_same(ask(live), ask(restored), expected, advice)


def as_saved(state: Any) -> Any:
    """Return a state after a checkpoint: saved by torch, loaded with ``weights_only=True``."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    try:
        return torch.load(file, weights_only=True)
    except Exception as error:
        raise Failed(
            "a state of tensors, numbers, text, lists and mappings",
            "one that torch.load(…, weights_only=True) refuses",
            "put nothing else into state_dict",
        ) from error


READS = {
    "_local_scalar_dense": "the value of a tensor (item(), float(t), if t: …)",
    "nonzero": "a shape that depends on values (nonzero, where(t))",
    "masked_select": "a shape that depends on values (masked_select)",
    "_unique2": "a shape that depends on values (unique)",
    "repeat_interleave": "a shape that depends on values (repeat_interleave)",
}
"""Operation → what makes the host wait for its result."""


class HostReads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the operations in the block that make the host wait for the device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.overloadpacket._qualified_op_name.partition("::")[2]
        if name in READS:
            self.found.append(READS[name])
        masks = (torch.bool, torch.uint8)
        if name == "index" and any(isinstance(i, Tensor) and i.dtype in masks for i in args[1]):
            self.found.append("a shape that depends on values (x[mask])")
        return function(*args, **(kwargs or {}))


def require_declared(case: Case) -> None:
    """Raise `Exempt` for a component that does not declare ``graph-safe``."""
    if CAPABILITY not in case.capabilities:
        raise Exempt(f"does not declare {CAPABILITY}")


@contextmanager
def captured() -> Iterator[None]:
    """Fail if the block could not be captured as a CUDA graph.

    A CPU has no graphs; the block is searched for the operations that would break one.
    """
    with HostReads() as reads:
        yield
    if reads.found:
        raise Failed(
            f"no wait for the device, as it declares {CAPABILITY}",
            f"an operation that needs {reads.found[0]}",
            f"use tensor operations such as torch.where, or do not declare {CAPABILITY}",
        )
