"""Updates captured as CUDA graphs: hundreds of small kernels started by one call.

At 32x32 a step's time on a GPU goes into starting its kernels one by one, which takes the host
longer than the GPU needs to run them. A captured update is played again whole. It reads from
tensors that stay where they are, which are filled anew before each play; the update itself is
`Arithmetic.play`, unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from ganzoo.components.build import Components, RegularizerSlot, capabilities
from ganzoo.training.inputs import HeldInputs, Inputs
from ganzoo.training.player import Outcome, Player, obeys_a_guard

if TYPE_CHECKING:
    from ganzoo.recipes.schema import Settings
    from ganzoo.training.update import Arithmetic, Played

MAX_GRAPHS = 8
"""One for each player and set of due regularizers; what comes after these is played eagerly."""

WARM_UPS = 3
"""Eager updates before a capture: optimizers make their state, and libraries their plans."""

CAPABILITY = "graph-safe"

Key = tuple[str, tuple[str, ...]]


def obstacles(
    settings: Settings, parts: Components, optimizers: Mapping[str, torch.optim.Optimizer]
) -> list[str]:
    """Return what in a recipe keeps its updates from being captured; empty if nothing does."""
    named = {
        "generator": parts.generator,
        "discriminator": parts.discriminator,
        "loss": parts.loss,
        "augmentation": parts.augmentation,
    }
    named |= {f"regularizers.{slot.name}": slot.component for slot in parts.regularizers}
    found = [
        f"{slot} does not say that it is {CAPABILITY}"
        for slot, part in named.items()
        if part is not None and CAPABILITY not in capabilities(part)
    ]
    found += [
        f"optimizers.{role} has no fused form, about whose steps the device can decide"
        for role, optimizer in optimizers.items()
        if not obeys_a_guard(optimizer) or any("lr" not in each for each in optimizer.param_groups)
    ]
    found += [
        f"schedules: {path} is fixed in a graph"
        for path in settings.schedules
        if not (path.startswith("optimizers.") and path.endswith(".lr"))
        and not path.startswith("train.ema.")
    ]
    if settings.train.on_nonfinite == "skip":
        found.append("train.on_nonfinite: skip asks the host about every update")
    return found


class Graph(Protocol):
    """What is captured once and played again: `torch.cuda.CUDAGraph`."""

    def replay(self) -> None: ...


class Recorder(Protocol):
    """What makes graphs: `OnCuda`."""

    def __call__(self, play: Callable[[], None]) -> Graph:
        """Call a function once, and record what it would have the device do; it does nothing."""

    def where(self) -> AbstractContextManager[None]:
        """Return the context that everything which is captured has to run in."""

    def forget(self) -> None:
        """Take note that no graph made so far is played again."""


@dataclass
class Captured:
    """One kind of update: warmed up, then captured, then played again and again."""

    inputs: HeldInputs
    rates: Rates
    warm_ups: int = 0
    graph: Graph | None = None
    played: Played | None = None
    numbers: Tensor | None = None
    """All numbers that the host may want of an update, in one tensor."""

    def record(self, played: Played) -> None:
        """Keep what an update returns: the tensors that every replay fills."""
        self.played = played
        outcome = played.outcome
        self.numbers = torch.cat(
            [torch.stack([*played.terms.values(), outcome.norm]), outcome.norms]
        )

    def replay(self) -> Played:
        """Play it once more; return its numbers as tensors of their own."""
        assert self.graph is not None
        self.graph.replay()
        assert self.played is not None
        assert self.numbers is not None
        numbers, names = self.numbers.clone(), list(self.played.terms)
        terms = dict(zip(names, numbers.unbind(), strict=False))
        outcome = Outcome(numbers[len(names)], numbers[len(names) + 1 :])
        sign = self.played.sign
        return replace(
            self.played,
            terms=terms,
            outcome=outcome,
            sign=None if sign is None else sign.clone(),
        )


class Rates:
    """An optimizer's learning rates, in tensors while it is captured: a schedule moves them."""

    def __init__(self, optimizer: torch.optim.Optimizer, device: torch.device) -> None:
        self.optimizer = optimizer
        self.known = [float(group["lr"]) for group in optimizer.param_groups]
        self.held = [torch.tensor(rate, device=device) for rate in self.known]

    @contextmanager
    def in_tensors(self) -> Iterator[None]:
        """Let the optimizer read its rates from tensors inside, and be captured."""
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
        """Put what the optimizer's rates are now into the tensors."""
        for index, group in enumerate(self.optimizer.param_groups):
            if float(group["lr"]) != self.known[index]:
                self.known[index] = float(group["lr"])
                self.held[index].fill_(self.known[index])


@dataclass
class Graphs:
    """The captured updates of a run, by player and due regularizers."""

    record: Recorder
    updates: dict[Key, Captured] = field(default_factory=dict)
    refusal: str | None = None
    """Why an update could not be captured; from then on all are played eagerly."""
    _told: bool = False

    def play(
        self, arithmetic: Arithmetic, player: Player, due: list[RegularizerSlot], live: Inputs
    ) -> Played:
        """Play one update: eagerly, or from its graph, which is captured when it is warm."""
        key = player.name, tuple(slot.name for slot in due)
        if self.refusal or (key not in self.updates and len(self.updates) >= MAX_GRAPHS):
            return arithmetic.play(player, due, live)
        if key not in self.updates:
            rates = Rates(player.optimizer, live.device)
            self.updates[key] = Captured(HeldInputs(live), rates)
        update = self.updates[key]
        update.inputs.fill(live)
        update.rates.fill()
        if update.graph is None and update.warm_ups < WARM_UPS:
            update.warm_ups += 1
            return arithmetic.play(player, due, update.inputs)
        if update.graph is None:
            try:
                update.graph = self._captured(arithmetic, player, due, update)
            except RuntimeError as error:
                self.refusal = str(error).strip().partition("\n")[0]
                self.updates.clear()
                player.optimizer.zero_grad(set_to_none=True)
                return arithmetic.play(player, due, live)
        return update.replay()

    def _captured(
        self, arithmetic: Arithmetic, player: Player, due: list[RegularizerSlot], update: Captured
    ) -> Graph:
        def play() -> None:
            update.record(arithmetic.play(player, due, update.inputs))

        with update.rates.in_tensors():
            return self.record(play)

    def take_refusal(self) -> str | None:
        """Return why nothing can be captured, once."""
        if self._told or self.refusal is None:
            return None
        self._told = True
        return self.refusal

    def forget(self) -> None:
        """Capture anew: the tensors of optimizers have been replaced."""
        self.updates.clear()
        self.record.forget()


class OnCuda:
    """Captures on one GPU, on a stream of its own, which torch asks for.

    All graphs share their memory: no two are played at once.
    """

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.pool: Any = None

    def __call__(self, play: Callable[[], None]) -> Graph:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
            play()
        self.pool = graph.pool()
        return graph

    @contextmanager
    def where(self) -> Iterator[None]:
        """Run on the stream inside, after what was asked for before, and before what comes then."""
        outside = torch.cuda.current_stream()
        self.stream.wait_stream(outside)
        with torch.cuda.stream(self.stream):
            yield
        outside.wait_stream(self.stream)

    def forget(self) -> None:
        """Take memory anew for the next graph: torch refuses that of graphs which are all gone."""
        self.pool = None
