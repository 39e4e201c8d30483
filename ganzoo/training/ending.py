"""How a run ends early: by a signal, a time limit or a failure, and which commands help."""

from __future__ import annotations

import os
import re
import shlex
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import current_thread, main_thread
from traceback import format_exception, walk_tb
from types import FrameType

from torch.utils.data import dataloader

from ganzoo.components.build import Components, build
from ganzoo.components.fit import against_micro_batches, fit, fit_plan
from ganzoo.components.plan import Plan
from ganzoo.components.planner import plan_components
from ganzoo.errors import (
    CheckpointError,
    Collapsed,
    DataError,
    DeviceError,
    GanzooError,
    Interrupted,
    OutOfMemory,
    PluginError,
    Unfinished,
    culprit,
    out_of_memory,
    says_no_memory,
    stop_signals,
)
from ganzoo.recipes.load import Recipe
from ganzoo.registry.names import DEFAULT_NAMESPACE, LOCAL_NAMESPACE, namespace_of
from ganzoo.runs.checkpoints import CheckpointStore
from ganzoo.runs.directory import RunDirectory
from ganzoo.runs.files import file_error
from ganzoo.runs.references import command, reference_to
from ganzoo.training.callbacks import Reporters
from ganzoo.training.networks import RequiredGradients
from ganzoo.training.processes import PeerGone, Processes, stay_in_group

_WORKER_GONE = re.compile(r"DataLoader worker \(pid.*\) (is killed|exited unexpectedly)")
"""torch's message, raised anywhere in a run, about a data worker killed from outside."""


# --- signals and the time limit ---


class StopAsked(GanzooError):
    """Work that can be repeated was left because the run should stop."""


