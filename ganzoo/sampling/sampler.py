"""Samples of a trained generator and their labels.

Sample i depends on (seed, i) alone: its latent, its label and the noise that `forward` takes are
drawn by its index. A generator that draws numbers by itself (``internal-noise``) gets them from
torch's default generator, which is seeded for each batch of 256 samples. Its sample i depends on
the seed, on i, and on the samples in the same batch: another number of samples changes the last
batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import Dataset, Latent, Noise, SampleSpec
from ganzoo.components.build import takes
from ganzoo.components.data import check_conditions, conditions_at, draw, labels_of
from ganzoo.errors import DataError, Diverged
from ganzoo.nn import decode, encode
from ganzoo.runs.samples import ConditionCounts
from ganzoo.sampling.random_streams import BLOCK, CPU, BatchNoise, RandomStreams, Rows
from ganzoo.scoring.features import no_op

SampleBatch = tuple[Tensor, Tensor | None]
"""Samples in stored form (B, *shape), and their labels: int64 (B,), conditions in stored form
(B, *condition.shape), or None."""

SAMPLING_BLOCKS = 2
"""Blocks of 128 in a batch. It is fixed because rounding can depend on the batch size."""


@dataclass(frozen=True)
class Sampler:
    """A generator in eval mode, with the distributions of its inputs. It runs in float32.

    Labels are int64 (B,), or conditions in stored form, which G gets in model form.
    `ganzoo.sampling.settings` makes the sampler that a recipe asks for.

    Args:
        parameters: the sampling parameters that are set, as `forward` receives them.
        watch: called before every batch of `batches`; may raise to end the work.
    """

    generator: nn.Module
    spec: SampleSpec
    latent: Latent
    label_sampler: LabelSampler | ConditionSampler | None = None
    device: torch.device = CPU
    parameters: Mapping[str, Any] = field(default_factory=dict)
    watch: Callable[[], None] = no_op

    def inputs(
        self, rows: Rows, seed: int, labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the latents and the labels of the samples with indices `rows`."""
        noise = self._streams(rows, seed)
        if labels is not None:
            chosen = torch.arange(rows.first, rows.first + rows.count) % len(labels)
            return self.latents(noise), labels[chosen].to(self.device)
        return self.latents(noise), self.label_sampler.draw(noise) if self.label_sampler else None

    @torch.no_grad()
    def latents(self, noise: BatchNoise) -> Tensor:
        """Return latents (B, latent_dim) for a batch, without the graph of a latent that learns."""
        with evaluating(self.latent):
            return noise.draw("latents", self.latent.sample)

    def batches(
        self,
        count: int,
        *,
        seed: int,
        labels: Tensor | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> Iterator[SampleBatch]:
        """Yield this rank's share of samples 0 … count - 1, in stored form.

        Samples that are not finite have no stored form. After the first of them the rest are only
        counted, and then `Diverged` is raised.

        Args:
            labels: the classes or conditions to use instead of drawn ones, in turn.

        Raises:
            Diverged: a sample holds values that are not finite.
        """
        size, wrong, drawn = BLOCK * SAMPLING_BLOCKS, [], 0
        for number, first in enumerate(range(0, count, size)):
            if number % world_size == rank:
                self.watch()
                rows = Rows(first, min(size, count - first))
                latents, asked = self.inputs(rows, seed, labels)
                with self.in_eval_mode(seed, number):
                    samples = self._forward(latents, asked, self.noise(rows, seed))
                drawn += rows.count
                wrong += [first + row for row in rows_not_finite(samples)]
                if not wrong:
                    yield decode(self.spec, samples), asked
        if wrong:
            raise not_finite(wrong, drawn)

    def sample(self, count: int, *, seed: int = 0, labels: Tensor | None = None) -> Tensor:
        """Return `count` samples in stored form, (count, *shape), on the CPU.

        Raises:
            Diverged: a sample holds values that are not finite.
        """
        batches = self.batches(count, seed=seed, labels=labels)
        return torch.cat([samples.cpu() for samples, _ in batches])

    def generate(self, latents: Tensor, labels: Tensor | None, *, seed: int) -> Tensor:
        """Return G(latents, labels) in model form; row i has the noise of sample i of `seed`.

        Raises:
            Diverged: a sample holds values that are not finite.
        """
        with self.in_eval_mode(seed):
            return _finite(self._forward(latents, labels, self.noise(Rows(0, len(latents)), seed)))

    @property
    def has_log_prob(self) -> bool:
        """Whether G has `log_prob`."""
        return hasattr(self.generator, "log_prob")

    def log_prob(self, samples: Tensor, labels: Tensor | None = None, *, seed: int) -> Tensor:
        """Return G's log p(x) of samples in stored form, (N,), with the latents of `seed`.

        Labels are drawn where none are given.
        """
        method: Any = self.generator.log_prob
        found, size = [], BLOCK * SAMPLING_BLOCKS
        for first in range(0, len(samples), size):
            part = encode(self.spec, samples[first : first + size].to(self.device))
            given = None if labels is None else labels[first : first + size]
            latents, asked = self.inputs(Rows(first, len(part)), seed, given)
            with self.in_eval_mode(seed):
                found.append(method(part, latents, self.model_form(asked)))
        return torch.cat(found)

    def interpolate(
        self, count: int, steps: int, *, seed: int = 0, labels: Tensor | None = None
    ) -> Tensor:
        """Return walks between pairs of latents, (count * steps, *shape) in stored form.

        The walk is spherical (White 2016, arXiv:1609.04468). It keeps the label and the noise of
        its first sample.

        Args:
            labels: as for `batches`, for one walk after the other.

        Raises:
            Diverged: a sample holds values that are not finite.
        """
        latents, labels = self.inputs(Rows(0, 2 * count), seed, labels)
        start, end = latents[:count], latents[count:]
        along = torch.linspace(0, 1, steps, device=self.device)
        walks = torch.stack([spherical(start, end, float(t)) for t in along], dim=1)
        asked = None if labels is None else labels[:count].repeat_interleave(steps, 0)
        noise = RepeatedNoise(self.noise(Rows(0, count), seed), steps)
        with self.in_eval_mode(seed):
            walked = _finite(self._forward(walks.flatten(0, 1), asked, noise))
        return decode(self.spec, walked).cpu()

    def noise(self, rows: Rows, seed: int) -> BatchNoise:
        """Return the noise inside G of the samples with indices `rows`."""
        return self._streams(rows, seed).within("generator")

    def _streams(self, rows: Rows, seed: int) -> BatchNoise:
        return BatchNoise(RandomStreams(seed), "sample", 0, rows, self.device)

    def model_form(self, labels: Tensor | None) -> Tensor | None:
        """Return labels as G gets them: conditions in model form, classes as they are."""
        condition = self.spec.condition
        return labels if labels is None or condition is None else encode(condition, labels)

    def example(self, count: int) -> tuple[Tensor, Tensor | None]:
        """Return zeros in the form of a batch of G's inputs, without reading any data."""
        dim: Any = self.generator.latent_dim
        z, condition = torch.zeros(count, dim), self.spec.condition
        if self.label_sampler is None:
            return z, None
        if condition is None:
            return z, torch.zeros(count, dtype=torch.int64)
        return z, torch.zeros(count, *condition.model_shape)

    def _forward(self, latents: Tensor, labels: Tensor | None, noise: Noise) -> Tensor:
        given = {"noise": noise} if takes(self.generator, "noise") else {}
        y = self.model_form(labels)
        samples: Tensor = self.generator(latents, y, **given, **self.parameters)
        return samples

    @contextmanager
    def in_eval_mode(self, seed: int, block: int = 0) -> Iterator[None]:
        """Put G in eval mode, without gradients, and seed torch's default generator, inside.

        Everything is restored afterwards.
        """
        with evaluating(self.generator), torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(RandomStreams(seed).key("inside", 0, block))
            yield


def rows_not_finite(samples: Tensor) -> list[int]:
    """Return which rows of samples in model form hold values that are not finite."""
    return samples.flatten(1).isfinite().all(1).logical_not().nonzero()[:, 0].tolist()


def not_finite(wrong: Sequence[int], count: int) -> Diverged:
    """Return the error about samples that are not finite, by their indices among `count`."""
    return Diverged(
        f"the generator makes {len(wrong)} of {count} samples with values that are not finite, "
        f"the first is sample {wrong[0]}",
        hint="use an earlier checkpoint: --checkpoint STEP",
    )


def _finite(samples: Tensor) -> Tensor:
    if wrong := rows_not_finite(samples):
        raise not_finite(wrong, len(samples))
    return samples


@contextmanager
def evaluating(part: Any) -> Iterator[None]:
    """Put G, or a latent that is a module, in eval mode inside; leave any other part alone."""
    if not isinstance(part, nn.Module):
        yield
        return
    training = part.training
    part.eval()
    try:
        yield
    finally:
        part.train(training)


@dataclass(frozen=True)
class RepeatedNoise:
    """A `ganzoo.api.Noise` in which each row of another one stands `times` times in a row."""

    noise: Noise
    times: int

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Return float32 (B * times, *shape) in [0, 1)."""
        return self.noise.uniform(name, *shape).repeat_interleave(self.times, 0)

    def normal(self, name: str, *shape: int) -> Tensor:
        """Return float32 (B * times, *shape), standard normal."""
        return self.noise.normal(name, *shape).repeat_interleave(self.times, 0)


def spherical(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Return the point at fraction t of the great arc from a to b, row by row, (B, D)."""
    cosine = torch.cosine_similarity(a, b, dim=1).clamp(-1, 1)[:, None]
    angle = torch.arccos(cosine).clamp(min=1e-6)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


# --- labels ---


def label_counts(distribution: str, dataset: Dataset) -> list[int]:
    """Return the relative frequency of each class among generated samples.

    Args:
        distribution: ``data`` (counts of the training data) or ``uniform`` (1 each).
    """
    classes = dataset.spec.classes
    if distribution == "uniform":
        return [1] * classes
    return torch.bincount(labels_of(dataset), minlength=classes).tolist()


@dataclass(frozen=True)
class LabelSampler:
    """Draws labels by their cumulative probabilities, float64 (classes,)."""

    cumulative: Tensor

    @classmethod
    def of(cls, distribution: str, dataset: Dataset) -> LabelSampler:
        """Return the sampler of a distribution, as for `label_counts`."""
        return cls.by_counts(label_counts(distribution, dataset))

    @classmethod
    def by_counts(cls, counts: Sequence[int]) -> LabelSampler:
        """Return the sampler that draws labels in proportion to these counts, one per class."""
        exact = torch.tensor(counts, dtype=torch.float64)
        return cls((exact / exact.sum()).cumsum(0))

    def draw(self, noise: BatchNoise) -> Tensor:
        """Return labels int64 (B,) for a batch."""
        return noise.draw("labels", self._sample)

    def _sample(self, n: int, generator: torch.Generator) -> Tensor:
        coins = torch.rand(n, generator=generator, dtype=torch.float64)
        return torch.searchsorted(self.cumulative, coins).clamp_(max=len(self.cumulative) - 1)


# --- conditions ---


def condition_counts(dataset: Dataset) -> ConditionCounts | None:
    """Return the counts of a data set that has `condition_counts`; None for another.

    Raises:
        DataError: the conditions or the counts do not have their forms.
    """
    if not hasattr(dataset, "condition_counts"):
        return None
    conditions, counts = dataset.condition_counts()
    check_conditions(conditions, dataset.spec)
    if counts.dtype != torch.int64 or counts.shape != (len(conditions),):
        raise DataError(
            f"condition_counts of {type(dataset).__name__} does not give one count a condition",
            hint="return (conditions in stored form (K, ...), int64 (K,))",
        )
    return ConditionCounts(conditions, counts.tolist())


@dataclass(frozen=True)
class ConditionSampler:
    """Draws conditions in stored form from their counts, or else from a data set.

    Of a data set, sample i gets the condition of row ``permutation(seed)[i mod N]``, so that
    conditions are as frequent as in the data. If rows have none of their own, the data set's `draw`
    gives one.

    Args:
        read: returns the data set; called at the first draw that needs it.
        counts: conditions and how often each is drawn, which needs no data.
    """

    read: Callable[[], Dataset]
    counts: ConditionCounts | None = None

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, once it is read."""
        return self.read()

    @cached_property
    def _is_drawn(self) -> bool:
        return hasattr(self.dataset, "draw") and self.dataset[0][1] is None

    def draw(self, noise: BatchNoise) -> Tensor:
        """Return the conditions (B, *condition.shape) of a batch, in stored form."""
        if self.counts is not None:
            chosen = LabelSampler.by_counts(self.counts.counts).draw(noise)
            return self.counts.conditions[chosen].to(noise.device)
        dataset, rows, streams = self.dataset, noise.rows, noise.streams
        if self._is_drawn:
            on_cpu = replace(noise, device=CPU).within("draw")
            indices, conditions = draw(dataset, on_cpu, rows.count)
        else:
            assert isinstance(streams, RandomStreams)
            index = torch.arange(rows.first, rows.first + rows.count) % len(dataset)
            indices, conditions = _permutation(streams, len(dataset))[index], None
        if conditions is None:
            conditions = conditions_at(dataset, indices.tolist())
        return conditions.to(noise.device)


@lru_cache(maxsize=2)
def _permutation(streams: RandomStreams, size: int) -> Tensor:
    return torch.randperm(size, generator=streams.generator("sample/conditions", 0))
