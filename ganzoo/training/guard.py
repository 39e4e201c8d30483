"""The device's own memory of the first update that was not finite."""

from __future__ import annotations

import torch
from torch import Tensor

NONE = -1


class Guard:
    """Lets updates through until one is not finite, and none after it, without asking the host.

    Reading a number from a GPU makes it wait for the host, so that is done once in a while
    (`first`). Until then weights stay as they were before the accident. Both players share a guard.
    """

    def __init__(self, device: torch.device) -> None:
        self._seen = torch.tensor(0, dtype=torch.int64, device=device)
        self._first = torch.tensor(NONE, dtype=torch.int64, device=device)

    def let(self, fine: Tensor) -> Tensor:
        """Count an update; return whether it may be made.

        Args:
            fine: bool (), on the device.

        Returns:
            bool (), on the device.
        """
        is_first = (self._first == NONE) & ~fine
        self._first.copy_(torch.where(is_first, self._seen, self._first))
        self._seen.add_(1)
        return self._first == NONE

    def first(self) -> int | None:
        """Return which update since `reset` was not finite, counted from 0; None if all were.

        The host waits for the device here.
        """
        found = int(self._first)
        return None if found == NONE else found

    def reset(self) -> None:
        """Count from 0 again, and let updates through."""
        self._seen.zero_()
        self._first.fill_(NONE)
