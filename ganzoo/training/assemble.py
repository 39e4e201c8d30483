"""A plan's live training step: networks, optimizers, data, laws, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from ganzoo.components.build import Components, build, make
from ganzoo.components.groups import WrongGroups, apply_settings, parameter_groups
from ganzoo.components.plan import Plan
from ganzoo.errors import DeviceError, Findings, RecipeError
from ganzoo.runs.checkpoints import Checkpoint
from ganzoo.sampling.labels import LabelSampler
from ganzoo.sampling.random_streams import RandomStreams, Rows
from ganzoo.training.batch_norm import sync_batch_norm
from ganzoo.training.ema import Ema
from ganzoo.training.feed import DataFeed
from ganzoo.training.graphs import Graphs, OnCuda, obstacles
from ganzoo.training.guard import Guard
from ganzoo.training.initial_weights import load_initial_weights
from ganzoo.training.loss_scale import LossScale
from ganzoo.training.player import Player, obeys_a_guard
from ganzoo.training.precision import AUTOCAST, require_compiler, resolve_channels_last
from ganzoo.training.processes import Processes
from ganzoo.training.schedules import Schedules, knobs
from ganzoo.training.state import read_state
from ganzoo.training.step import GanStep
from ganzoo.training.threads import keep_freed_memory
from ganzoo.training.update import Rules


def require_fit(plan: Plan, processes: Processes) -> None:
    """Make sure that a recipe can be trained by these processes, before anything is written.

    Raises:
        DeviceError: the batch cannot be shared out evenly among the processes; or the networks
            are to be compiled where nothing can compile them, or what they do over processes.
    """
    train = plan.recipe.settings.train
    _rows(train.batch_size, processes)
    if train.compile is True:
        require_compiler(processes.device)
    if train.compile is True and train.batch_norm == "synced" and processes.world_size > 1:
        raise DeviceError(
            "train.compile does not reach over processes, which train.batch_norm: synced does",
            hint="train.compile=false",
        )


def make_step(plan: Plan, processes: Processes, checkpoint: Checkpoint | None = None) -> GanStep:
    """Return the step of a run, new or as it was at a checkpoint.

    Raises:
        DeviceError: as `require_fit` says.
        CheckpointError: the checkpoint does not fit the recipe's networks.
    """
    require_fit(plan, processes)
    settings = plan.recipe.settings
    if processes.device.type == "cpu":
        keep_freed_memory()
    rows = _rows(settings.train.batch_size, processes)
    parts = build(plan)
    train = settings.train
    channels_last = resolve_channels_last(train.memory_format, plan.spec)
    _place(parts, processes, channels_last)
    if train.batch_norm == "synced" and processes.world_size > 1:
        for network in (parts.generator, parts.discriminator):
            sync_batch_norm(network)
    if checkpoint is None:
        load_initial_weights(plan.recipe, parts)
    optimizers = make_optimizers(plan, parts.generator, parts.discriminator)
    guard = _guard(train, optimizers, processes)
    players = _players(train, parts, optimizers, processes, guard)
    ema = _ema(parts, train.ema)
    step = GanStep(
        parts=parts,
        rules=_rules(train, channels_last),
        feed=DataFeed(
            plan.dataset,
            seed=settings.seed,
            rows=rows,
            batch_size=train.batch_size,
            position=0,
            device=processes.device,
            in_memory=plan.data == "memory",
            with_labels=settings.conditional,
            players=("discriminator",) * train.discriminator_steps + ("generator",),
        ),
        noise=RandomStreams(settings.seed),
        processes=processes,
        discriminator=players["discriminator"],
        generator=players["generator"],
        ema=ema,
        label_sampler=LabelSampler.of(settings.labels, plan.dataset)
        if settings.conditional
        else None,
        schedules=make_run_schedules(plan, parts, optimizers, list(players.values()), ema),
        guard=guard,
        graphs=_graphs(plan, parts, optimizers, guard, processes),
    )
    if checkpoint is not None:
        read_state(step, checkpoint.path)
    return step


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
    for network in (parts.generator, parts.discriminator):
        network.to(processes.device)
        if channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for part in parts.stateful().values():
        if isinstance(part, nn.Module):
            part.to(processes.device)


def _rules(train: Any, channels_last: bool) -> Rules:
    return Rules(
        batch_size=train.batch_size,
        micro_batch=train.micro_batch,
        discriminator_steps=train.discriminator_steps,
        skip_nonfinite=train.on_nonfinite == "skip",
        autocast=AUTOCAST.get(train.precision),
        channels_last=channels_last,
        compile=train.compile is True,
    )


def _players(
    train: Any,
    parts: Components,
    optimizers: dict[str, Optimizer],
    processes: Processes,
    guard: Guard | None,
) -> dict[str, Player]:
    return {
        role: Player(
            role,
            getattr(parts, role),
            optimizers[role],
            train.clip_grad_norm,
            processes.world_size,
            scale=LossScale(processes.device) if train.precision == "fp16" else None,
            guard=guard,
        )
        for role in ("generator", "discriminator")
    }


def _ema(parts: Components, given: Any) -> Ema | None:
    return Ema(parts.generator, given.half_life_samples, given.ramp_up) if given else None


def _guard(
    train: Any, optimizers: dict[str, torch.optim.Optimizer], processes: Processes
) -> Guard | None:
    """Return what decides about updates on a GPU, where nothing needs the host to do it."""
    on_gpu = processes.device.type == "cuda"
    obeyed = all(map(obeys_a_guard, optimizers.values()))
    return Guard(processes.device) if on_gpu and obeyed and train.on_nonfinite != "skip" else None


def _graphs(
    plan: Plan,
    parts: Components,
    optimizers: dict[str, Optimizer],
    guard: Guard | None,
    processes: Processes,
) -> Graphs | None:
    """Return what captures updates: on one GPU, where the recipe lets it."""
    settings = plan.recipe.settings
    if guard is None or processes.world_size > 1 or settings.train.cuda_graphs is False:
        return None
    captured = not obstacles(settings, parts, optimizers)
    return Graphs(OnCuda(processes.device)) if captured else None


Parameters = Mapping[str, nn.Parameter]
"""Those of a network that are to be trained, by name."""


def make_optimizers(
    plan: Plan, generator: nn.Module, discriminator: nn.Module
) -> dict[str, Optimizer]:
    """Return both players' optimizers over the given networks' parameters.

    Raises:
        RecipeError: parameter groups that do not fit the networks, or the optimizers.
    """
    return optimizers_over(
        plan, {"generator": trained(generator), "discriminator": trained(discriminator)}
    )


def trained(network: nn.Module) -> Parameters:
    """Return the parameters of a network that are to be trained, by name."""
    return {name: each for name, each in network.named_parameters() if each.requires_grad}


def optimizers_over(plan: Plan, parameters: Mapping[str, Parameters]) -> dict[str, Optimizer]:
    """Return both players' optimizers over parameters by role; errors as of `make_optimizers`."""
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


def make_run_schedules(
    plan: Plan,
    parts: Components,
    optimizers: dict[str, Optimizer],
    players: Sequence[Player] = (),
    ema: Ema | None = None,
) -> Schedules:
    """Return the recipe's schedules over live components, players and the average of G.

    Raises:
        RecipeError: one of a number that its component does not keep.
    """
    owners: dict[str, list[Any]] = {"loss": [parts.loss]}
    if parts.augmentation is not None:
        owners["augmentation"] = [parts.augmentation]
    for slot in parts.regularizers:
        owners[f"regularizers.{slot.name}"] = [slot.component, slot]
    settings = {"train": players, "train.ema": [ema] if ema else []}
    scheduled = plan.group("schedules")
    made = []
    for path, component in scheduled.items():
        schedule = make(component)
        try:
            made += knobs(path, schedule, optimizers, owners, scheduled, settings)
        except ValueError as error:
            raise RecipeError([component.problem(str(error))]) from error
    return Schedules(made)