@dataclass
class StopFlag:
    """Whether the run should stop, and why. A second signal ends the process at once.

    Args:
        max_seconds: time limit of the run; None: no limit.
        started: start of the limit, by `time.monotonic`.
    """

    max_seconds: float | None = None
    received: int | None = None
    started: float = field(default_factory=time.monotonic)
    _raises: bool = False

    @property
    def reason(self) -> str | None:
        """The name of a signal, ``time limit``, or None to continue."""
        if self.received is not None:
            return signal.Signals(self.received).name
        if self.max_seconds is not None and time.monotonic() - self.started >= self.max_seconds:
            return "time limit"
        return None

    def receive(self, number: int, frame: FrameType | None = None) -> None:
        """Handle a signal."""
        if self.received is not None:
            os._exit(128 + number)
        self.received = number
        if self._raises:
            self.check()

    def check(self) -> None:
        """Raise StopAsked if the run should stop: for loops in which nothing needs saving."""
        if self.reason is not None:
            raise StopAsked(f"stopped by {self.reason}")

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside, raise StopAsked at the moment of a signal: for one long read.

        Nothing may be written inside. The time limit is not checked, so that a run with however
        short a limit advances by a step.
        """
        if self.received is not None:
            self.check()
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    def error(self, run: str, step: int) -> GanzooError:
        """Return the error that ends the command after the state, if there is any, was saved."""
        saved = f"at step {step}, state saved" if step else "before the first step"
        message = f"stopped by {self.reason or 'another rank'} {saved}"
        hint = f"ganzoo resume {run}"
        if self.received in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            return Interrupted(message, exit_code=128 + int(self.received), hint=hint)
        return Unfinished(message, hint=hint)


@contextmanager
def stop_flag(max_seconds: float | None = None, started: float | None = None) -> Iterator[StopFlag]:
    """Catch `stop_signals` in a flag inside; outside a main thread catch nothing.

    Args:
        max_seconds, started: as for `StopFlag`; None: no limit, and from now on.
    """
    flag = StopFlag(max_seconds, started=time.monotonic() if started is None else started)
    try:
        before = {number: signal.signal(number, flag.receive) for number in stop_signals()}
    except ValueError:
        yield flag
        return
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- failures ---


@contextmanager
def recorded_failures(
    plan: Plan, directory: RunDirectory, processes: Processes, reporters: Reporters
) -> Iterator[None]:
    """Record how a run fails, and raise it as an error of `ganzoo.errors` where it is one.

    An interrupted run is not recorded: its lock is gone. Of several processes each records its own
    failure; those that fail because another has ended record nothing. Of a directory that was
    deleted or renamed only that is said.

    Raises:
        PeerGone: another process has ended.
        GanzooError: as it was, or in place of an error about files or memory.
    """
    try:
        try:
            with processes.peers():
                yield
        except (OSError, CheckpointError) as error:
            directory.follow()
            if directory.renamed:
                raise renamed(directory) from error
            raise
    except GanzooError as error:
        advise_repair(error, plan, directory)
        interrupted = error.exit_code in (75, 129, 130, 143)
        if not interrupted and not isinstance(error, PeerGone):
            _record(directory, processes, error.message, error.exit_code)
        reporters.notify("finished", "interrupted" if interrupted else "failed")
        raise
    except Exception as error:
        if current_thread() is main_thread() and hasattr(signal, "SIGCHLD"):
            # torch's handler raises at any place when a second reader is found to have ended.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        reporters.notify("finished", "failed")
        if says_no_memory(error):
            _record(directory, processes, str(error), OutOfMemory.exit_code)
            override = hint_smaller_batch(plan, processes.world_size)
            hint = rerun_command(directory, override) if override else None
            raise out_of_memory(error, hint) from error
        if _reader_gone(error):
            _record(directory, processes, str(error), DeviceError.exit_code)
            raise DeviceError(
                f"a process that reads the data was ended from outside: {str(error).strip()}",
                hint=command("resume", reference_to(directory.path)),
            ) from error
        resume = command("resume", reference_to(directory.path))
        failed = file_error(error, hint=f"{resume}   # once this is mended")
        code = failed.exit_code if failed else GanzooError.exit_code
        _record(directory, processes, f"{type(error).__name__}: {error}", code)
        log = directory.log_file
        if not processes.is_main:
            log = log.with_stem(f"{log.stem}-rank{processes.rank}")
        with suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.writelines(format_exception(error))
        if failed:
            raise failed from error
        advise_repair(error, plan, directory)
        raise


def _reader_gone(error: Exception) -> bool:
    """Return whether torch's loader noticed that one of its processes has ended.

    While it hands over a batch, that is a broken connection.
    """
    if isinstance(error, RuntimeError):
        return bool(_WORKER_GONE.match(str(error)))
    frames = (frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__))
    return isinstance(error, ConnectionError | EOFError) and dataloader.__file__ in frames


def renamed(directory: RunDirectory) -> GanzooError:
    """Return the error of a run whose directory was renamed while it was training."""
    steps = CheckpointStore(directory.checkpoints_directory).steps()
    state = f"its newest checkpoint is of step {steps[-1]}" if steps else "it has no checkpoint yet"
    return Unfinished(
        f"{directory.renamed} was renamed to {directory.path} while its run was training; {state}",
        hint=command("resume", reference_to(directory.path)),
    )


def _record(directory: RunDirectory, processes: Processes, what: str, exit_code: int) -> None:
    """Append the event ``failed``, unless the disk is full, which may be the failure itself."""
    stay_in_group()
    rank = {"rank": processes.rank} if processes.world_size > 1 else {}
    with suppress(OSError):
        directory.append_event("failed", error=what, exit_code=exit_code, **rank)


def require_not_collapsed(directory: RunDirectory) -> None:
    """Raise Collapsed if a run has ended because its samples collapsed."""
    last = directory.events()[-1:]
    if last and last[0].get("event") == "finished" and last[0].get("how") == "collapsed":
        again = [each for each in directory.events() if each.get("event") == "collapsed"]
        raise Collapsed(
            f"the samples have collapsed: the run ended at step {last[0].get('step')}, state saved "
            "(train.on_collapse: stop)",
            hint=str(again[-1].get("hint")) if again and again[-1].get("hint") else None,
        )


# --- commands that help ---


def rerun_command(directory: RunDirectory, *overrides: str) -> str:
    """Return the command that runs a run's experiment again with these overrides."""
    plugin = directory.plugin_file
    local = ("--plugin", plugin) if plugin.is_file() else ()
    return command("run", directory.lock_file, *overrides, *local)


