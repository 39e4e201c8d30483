"""Updates captured as CUDA graphs: hundreds of small kernels started by one call.

At 32x32 most of a step's time on a GPU goes into starting its kernels one by one, which takes the
host longer than the GPU needs to run them. A captured update is replayed as a whole. It reads from
tensors that keep their addresses and are refilled before each replay. The captured function is
`GanStep.train_step`, unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ganzoo.components.build import Components, RegularizerSlot, capabilities
from ganzoo.recipes.schema import Settings
from ganzoo.sampling.random_streams import BatchNoise, Rows, Sample
from ganzoo.training.player import Player, supports_found_inf
from ganzoo.training.update import Inputs, UpdateResult

MAX_GRAPHS = 8
"""One for each player and set of due regularizers; further kinds of update run eagerly."""

WARM_UPS = 3
"""Eager updates before a capture: optimizers make their state, and libraries their plans."""

CAPABILITY = "graph-safe"

Key = tuple[str, tuple[str, ...]]


def obstacles(
    settings: Settings, parts: Components, optimizers: Mapping[str, torch.optim.Optimizer]
) -> list[str]:
    """Return what in a recipe prevents its updates from being captured; empty if nothing does."""
    named = {
        "generator": parts.generator,
        "discriminator": parts.discriminator,
        "loss": parts.loss,
        "augmentation": parts.augmentation,
    }
    named |= {f"regularizers.{slot.name}": slot.component for slot in parts.regularizers}
    found = [
        f"{slot} does not declare {CAPABILITY}"
        for slot, part in named.items()
        if part is not None and CAPABILITY not in capabilities(part)
    ]
    found += [
        f"optimizers.{role} is not fused, so it cannot skip a step on the GPU"
        for role, optimizer in optimizers.items()
        if not supports_found_inf(optimizer)
        or any("lr" not in each for each in optimizer.param_groups)
    ]
    found += [
        f"schedules: {path} is fixed in a graph"
        for path in settings.schedules
        if not _follows_a_schedule(path, named)
    ]
    latent = parts.latent_module
    if latent is not None and any(each.requires_grad for each in latent.parameters()):
        found.append("latent learns, and its draws are part of G's update")
    if settings.train.on_nonfinite == "skip":
        found.append("train.on_nonfinite: skip asks the host about every update")
    return found


def _follows_a_schedule(path: str, named: Mapping[str, Any]) -> bool:
    """Return whether captured updates see a number change: a learning rate, or a tensor."""
    owner, _, name = path.rpartition(".")
    if owner in named:
        return isinstance(getattr(named[owner], name, None), Tensor)
    return owner in ("train.ema", "latent") or (owner.startswith("optimizers.") and name == "lr")


TrainStep = Callable[[Player, list[RegularizerSlot], "Inputs | HeldInputs"], UpdateResult]
"""`GanStep.train_step`."""


class HeldInputs:
    """Inputs in tensors that keep their addresses.

    Whatever an update asks for first is loaded or drawn, and kept. `fill` writes the numbers of
    another update of the same kind into the same tensors. What no update asks for is never loaded.
    """

    def __init__(self, live: Inputs) -> None:
        self.live = live
        self._real: dict[Rows, tuple[Tensor, Tensor | None]] = {}
        self._conditions: dict[Rows, Tensor] = {}
        self._drawn: dict[tuple[str, Rows, Sample], Tensor] = {}

    @property
    def step(self) -> int:
        """Steps done before this one."""
        return self.live.step

    @property
    def samples_seen(self) -> int:
        """Real samples shown to D before this update."""
        return self.live.samples_seen

    def real(self, part: Rows) -> tuple[Tensor, Tensor | None]:
        """Return what `Inputs.real` returns."""
        if part not in self._real:
            samples, labels = self.live.real(part)
            self._real[part] = samples.clone(), None if labels is None else labels.clone()
        return self._real[part]

    def conditions(self, part: Rows) -> Tensor:
        """Return what `Inputs.conditions` returns."""
        if part not in self._conditions:
            self._conditions[part] = self.live.conditions(part).clone()
        return self._conditions[part]

    def noise(self, part: Rows) -> BatchNoise:
        """Return noise as `Inputs.noise` does, drawn by `draw` below."""
        return replace(self.live.noise(part), streams=self)

    def draw(self, stream: str, step: int, rows: Rows, sample: Sample) -> Tensor:
        """Return what `RandomStreams.draw` returns, on the device."""
        key = stream.removeprefix(self.live.prefix), rows, sample
        if key not in self._drawn:
            drawn = self.live.streams.draw(stream, step, rows, sample)
            self._drawn[key] = drawn.to(self.live.device)
        return self._drawn[key]

    def fill(self, live: Inputs) -> None:
        """Replace the numbers by those of another update."""
        self.live = live
        for part, (samples, labels) in self._real.items():
            fresh, fresh_labels = live.real(part)
            samples.copy_(fresh)
            if labels is not None and fresh_labels is not None:
                labels.copy_(fresh_labels)
        for part, conditions in self._conditions.items():
            conditions.copy_(live.conditions(part))
        for (name, rows, sample), kept in self._drawn.items():
            drawn = live.streams.draw(live.prefix + name, live.step, rows, sample)
            kept.copy_(drawn, non_blocking=True)


class Rates:
    """An optimizer's learning rates in tensors, so that a schedule can change a captured step."""

    def __init__(self, optimizer: torch.optim.Optimizer, device: torch.device) -> None:
        self.optimizer = optimizer
        self.known = [float(group["lr"]) for group in optimizer.param_groups]
        self.held = [torch.tensor(rate, device=device) for rate in self.known]

    @contextmanager
    def in_tensors(self) -> Iterator[None]:
        """Make the optimizer read its rates from tensors inside, as capturing needs."""
        groups = self.optimizer.param_groups
        before = [(group["lr"], group.get("capturable")) for group in groups]
        for group, rate in zip(groups, self.held, strict=True):
            group["lr"], group["capturable"] = rate, True
        try:
            yield
        finally:
            for group, (rate, capturable) in zip(groups, before, strict=True):
                group["lr"] = rate
                if capturable is None:
                    del group["capturable"]
                else:
                    group["capturable"] = capturable

    def fill(self) -> None:
        """Copy the optimizer's present rates into the tensors."""
        for index, group in enumerate(self.optimizer.param_groups):
            if float(group["lr"]) != self.known[index]:
                self.known[index] = float(group["lr"])
                self.held[index].fill_(self.known[index])


