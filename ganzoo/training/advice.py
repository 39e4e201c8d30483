"""Commands that a run in trouble offers: the same experiment, with what most often helps."""

from __future__ import annotations

from collections.abc import Sequence

from ganzoo.components.build import build
from ganzoo.components.fit import against_micro_batches
from ganzoo.components.plan import Plan
from ganzoo.errors import GanzooError, says_no_memory
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.references import command


def anew(directory: RunDirectory, *overrides: str) -> str:
    """Return the command of a run's experiment with these overrides."""
    plugin = directory.path / "plugin.py"
    local = ("--plugin", plugin) if plugin.is_file() else ()
    return command("run", directory.lock_file, *overrides, *local)


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
    return anew(directory, *(halved or ["train.clip_grad_norm=1"]))


def smaller(plan: Plan, world_size: int) -> str | None:
    """Return the override that halves what one process computes at once, or None.

    It is a micro-batch, which trains alike; of a recipe that may have none, a batch of half the
    size, which does not.
    """
    train = plan.recipe.settings.train
    share = train.batch_size // world_size
    at_once = min(train.micro_batch or share, share)
    sizes = [size for size in range(1, at_once // 2 + 1) if train.batch_size % size == 0]
    if not sizes:
        return None
    if _may_have_micro_batches(plan):
        return f"train.micro_batch={sizes[-1]}"
    return f"train.batch_size={share // 2 * world_size}"


def _may_have_micro_batches(plan: Plan) -> bool:
    if plan.recipe.settings.train.micro_batch:
        return True
    try:
        return next(against_micro_batches(plan, build(plan)), None) is None
    except GanzooError:
        return False
    except Exception as error:
        if says_no_memory(error):  # its networks alone do not fit
            return False
        raise
