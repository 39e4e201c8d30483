"""From a plan to a live training step: networks, optimizers, data, noise, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganzoo.components.build import (
    Components,
    batch_multiple,
    build,
    contract_error,
    make,
    reference_of,
)
from ganzoo.components.fit import ROLES
from ganzoo.components.groups import WrongGroups, apply_settings, parameter_groups
from ganzoo.components.plan import NETWORKS, Plan, initial_paths
from ganzoo.components.weights import read_network
from ganzoo.errors import CheckpointError, DeviceError, Findings, RecipeError
from ganzoo.registry.loading import info_command
from ganzoo.runs.checkpoints import Checkpoint, CheckpointStore
from ganzoo.runs.directory import INFO, RunDirectory
from ganzoo.sampling.random_streams import RandomStreams, Rows
from ganzoo.sampling.sampler import ConditionSampler, LabelSampler, condition_counts
from ganzoo.sampling.settings import SamplingSettings
from ganzoo.training.batch_norm import sync_batch_norm
from ganzoo.training.checkpointing import newest_whole, read_state
from ganzoo.training.ema import Ema, averaged_and_copied
from ganzoo.training.execution import (
    AUTOCAST,
    keep_freed_memory,
    require_compiler,
    resolve_channels_last,
)
from ganzoo.training.feed import DataFeed, workers_for
from ganzoo.training.graphs import CudaRecorder, Graphs, obstacles
from ganzoo.training.player import Guard, LossScale, Player, supports_found_inf
from ganzoo.training.processes import Processes
from ganzoo.training.schedules import Knob, knobs
from ganzoo.training.step import GanStep
from ganzoo.training.update import StepConfig

Parameters = Mapping[str, nn.Parameter]
"""A player's trained parameters by name; see `Components.trained`."""


def require_fit(plan: Plan, processes: Processes) -> None:
    """Check that these processes can train a recipe, before anything is written.

    Raises:
        DeviceError: the processes cannot share the batch evenly, or not in multiples of D's
            `batch_multiple`; there is no compiler for ``train.compile``, or batch norm over
            processes would have to be compiled.
    """
    train = plan.recipe.settings.train
    count = _rows(train.batch_size, processes).count
    if count % plan.batch_multiple:
        unit = plan.batch_multiple * processes.world_size
        raise DeviceError(
            f"the discriminator judges {plan.batch_multiple} samples together, and each of "
            f"{processes.world_size} processes has {count}",
            hint=f"train.batch_size={-(-train.batch_size // unit) * unit}",
        )
    if train.compile is True:
        require_compiler(processes.device)
    if train.compile is True and train.batch_norm == "synced" and processes.world_size > 1:
        raise DeviceError(
            "train.compile does not reach over processes, which train.batch_norm: synced does",
            hint="train.compile=false",
        )


def make_step(plan: Plan, processes: Processes, checkpoint: Checkpoint | None = None) -> GanStep:
    """Return the step of a run, new or restored from a checkpoint.

    Raises:
        DeviceError: as `require_fit`.
        CheckpointError: the checkpoint, or a file of initial weights, does not fit the networks.
    """
    settings, train = plan.recipe.settings, plan.recipe.settings.train
    if processes.device.type == "cpu":
        keep_freed_memory()
    parts = build(plan)
    # A resumed run had no dry run to ask D.
    require_fit(replace(plan, batch_multiple=batch_multiple(parts.discriminator)), processes)
    channels_last = resolve_channels_last(train.memory_format, plan.spec)
    _place(parts, processes, channels_last)
    if train.batch_norm == "synced" and processes.world_size > 1:
        for network in parts.modules.values():
            sync_batch_norm(network)
    if checkpoint is None:
        _load_initial_weights(plan, parts)
    parameters = parts.trained()
    optimizers = make_optimizers(plan, parameters)
    guard = _guard(train, optimizers, processes)
    players = {
        role: Player(
            role,
            named,
            optimizers[role],
            train.clip_grad_norm,
            processes.world_size,
            scale=LossScale(processes.device) if train.precision == "fp16" else None,
            guard=guard,
        )
        for role, named in parameters.items()
    }
    ema = None
    if train.ema:
        check_averages(plan, parts)
        about = train.ema.half_life_samples, train.ema.ramp_up
        ema = Ema(parts.generator, *about, parts.latent_module)
    config = StepConfig(
        batch_size=train.batch_size,
        micro_batch=train.micro_batch,
        discriminator_steps=train.discriminator_steps,
        generator_steps=train.generator_steps,
        skip_nonfinite=train.on_nonfinite == "skip",
        autocast=AUTOCAST.get(train.precision),
        channels_last=channels_last,
        compile=train.compile is True,
    )
    step = GanStep(
        parts=parts,
        config=config,
        feed=_feed(plan, processes),
        noise=RandomStreams(settings.seed),
        processes=processes,
        players=players,
        ema=ema,
        label_sampler=_label_sampler(plan),
        sampling=SamplingSettings.of(plan.recipe, plan.components, parts.generator),
        schedules=make_run_schedules(plan, parts, optimizers, list(players.values()), ema),
        guard=guard,
        graphs=_graphs(plan, parts, optimizers, guard, processes),
    )
    if checkpoint is not None:
        read_state(step, checkpoint.path)
    return step


