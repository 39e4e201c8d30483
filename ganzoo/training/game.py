"""The engine's `ganzoo.api.Game`: forward passes run at first use and are shared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganzoo.api import Augmentation, DiscriminatorOutput, Extra, Latent, SampleSpec
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.scoring.collectives import gather_over_ranks, mean_over_ranks, rank_and_size
from ganzoo.training.networks import Networks, RequiredGradients

Samples = tuple[Tensor, Tensor | None]
"""Samples in model form (B, *model_shape); their labels or conditions (B, …), or None."""

NO_GRADIENTS = RequiredGradients()

_DEPENDENTS = {
    "real": ("real_output",),
    "labels": ("real_output",),
    "fake": ("fake_output",),
    "latents": ("fake", "fake_output"),
    "fake_labels": ("fake", "fake_output"),
    "real_output": (),
    "fake_output": (),
}
"""Field of the game → what must be computed again after it is replaced."""


@dataclass
class EngineGame:
    """One update of one player. See `ganzoo.api.Game` for the meaning of each member.

    Args:
        batch: returns the real samples and their labels; called at first use, so that an update
            that never reads real data never loads any.
        noise: of the rows of this batch.
        read_fake_labels: returns the labels of the generated samples; called at first use.
        law: the latent that draws `latents` and others.
        required: gradients that the components which are due need besides logits.
        data: the `spec`; None in a game by hand that was not given one.
    """

    player: str
    networks: Networks
    batch: Callable[[], Samples]
    latents: Tensor
    noise: BatchNoise
    law: Latent
    read_fake_labels: Callable[[], Tensor | None] = lambda: None
    required: RequiredGradients = NO_GRADIENTS
    step: int = 0
    samples_seen: int = 0
    data: SampleSpec | None = None
    _known: dict[str, Any] = field(default_factory=dict, repr=False)
    _gradients: dict[str, Tensor] = field(default_factory=dict, repr=False)
    _calls: dict[str, int] = field(default_factory=dict, repr=False)
    """How often noise was drawn for each method; shared with games that `replace` returns."""

    @classmethod
    def of(
        cls,
        player: str,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        real: Tensor,
        latents: Tensor,
        labels: Tensor | None = None,
        fake_labels: Tensor | None = None,
        augmentation: Augmentation | None = None,
        latent: Latent | None = None,
        spec: SampleSpec | None = None,
        required: RequiredGradients = NO_GRADIENTS,
        seed: int = 0,
        step: int = 0,
        samples_seen: int = 0,
    ) -> Self:
        """Return a game over given tensors, for tests and experiments.

        Args:
            latent: the law of `latent(name)`; None: standard normal.
            spec: what `spec` returns.
        """

        class Normal:
            def sample(self, count: int, generator: torch.Generator) -> Tensor:
                return torch.randn(count, *latents.shape[1:], generator=generator)

        noise = BatchNoise(RandomStreams(seed), player, 0, Rows(0, len(real)), real.device)
        return cls(
            player=player,
            networks=Networks.of(generator, discriminator, augmentation),
            batch=lambda: (real, labels),
            latents=latents,
            noise=noise,
            law=latent or Normal(),
            read_fake_labels=lambda: fake_labels,
            required=required,
            step=step,
            samples_seen=samples_seen,
            data=spec,
        )

    @property
    def spec(self) -> SampleSpec:
        if self.data is None:
            raise TypeError("this game was made without a spec: pass spec=SampleSpec(…)")
        return self.data

    @property
    def rows(self) -> Tensor:
        count = self.noise.rows.count
        first = rank_and_size()[0] * count
        return torch.arange(first, first + count, device=self.latents.device)

    @property
    def generator_module(self) -> nn.Module:
        return self.networks.generator

    @property
    def latent_module(self) -> nn.Module | None:
        return self.law if isinstance(self.law, nn.Module) else None

    @property
    def discriminator_module(self) -> nn.Module:
        return self.networks.discriminator

    # --- samples ---

    @property
    def real(self) -> Tensor:
        if "real" not in self._known:
            self._load()
        return self._known["real"]

    @property
    def labels(self) -> Tensor | None:
        if "labels" not in self._known:
            self._load()
        return self._known["labels"]

    @property
    def fake_labels(self) -> Tensor | None:
        if "fake_labels" not in self._known:
            self._known["fake_labels"] = self.read_fake_labels()
        return self._known["fake_labels"]

    @property
    def fake(self) -> Tensor:
        if "fake" not in self._known:
            fake = self._generate(self.latents, self.fake_labels, "fake")
            if self.required.fake_gradient and not fake.requires_grad:
                fake.requires_grad_()
            self._known["fake"] = fake
        return self._known["fake"]

    def generate(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self._generate(z, y, self._next("generate"))

    def latent(self, name: str) -> Tensor:
        with self._generator_graph():
            return self.noise.draw(f"latent/{name}", self.law.sample)

    def _generate(self, z: Tensor, y: Tensor | None, stream: str) -> Tensor:
        noise = self._noise(stream, len(z)) if self.networks.takes_noise else None
        with self._generator_graph():
            return self.networks.generate(z, y, noise)

    def _generator_graph(self) -> AbstractContextManager[Any]:
        """Keep no graph of G inside, unless G is updated or a component requires it."""
        with_graph = self.player == "generator" or self.required.generator_graph
        return nullcontext() if with_graph else torch.no_grad()

    def _next(self, method: str) -> str:
        """Return the name of the noise of a method's next call: ``augment1``, ``augment2``, …"""
        number = self._calls[method] = self._calls.get(method, 0) + 1
        return f"{method}{number}"

    def _noise(self, stream: str, count: int) -> BatchNoise:
        return self.noise.within(stream).of_size(count)

    def _load(self) -> None:
        real, labels = self.batch()
        self._known.setdefault("real", self._leaf(real))
        self._known.setdefault("labels", labels)

    def _leaf(self, real: Tensor) -> Tensor:
        return real.detach().requires_grad_() if self.required.real_gradient else real

    # --- D's outputs ---

    @property
    def real_output(self) -> DiscriminatorOutput:
        if "real_output" not in self._known:
            self._run_discriminator("real")
        return self._known["real_output"]

    @property
    def fake_output(self) -> DiscriminatorOutput:
        if "fake_output" not in self._known:
            self._run_discriminator("fake")
        return self._known["fake_output"]

    @property
    def real_logits(self) -> Tensor:
        return self.real_output.logits

    @property
    def fake_logits(self) -> Tensor:
        return self.fake_output.logits

    def discriminate(
        self, x: Tensor, y: Tensor | None = None, augment: bool = True
    ) -> DiscriminatorOutput:
        seen, extra = self._augmented(x) if augment else (x, None)
        return self.networks.discriminate(seen, y, extra)

    def augment(self, x: Tensor) -> Tensor:
        return self._augmented(x)[0]

    def _augmented(self, x: Tensor) -> tuple[Tensor, Extra | None]:
        """Return x augmented with new noise, and what the augmentation returned beside it."""
        augmentation = self.networks.augmentation
        if augmentation is None:
            return x, None
        result = augmentation(x, self._noise(self._next("augment"), len(x)))
        if isinstance(result, Tensor):
            return result, None
        seen, extra = result
        if isinstance(extra, Tensor):
            return seen, extra.detach()
        return seen, {name: value.detach() for name, value in extra.items()}

    def _in_one_pass(self) -> bool:
        gradients = self.required.real_gradient or self.required.fake_gradient
        untouched = not {"real_output", "fake_output"} & self._known.keys()
        return (
            self.player == "discriminator"
            and self.networks.one_pass
            and not gradients
            and untouched
        )

    def _discriminate_both(self) -> None:
        (real, real_extra), (fake, fake_extra) = map(self._augmented, (self.real, self.fake))
        x = torch.cat([real, fake])  # (2B, *model_shape)
        y = None
        if self.labels is not None and self.fake_labels is not None:
            y = torch.cat([self.labels, self.fake_labels])
        both = self.networks.discriminate(x, y, _joined(real_extra, fake_extra))
        share = len(real), len(x)
        self._known["real_output"] = _rows(both, lambda t: t[: _cut(t, share)])
        self._known["fake_output"] = _rows(both, lambda t: t[_cut(t, share) :])

    def _run_discriminator(self, side: str) -> None:
        """Run D on ``real`` or ``fake``, and keep the input gradient where it comes for free."""
        # An input gradient through a joint pass would run backward through both halves, so an
        # update that needs one runs D on each side separately.
        if self._in_one_pass():
            self._discriminate_both()
            return
        x, y = self._side(side)
        required = self.required
        needed = required.real_gradient if side == "real" else required.fake_gradient
        if needed and self.networks.functional:
            self._known[f"{side}_output"], self._gradients[side] = self._with_gradient(x, y)
        else:
            self._known[f"{side}_output"] = self.discriminate(x, y)

    def _side(self, side: str) -> Samples:
        return (self.real, self.labels) if side == "real" else (self.fake, self.fake_labels)

    def input_gradient(
        self, x: Tensor, y: Tensor | None = None
    ) -> tuple[DiscriminatorOutput, Tensor]:
        for side in ("real", "fake"):
            # `_side` comes last: it would load real data in an update that never reads any.
            if x.requires_grad and x is self._known.get(side) and y is self._side(side)[1]:
                output = getattr(self, f"{side}_output")
                if side not in self._gradients and not self.networks.functional:
                    self._gradients[side] = self.networks.gradient(output.logits, x)
                if side in self._gradients:
                    return output, self._gradients[side]
        return self._with_gradient(x if x.requires_grad else x.detach().requires_grad_(), y)

    def _with_gradient(self, x: Tensor, y: Tensor | None) -> tuple[DiscriminatorOutput, Tensor]:
        seen, extra = self._augmented(x)
        if not self.networks.functional:
            output = self.networks.discriminate(seen, y, extra)
            return output, self.networks.gradient(output.logits, x)
        output, gradient = self.networks.output_and_gradient(seen, y, extra)
        if seen is not x:
            # Chain rule through the augmentation: (d seen/dx)^T (d logits/d seen).
            (gradient,) = torch.autograd.grad(seen, x, gradient, create_graph=True)
        return output, gradient

    def logits_signs(self) -> dict[str, Tensor]:
        """Return the mean signs of D's logits, () each, for an augmentation that observes them.

        The fake ones are there if D has been run on `fake`: it is not run for them.
        """
        sides = ("real", "fake") if "fake_output" in self._known else ("real",)
        logits = {side: getattr(self, f"{side}_logits") for side in sides}
        return {f"{side}_logits_sign": each.detach().sign().mean() for side, each in logits.items()}

    # --- noise, ranks, variations ---

    def uniform(self, name: str, *shape: int) -> Tensor:
        return self.noise.uniform(name, *shape)

    def normal(self, name: str, *shape: int) -> Tensor:
        return self.noise.normal(name, *shape)

    def mean(self, t: Tensor) -> Tensor:
        return mean_over_ranks(t)

    def gather(self, t: Tensor) -> Tensor:
        return gather_over_ranks(t)

    def replace(self, **fields: Any) -> Self:
        if unknown := fields.keys() - _DEPENDENTS.keys():
            raise TypeError(f"a game has no replaceable field {sorted(unknown)[0]!r}")
        known = dict(self._known)
        for name in fields:
            for dependent in _DEPENDENTS[name]:
                known.pop(dependent, None)
        if "real" in fields:
            fields["real"] = self._leaf(fields["real"])
        kept = {
            side: gradient
            for side, gradient in self._gradients.items()
            if f"{side}_output" in known and f"{side}_output" not in fields
        }
        latents = fields.pop("latents", self.latents)
        known.update(fields)
        return dataclasses.replace(self, latents=latents, _known=known, _gradients=kept)


# --- the rows of both sides in one pass ---


def _joined(real: Extra | None, fake: Extra | None) -> Extra | None:
    """Return what an augmentation returned beside each side, for the rows of both."""
    if real is None or fake is None:
        return None
    if isinstance(real, Tensor) and isinstance(fake, Tensor):
        return torch.cat([real, fake])
    assert isinstance(real, Mapping)
    assert isinstance(fake, Mapping)
    return {name: torch.cat([value, fake[name]]) for name, value in real.items()}


def _rows(output: DiscriminatorOutput, side: Callable[[Tensor], Tensor]) -> DiscriminatorOutput:
    """Return the rows of D's output that `side` takes of each of its tensors."""
    class_logits = None if output.class_logits is None else side(output.class_logits)
    return DiscriminatorOutput(
        logits=side(output.logits),
        features=tuple(map(side, output.features)),
        class_logits=class_logits,
        extra={name: side(value) for name, value in output.extra.items()},
    )


def _cut(t: Tensor, share: tuple[int, int]) -> int:
    """Return where the real rows end: a D with `batch_multiple` returns fewer rows than it got."""
    return len(t) * share[0] // share[1]
