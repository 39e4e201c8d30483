"""Named places where a test can make a fault happen: a run killed exactly there, a full disk.

``GANZOO_FAULT=point:action[:n]`` makes the n-th hit of a point (from 1, which is the default;
``*``: every hit) do the action. Without the variable a hit costs one look at the environment.

=======  ===========================================================
action   what happens at the point
=======  ===========================================================
kill     SIGKILL to this process
sigterm  SIGTERM to this process
raise    `InjectedFault`
enospc   OSError with errno ENOSPC, as from a write to a full disk
sleep    nothing for a while, in which others meet what is there
=======  ===========================================================
"""

import errno
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping

from ganzoo.errors import UsageError

VARIABLE = "GANZOO_FAULT"
ACTIONS = ("kill", "sigterm", "raise", "enospc", "sleep")
SLEEP_SECONDS = 0.2

POINTS: dict[str, str] = {}
"""Name of a point → where in the work it stands. Filled by `declare` as modules are imported."""

_hits: Counter[str] = Counter()


class InjectedFault(RuntimeError):
    """What the action ``raise`` raises."""


def declare(points: Mapping[str, str]) -> None:
    """Add points to `POINTS`; every module declares those that it hits."""
    POINTS.update(points)


def hit(point: str) -> None:
    """Let the fault that GANZOO_FAULT asks for at `point` happen, if it asks for one.

    Raises:
        KeyError: the point was never declared.
        UsageError: GANZOO_FAULT asks for an action that does not exist.
        InjectedFault, OSError: as asked for.
    """
    if point not in POINTS:
        raise KeyError(point)
    target, _, rest = os.environ.get(VARIABLE, "").partition(":")
    if target != point:
        return
    action, _, turn = rest.partition(":")
    _hits[point] += 1
    if (turn or "1") in ("*", str(_hits[point])):
        _act(point, action)


def _act(point: str, action: str) -> None:
    if action == "raise":
        raise InjectedFault(f"injected at {point}")
    if action == "enospc":
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} (injected at {point})")
    if action not in ACTIONS:
        raise UsageError(f"{VARIABLE}: no action {action!r}", hint=f"one of: {', '.join(ACTIONS)}")
    if action == "sleep":
        time.sleep(SLEEP_SECONDS)
        return
    os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGTERM)