def _label_sampler(plan: Plan) -> LabelSampler | ConditionSampler | None:
    """Return the distribution of labels or conditions of generated samples, if they have any."""
    if not plan.recipe.settings.conditional:
        return None
    if plan.spec.condition:
        return ConditionSampler(partial(reference_of, plan), condition_counts(plan.dataset))
    return LabelSampler.of(plan.recipe.settings.labels, plan.dataset)


def _rows(batch_size: int, processes: Processes) -> Rows:
    """Return this process's share of the global batch."""
    world_size = processes.world_size
    if batch_size % world_size:
        fitting = -(-batch_size // world_size) * world_size
        raise DeviceError(
            f"a batch of {batch_size} cannot be shared by {world_size} processes",
            hint=f"train.batch_size={fitting}",
        )
    count = batch_size // world_size
    return Rows(processes.rank * count, count)


def _place(parts: Components, processes: Processes, channels_last: bool) -> None:
    """Move networks and stateful modules to the device."""
    for network in parts.networks.values():
        network.to(processes.device)
        if channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for part in (parts.latent, *parts.stateful().values()):
        if isinstance(part, nn.Module):
            part.to(processes.device)


def _load_initial_weights(plan: Plan, parts: Components) -> None:
    """Load the weights that ``init.generator`` and ``init.discriminator`` name: a run or a file.

    A latent that learns takes those of the run that G starts from, if its latent learned too.

    Raises:
        CheckpointError: there are none, or they are of another network.
    """
    for role, path in initial_paths(plan.recipe).items():
        try:
            for part, file in _weights_files(role, path).items():
                if part in parts.modules:
                    read_network(parts.modules[part], file)
        except CheckpointError as error:
            problem = plan.recipe.problem(("init", role), error.message)
            raise CheckpointError(str(problem), hint=error.hint or "ganzoo ls") from error


def _weights_files(role: str, source: Path) -> dict[str, Path]:
    """Return the files of a player's weights by part: G's of a run may have a latent beside them.

    Of a run they are the newest, and the averages, if there are any.
    """
    if not (source / INFO).is_file():
        return {role: source}
    checkpoint = newest_whole(CheckpointStore(RunDirectory(source).checkpoints_directory))
    saved = checkpoint.manifest["files"]
    names = {role: f"{role}.safetensors"}
    if role == "generator":
        averaged = "ema.safetensors" in saved
        names = {role: "ema.safetensors"} if averaged else names
        latent = "latent_ema.safetensors" if averaged else "latent.safetensors"
        names |= {"latent": latent} if latent in saved else {}
    return {part: checkpoint.file(name) for part, name in names.items()}


def _feed(plan: Plan, processes: Processes) -> DataFeed:
    settings = plan.recipe.settings
    return DataFeed(
        plan.dataset,
        seed=settings.seed,
        rows=_rows(settings.train.batch_size, processes),
        batch_size=settings.train.batch_size,
        position=0,
        device=processes.device,
        in_memory=plan.data == "memory",
        with_labels=settings.conditional,
        players=("discriminator",) * settings.train.discriminator_steps
        + ("generator",) * settings.train.generator_steps,
        workers=workers_for(settings.train.workers, processes.world_size),
    )


def _guard(train: Any, optimizers: Mapping[str, Optimizer], processes: Processes) -> Guard | None:
    """Return a guard on a GPU, unless an optimizer or the recipe needs the host to decide."""
    on_gpu = processes.device.type == "cuda"
    supported = all(map(supports_found_inf, optimizers.values()))
    needs_host = train.on_nonfinite == "skip"
    return Guard(processes.device) if on_gpu and supported and not needs_host else None


def _graphs(
    plan: Plan,
    parts: Components,
    optimizers: Mapping[str, Optimizer],
    guard: Guard | None,
    processes: Processes,
) -> Graphs | None:
    """Return what captures updates: on one GPU, if the recipe allows it."""
    settings = plan.recipe.settings
    if guard is None or processes.world_size > 1 or settings.train.cuda_graphs is False:
        return None
    captured = not obstacles(settings, parts, optimizers)
    return Graphs(CudaRecorder(processes.device)) if captured else None


# --- optimizers, averages and schedules ---


def make_optimizers(plan: Plan, parameters: Mapping[str, Parameters]) -> dict[str, Optimizer]:
    """Return both players' optimizers over their parameters, by role.

    Raises:
        RecipeError: parameter groups that do not fit the networks or the optimizers.
    """
    findings, made = Findings(), {}
    for role, each in parameters.items():
        place, component = ("optimizers", role, "groups"), plan.components["optimizers", role]
        try:
            written = getattr(plan.recipe.settings.optimizers, role).groups
            groups = parameter_groups(each, written, role)
            made[role] = make(component, [{"params": group.parameters} for group in groups])
            apply_settings(groups, made[role])
        except WrongGroups as wrong:
            for path, what in wrong.found:
                findings.add(plan.recipe.problem((*place, *path), what))
        except ValueError as error:
            findings.add(plan.recipe.problem(place, f"{component.id} {error}"))
    findings.raise_any()
    return made


def check_averages(plan: Plan, parts: Components) -> None:
    """Raise PluginError if `averaged` or `copied` of G or of the latent is wrong."""
    for role in ("generator", "latent"):
        component = plan.components[role,]
        try:
            if role in parts.modules:
                averaged_and_copied(parts.modules[role])
        except ValueError as error:
            raise contract_error(component, f"{component.id}: {error}") from error


def make_run_schedules(
    plan: Plan,
    parts: Components,
    optimizers: dict[str, Optimizer],
    players: Sequence[Player] = (),
    ema: Ema | None = None,
) -> list[Knob]:
    """Return the recipe's schedules over live components, players and G's average.

    Raises:
        RecipeError: a component does not keep the scheduled number.
    """
    owners: dict[str, list[Any]] = {role: [getattr(parts, role)] for role in (*ROLES, "loss")}
    if parts.augmentation is not None:
        owners["augmentation"] = [parts.augmentation]
    for slot in parts.regularizers:
        owners[f"regularizers.{slot.name}"] = [slot.component, slot]
    settings = {"train": players, "train.ema": [ema] if ema else []}
    averages = {"generator": ema.module, "latent": ema.latent} if ema else {}
    copies = {role: [each] for role, each in averages.items() if each is not None}
    scheduled = plan.group("schedules")
    made: list[Knob] = []
    for path, component in scheduled.items():
        schedule = make(component)
        owner, _, name = path.rpartition(".")
        part = plan.components.get(tuple(owner.split(".")))
        given = part.plain.get(name) if part else None
        try:
            made += knobs(path, schedule, optimizers, owners, scheduled, settings, given, copies)
        except ValueError as error:
            raise RecipeError(
                [component.problem(str(error))],
                hint=info_command(part.registration) if part else None,
            ) from error
        fixed = owner in NETWORKS and not isinstance(getattr(owners[owner][0], name), Tensor)
        if fixed and plan.recipe.settings.train.compile is True:
            what = f"{path} is fixed in compiled code, because it is no buffer"
            raise RecipeError([component.problem(what)], hint="train.compile=false")
    return made
