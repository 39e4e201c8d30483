"""The check of ``graph-safe``: it can be recorded once, and played again with other values.

A CPU has no graphs; what would break one is found by watching what torch is asked to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ganzoo.testing.checks import Exempt, Failed
from ganzoo.testing.component import Case

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