def advise_repair(error: Exception, plan: Plan, directory: RunDirectory) -> None:
    """Add how the run continues to a failure of a plugin or of data: a hint, or a note."""
    if isinstance(error, PluginError):
        error.hint = error.hint or hint_after_repair(plan, directory)
    elif isinstance(error, DataError):
        resume = command("resume", reference_to(directory.path))
        error.hint = error.hint or f"{resume}   # once the data can be read"
    elif not isinstance(error, GanzooError):
        found = culprit(error)
        if found and found[0] != DEFAULT_NAMESPACE:
            error.add_note(f"try: {hint_after_repair(plan, directory)}")


def hint_after_repair(plan: Plan, directory: RunDirectory) -> str:
    """Return the command that continues a run once the plugin that failed is repaired."""
    resume, file = command("resume", reference_to(directory.path)), plan.registry.local_file
    ids = (component.id for component in plan.components.values())
    if file is None or LOCAL_NAMESPACE not in map(namespace_of, ids):
        return f"{resume}   # once the plugin is repaired"
    if file == directory.plugin_file.resolve():
        return f"{resume} --plugin FILE   # a repaired copy of {directory.plugin_file}"
    return f"{resume} --plugin {shlex.quote(os.path.relpath(file))}   # once it is repaired"


def hint_lower_lr(plan: Plan, directory: RunDirectory, roles: Sequence[str]) -> str:
    """Return the command of the same experiment with half the learning rates of these players.

    It clips gradients, to half the norm if the recipe clips already, where no optimizer has one.
    """
    rates = {role: plan.components["optimizers", role].plain.get("lr") for role in roles}
    halved = [
        f"optimizers.{role}.lr={rate / 2:g}"
        for role, rate in rates.items()
        if isinstance(rate, int | float)
    ]
    norm = (plan.recipe.settings.train.clip_grad_norm or 2) / 2
    return rerun_command(directory, *(halved or [f"train.clip_grad_norm={norm:g}"]))


def hint_against_collapse(plan: Plan, directory: RunDirectory, parts: Components) -> str:
    """Return the command of the same experiment with one change that it lacks, and what that is.

    Args:
        parts: the live components of the run.
    """
    for override, what in _against_collapse(plan, parts):
        if _fits(plan, directory, override):
            return f"{rerun_command(directory, override)}   # {what}"
    return f"{hint_lower_lr(plan, directory, ('generator',))}   # a slower G"


def _against_collapse(plan: Plan, parts: Components) -> Iterator[tuple[str, str]]:
    """Yield an override that the recipe does not have, and what it does; the best known first."""
    if plan.recipe.settings.train.discriminator_steps == 0:
        yield "train.discriminator_steps=1", "D is never trained in this recipe"
    if not RequiredGradients.by(parts.game_parts()).penalised:
        yield "regularizers.r1.gamma=1", "R1, a gradient penalty for D"
    if plan.components["discriminator",].plain.get("spectral_norm") is False:
        yield "discriminator.spectral_norm=true", "spectral norm in D"


def _fits(plan: Plan, directory: RunDirectory, override: str) -> bool:
    """Return whether the plan with an override passes the checks that need no data."""
    try:
        recipe = Recipe.load(directory.lock_file, [override], plan.registry)
        components, _ = plan_components(recipe, plan.registry)
        fit_plan(recipe, components, plan.dataset)
        changed = replace(plan, recipe=recipe, components=components)
        fit(changed, build(changed))
    except GanzooError:
        return False
    return True


def hint_smaller_batch(plan: Plan, world_size: int) -> str | None:
    """Return the override that halves what one process computes at once, or None.

    It is a micro-batch, which trains alike. A recipe that allows none gets half the batch size,
    which does not.
    """
    train = plan.recipe.settings.train
    share, multiple = train.batch_size // world_size, plan.batch_multiple
    at_once = min(train.micro_batch or share, share)
    smaller = range(multiple, at_once // 2 + 1, multiple)
    sizes = [size for size in smaller if train.batch_size % size == 0]
    if not sizes:
        return None
    if _allows_micro_batches(plan):
        return f"train.micro_batch={sizes[-1]}"
    return f"train.batch_size={share // 2 // multiple * multiple * world_size}"


def _allows_micro_batches(plan: Plan) -> bool:
    if plan.recipe.settings.train.micro_batch:
        return True
    try:
        return next(against_micro_batches(plan, build(plan)), None) is None
    except GanzooError:
        return False
    except Exception as error:
        if says_no_memory(error):  # the networks alone do not fit
            return False
        raise
