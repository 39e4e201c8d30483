"""The GAN step: `discriminator_steps` updates of D, then `generator_steps` of G.

Gradients are lean, and bit-identical to the textbook's: no graph runs through G while D is
updated, and D is frozen while G is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor, nn

from ganzoo.components.build import Components, RegularizerSlot
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.sampling.sampler import ConditionSampler, LabelSampler, Sampler
from ganzoo.sampling.settings import SamplingSettings
from ganzoo.training.batch_norm import average_running_statistics, unsynced_copy
from ganzoo.training.ema import Ema
from ganzoo.training.feed import DataFeed
from ganzoo.training.game import EngineGame
from ganzoo.training.graphs import Graphs, HeldInputs
from ganzoo.training.networks import Compiled, Networks, RequiredGradients, compile_errors
from ganzoo.training.nonfinite import (
    NonFiniteReport,
    NotFinite,
    UpdateRecord,
    UpdateSnapshot,
    not_finite,
    report_update,
    report_weights,
)
from ganzoo.training.player import Guard, Player
from ganzoo.training.processes import Processes
from ganzoo.training.schedules import Knob, set_sampled
from ganzoo.training.update import (
    Inputs,
    StepConfig,
    UpdateResult,
    accumulate,
    forward_context,
    frozen,
    prepared,
    seed_default_generators,
    update_terms,
)

MAX_SKIPPED = 20
"""``on_nonfinite: skip`` gives up after this many skipped updates of a player in a row."""

MAX_UNCHECKED = 1000
"""The host checks the guard's verdict at least once every this many updates."""


