"""Counts the floating-point operations of whatever runs inside, real or on fake tensors."""

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class FlopCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up matrix products and convolutions by torch's own formulas.

    Unlike `torch.utils.flop_counter.FlopCounterMode` it keeps no track of modules, whose hooks do
    not survive `torch.autograd.grad`, and so it can count gradient penalties.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0.0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if formula := flop_registry.get(function.overloadpacket):
            self.total += formula(*args, **(kwargs or {}), out_val=result)
        return result
