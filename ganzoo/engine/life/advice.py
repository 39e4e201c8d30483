"""Commands that a run in trouble offers: the same experiment, with what most often helps."""

from __future__ import annotations

from collections.abc import Sequence

from ganzoo.build.plan import Plan
from ganzoo.runs.commands import command
from ganzoo.runs.directory import RunDirectory


def more_slowly(plan: Plan, directory: RunDirectory, roles: Sequence[str]) -> str:
    """Return the command of the same experiment with half the learning rates of these players.

    With short gradients, where no optimizer has a learning rate.
    """
    rates = {role: plan.components["optimizers", role].plain.get("lr") for role in roles}
    halved = [
        f"optimizers.{role}.lr={rate / 2:g}"
        for role, rate in rates.items()
        if isinstance(rate, int | float)
    ]
    plugin = directory.path / "plugin.py"
    local = ("--plugin", plugin) if plugin.is_file() else ()
    return command("run", directory.lock_file, *(halved or ["train.clip_grad_norm=1"]), *local)