@dataclass
class GanStep:
    """The step of one run, with the counters that it advances.

    Args:
        players: ``discriminator`` and ``generator``.
        label_sampler: labels of generated samples; None: they have none. In training, generated
            samples get the conditions of the real batch.
        guard: both players' guard, where the device decides about updates.
        graphs: captured updates; None: every update runs eagerly.
    """

    parts: Components
    config: StepConfig
    feed: DataFeed
    noise: RandomStreams
    processes: Processes
    players: dict[str, Player]
    ema: Ema | None = None
    label_sampler: LabelSampler | ConditionSampler | None = None
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    schedules: list[Knob] = field(default_factory=list)
    guard: Guard | None = None
    graphs: Graphs | None = None
    iteration: int = 0
    """Steps done."""
    samples_seen: int = 0
    """Samples in the real batches of D's updates so far, over all ranks; of G's updates where D
    is never trained."""
    skipped: list[NonFiniteReport] = field(default_factory=list)
    """The first report of every row of skipped updates, until the caller takes them."""
    unchecked: list[UpdateRecord] = field(default_factory=list)
    """Updates that the guard has decided on and the host has not checked."""

    def __post_init__(self) -> None:
        parts, config = self.parts, self.config
        self.discriminator, self.generator = (
            self.players[role] for role in ("discriminator", "generator")
        )
        count = config.batch_size // self.processes.world_size
        self.rows = Rows(self.processes.rank * count, count)
        device_type, dtype = self.processes.device.type, config.autocast
        self.networks = Networks.of(
            parts.generator,
            parts.discriminator,
            parts.augmentation,
            channels_last=config.channels_last,
            autocast=partial(torch.autocast, device_type, dtype) if dtype else nullcontext,
            compiled=Compiled.of(**parts.networks) if config.compile else None,
            scale=self.discriminator.scale,
        )
        self.snapshot = UpdateSnapshot(parts) if config.skip_nonfinite else None
        self._sampler: Sampler | None = None

    # --- one step ---

    def __call__(self) -> dict[str, Tensor]:
        """Update D `discriminator_steps` times, then G; return the terms for the log."""
        self._sampler = None
        with (
            compile_errors() if self.networks.compiled else nullcontext(),
            self.graphs.record.capture_stream() if self.graphs else nullcontext(),
        ):
            key = self.noise.key("default", self.iteration, self.processes.rank)
            seed_default_generators(key, self.processes.device)
            for knob in self.schedules:
                knob.apply(self.samples_seen)
            terms: dict[str, Tensor] = {}
            config, before = self.config, self.samples_seen
            for repeat in range(config.discriminator_steps):
                terms |= self.update(self.discriminator, repeat)
                self.samples_seen += config.batch_size
            with frozen(self.discriminator):
                for repeat in range(config.generator_steps):
                    terms |= self.update(self.generator, repeat)
                    if not config.discriminator_steps:
                        self.samples_seen += config.batch_size
            self.iteration += 1
            average_running_statistics(self.parts.modules.values())
            if self.ema:
                self.ema.update(self.samples_seen - before, self.samples_seen)
            return terms

    def update(self, player: Player, repeat: int) -> dict[str, Tensor]:
        """Make one update of one player; return its terms, labelled ``d/`` or ``g/``.

        A skipped update returns no terms, so that what is logged stays finite.

        Raises:
            NotFinite: a term or a gradient is not finite and is not to be skipped. Under a guard
                `check_guard` raises it, later.
        """
        due = [slot for slot in self.parts.regularizers if slot.due(player.updates)]
        inputs = self.inputs(player, repeat)
        if self.snapshot:
            self.snapshot.take()
        if self.graphs:
            result = self.graphs.run(self.train_step, player, due, inputs)
        else:
            result = self.train_step(player, due, inputs)
        where = (player.name, repeat, inputs.step, inputs.samples_seen, inputs.batch.position)
        record = UpdateRecord(*where, result.terms, result.norms)
        player.count(skipped=result.failed)
        if result.failed:
            self._skip(player, self._report(record))
            return {}
        if self.guard:
            self.unchecked.append(record)
            if len(self.unchecked) >= MAX_UNCHECKED:
                self.check_guard()
        if result.signs:
            seen = {**result.signs, "samples": self.config.batch_size}
            self.parts.augmentation.observe(seen)  # type: ignore[union-attr]
        return result.labelled(player)

    def train_step(
        self, player: Player, due: list[RegularizerSlot], inputs: Inputs | HeldInputs
    ) -> UpdateResult:
        """Run forward, backward and optimizer of one update; a CUDA graph can capture it all."""
        required, game = self.required_gradients(player, due), None
        terms: dict[str, Tensor] = {}
        signs: dict[str, Tensor] = {}
        for rows in self.micro_batches():
            with forward_context(required, self.processes.device, self.config.autocast):
                game = prepared(self.game(player, inputs, rows, required), due)
                micro = self.terms(player, game, due)
                # Terms are means. Shares of the global batch make gradients of micro-batches and
                # ranks add up to that of the mean over the whole batch.
                share = rows.count / self.config.batch_size
                total = torch.stack(list(micro.values())).sum() * share
            player.backward(total)
            accumulate(terms, micro, rows.count / self.rows.count)
            if player is self.discriminator and hasattr(self.parts.augmentation, "observe"):
                accumulate(signs, game.logits_signs(), rows.count / self.rows.count)
        total = torch.stack(list(terms.values())).sum()
        verdict = player.finish_gradients(total, penalised=required.penalised)
        if player.guard is None:
            # The host decides, and waits for the device here.
            made, failed = torch.stack([verdict.finite, verdict.failed]).tolist()
            if made:
                player.optimizer.step()
        else:
            made, failed = True, False
            allowed = player.guard.allow(~verdict.failed) & verdict.finite
            # A fused optimizer reads this on the device and leaves weights and state alone where
            # it is 1, as torch.amp.GradScaler has it after an overflow.
            player.optimizer.found_inf = (~allowed).float()  # type: ignore[attr-defined]
            player.optimizer.step()
        player.optimizer.zero_grad(set_to_none=True)
        if not made or failed or game is None:
            return UpdateResult(terms, verdict.norm, verdict.norms, failed=failed)
        for component in (*(slot.component for slot in due), self.parts.loss):
            if hasattr(component, "after_step"):
                with torch.no_grad():
                    component.after_step(game)
        means = game.mean(torch.stack(list(signs.values()))).unbind() if signs else ()
        observed = dict(zip(signs, means, strict=True))
        return UpdateResult(terms, verdict.norm, verdict.norms, observed)

    # --- what an update is made of ---

    def inputs(self, player: Player, repeat: int) -> Inputs:
        """Return the inputs of a player's next update, and advance the feed."""
        return Inputs(
            batch=self.feed.next(),
            streams=self.noise,
            prefix=f"{player.name}{repeat}",
            step=self.iteration,
            samples_seen=self.samples_seen,
            rows=self.rows,
            device=self.processes.device,
        )

    def micro_batches(self) -> Iterator[Rows]:
        """Yield the parts of this process's rows that are computed one after another."""
        size = self.config.micro_batch or self.rows.count
        for first in range(0, self.rows.count, size):
            yield Rows(first, min(size, self.rows.count - first))

    def game(
        self, player: Player, inputs: Inputs | HeldInputs, part: Rows, required: RequiredGradients
    ) -> EngineGame:
        """Return the game of one micro-batch."""
        noise = inputs.noise(part)

        def fake_labels() -> Tensor | None:
            if isinstance(self.label_sampler, ConditionSampler):
                return inputs.conditions(part)  # row by row, so that real and fake are pairs
            return self.label_sampler.draw(noise) if self.label_sampler else None

        return EngineGame(
            player=player.name,
            networks=self.networks.requiring(required),
            batch=lambda: inputs.real(part),
            latents=self.latents(player, noise),
            noise=noise,
            law=self.parts.latent,
            read_fake_labels=fake_labels,
            required=required,
            step=inputs.step,
            samples_seen=inputs.samples_seen,
            data=self.parts.spec,
        )

    def latents(self, player: Player, noise: BatchNoise) -> Tensor:
        """Return the latents of a micro-batch; a latent that learns has a graph in G's update."""
        learns = self.parts.latent_module is not None
        with torch.no_grad() if learns and player is self.discriminator else nullcontext():
            return noise.draw("latents", self.parts.latent.sample)

    def terms(
        self, player: Player, game: EngineGame, due: list[RegularizerSlot]
    ) -> dict[str, Tensor]:
        """Return every term of this update, weighted, by name. `ganzoo bench` times it."""
        return update_terms(self.parts.loss, player, game, due)

    def required_gradients(self, player: Player, due: list[RegularizerSlot]) -> RequiredGradients:
        """Return what the loss and these regularizers need in an update of this player."""
        active = [
            slot.component
            for slot in due
            if hasattr(slot.component, player.name) or hasattr(slot.component, "prepare")
        ]
        return RequiredGradients.by([self.parts.loss, *active])

    # --- updates that are not finite ---

    def check_guard(self) -> None:
        """Read the guard's verdict on the updates since the last check.

        Raises:
            NotFinite: an update was not finite; no weight has moved since.
        """
        if self.guard is None:
            return
        first, records = self.guard.first(), self.unchecked
        self.unchecked = []
        self.guard.reset()
        if first is not None:
            raise NotFinite(self._report(records[first]))

    def check_finite(self) -> None:
        """Check the guard, then every weight and buffer of G, D and G's average, on all ranks.

        Raises:
            NotFinite: an update, a weight or a buffer is not finite.
        """
        self.check_guard()
        weights = not_finite(self.modules())
        if self.processes.any(bool(weights)):
            raise NotFinite(report_weights(weights, self.iteration, self.samples_seen))

    def _skip(self, player: Player, report: NonFiniteReport) -> None:
        """Undo what a failed update changed, or raise NotFinite.

        Weights that are not finite cannot be skipped, and neither can every update.
        """
        if self.snapshot is None or report.weights or player.skipped > MAX_SKIPPED:
            raise NotFinite(report)
        self.snapshot.restore()
        if player.skipped == 1:
            self.skipped.append(report)

    def _report(self, record: UpdateRecord) -> NonFiniteReport:
        player, size = self.players[record.player], self.config.batch_size
        batch = self.feed.order.indices(record.position, size)
        return report_update(record, player, self.parts.modules, batch, self.noise)

    def reset(self) -> None:
        """Drop everything remembered between updates: the state was replaced."""
        self.unchecked = []
        self._sampler = None
        if self.guard:
            self.guard.reset()
        if self.graphs:
            self.graphs.reset()

    # --- for samples and checkpoints ---

    def sampler(self) -> Sampler:
        """Return the sampler of G's average, or of G itself if it has none.

        A generator with `prepare_sampling` is copied and prepared, once until the next step.
        """
        if self._sampler is None:
            generator, latent = self.parts.generator, self.parts.latent
            if self.ema:
                generator = self.ema.module
                latent = latent if self.ema.latent is None else self.ema.latent  # type: ignore[assignment]
            set_sampled(self.schedules, generator, latent, self.samples_seen)
            if hasattr(generator, "prepare_sampling"):
                generator = unsynced_copy(generator)
            spec, device = self.feed.spec, self.processes.device
            own = Sampler(generator, spec, latent, self.label_sampler, device)
            self._sampler = self.sampling.apply(own)
        return self._sampler

    def modules(self) -> dict[str, nn.Module]:
        """Return the networks of the run by the name of their checkpoint file."""
        averages = {"ema": self.ema.module, "latent_ema": self.ema.latent} if self.ema else {}
        return self.parts.modules | {k: each for k, each in averages.items() if each is not None}

    @property
    def rollbacks(self) -> int:
        """How often the run went back to a checkpoint; it enters the key of all noise."""
        return self.noise.rollbacks

    @rollbacks.setter
    def rollbacks(self, count: int) -> None:
        self.noise = replace(self.noise, rollbacks=count)