@dataclass
class CapturedUpdate:
    """One kind of update: warmed up, then captured, then replayed."""

    inputs: HeldInputs
    rates: Rates
    warm_ups: int = 0
    graph: torch.cuda.CUDAGraph | None = None
    result: UpdateResult | None = None
    numbers: Tensor | None = None
    """float32 (terms + signs + 1 + parameters,): all numbers of a result, in one tensor."""

    def keep(self, result: UpdateResult) -> None:
        """Keep the tensors of a result, which every replay fills."""
        self.result = result
        head = torch.stack([*result.terms.values(), *result.signs.values(), result.norm])
        self.numbers = torch.cat([head, result.norms])

    def replay(self) -> UpdateResult:
        """Replay the graph; return its numbers in tensors of their own."""
        assert self.graph is not None
        self.graph.replay()
        assert self.result is not None
        assert self.numbers is not None
        kept = self.result
        sizes = [len(kept.terms), len(kept.signs), 1, len(kept.norms)]
        terms, signs, norm, norms = torch.split(self.numbers.clone(), sizes)
        return UpdateResult(
            terms=dict(zip(kept.terms, terms.unbind(), strict=True)),
            norm=norm[0],
            norms=norms,
            signs=dict(zip(kept.signs, signs.unbind(), strict=True)),
        )


@dataclass
class Graphs:
    """The captured updates of a run, by player and due regularizers."""

    record: CudaRecorder
    updates: dict[Key, CapturedUpdate] = field(default_factory=dict)
    refusal: str | None = None
    """Why an update could not be captured; all run eagerly from then on."""
    _reported: bool = False

    def run(
        self, train_step: TrainStep, player: Player, due: list[RegularizerSlot], live: Inputs
    ) -> UpdateResult:
        """Run one update: eagerly, or from its graph, which is captured after the warm-up."""
        key = player.name, tuple(slot.name for slot in due)
        if self.refusal or (key not in self.updates and len(self.updates) >= MAX_GRAPHS):
            return train_step(player, due, live)
        if key not in self.updates:
            rates = Rates(player.optimizer, live.device)
            self.updates[key] = CapturedUpdate(HeldInputs(live), rates)
        update = self.updates[key]
        update.inputs.fill(live)
        update.rates.fill()
        if update.graph is None and update.warm_ups < WARM_UPS:
            update.warm_ups += 1
            return train_step(player, due, update.inputs)
        if update.graph is None:
            try:
                with update.rates.in_tensors():
                    update.graph = self.record(
                        lambda: update.keep(train_step(player, due, update.inputs))
                    )
            except RuntimeError as error:
                self.refusal = str(error).strip().partition("\n")[0]
                self.updates.clear()
                player.optimizer.zero_grad(set_to_none=True)
                return train_step(player, due, live)
        return update.replay()

    def take_refusal(self) -> str | None:
        """Return why nothing can be captured, once."""
        if self._reported or self.refusal is None:
            return None
        self._reported = True
        return self.refusal

    def reset(self) -> None:
        """Capture again from the start: the tensors of optimizers have been replaced."""
        self.updates.clear()
        self.record.reset()


class CudaRecorder:
    """Captures on one GPU, on a side stream, which torch requires.

    All graphs share their memory: no two run at once.
    """

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.pool: Any = None

    def __call__(self, function: Callable[[], None]) -> torch.cuda.CUDAGraph:
        """Call a function once and record its kernels; they do not run."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
            function()
        self.pool = graph.pool()
        return graph

    @contextmanager
    def capture_stream(self) -> Iterator[None]:
        """Run the block on the capture stream, ordered after earlier and before later work."""
        outside = torch.cuda.current_stream()
        self.stream.wait_stream(outside)
        with torch.cuda.stream(self.stream):
            yield
        outside.wait_stream(self.stream)

    def reset(self) -> None:
        """Start a new memory pool: torch rejects the pool of graphs that were all freed."""
        self.pool = None
