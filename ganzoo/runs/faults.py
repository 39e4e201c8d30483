"""Fault injection: tests kill a run, or fill its disk, at a named point of the code.

The code that writes checkpoints and run.json calls `hit` where a crash would do most harm; the
reliability tests crash a run at every point and check that nothing is lost.

``GANZOO_FAULT=point:action[:n]`` runs the action at the n-th hit of the point (default 1; ``*``:
every hit). Without the variable, a hit costs one look-up of an environment variable.

=======  ===========================================================
action   what happens at the point
=======  ===========================================================
kill     SIGKILL to this process
sigterm  SIGTERM to this process
raise    `InjectedFault`
enospc   OSError with errno ENOSPC, as from a write to a full disk
sleep    wait `SLEEP_SECONDS`, so that another process meets the files as they are
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
"""Name of a point → what has happened there. Modules fill it with `declare` when imported."""

_hits: Counter[str] = Counter()


class InjectedFault(RuntimeError):
    """Raised by the action ``raise``."""


def declare(points: Mapping[str, str]) -> None:
    """Add points to `POINTS`; a module declares the points that it hits."""
    POINTS.update(points)


def hit(point: str) -> None:
    """Inject the fault that GANZOO_FAULT requests at `point`, if any.

    Raises:
        KeyError: the point was never declared.
        UsageError: GANZOO_FAULT names an unknown action.
        InjectedFault, OSError: the requested fault.
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
        raise UsageError(
            f"{VARIABLE}: unknown action {action!r}", hint=f"one of: {', '.join(ACTIONS)}"
        )
    if action == "sleep":
        time.sleep(SLEEP_SECONDS)
        return
    os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGTERM)
