"""An extractor at work on samples of one form, and on those of a generator that a metric asks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.api import Extractor, SampleSpec
from ganzoo.scoring.features import BATCH_SIZE, features_of, features_of_batch
from ganzoo.scoring.preparation import unrounded


def nothing() -> None:
    """Let the work go on."""


@dataclass(frozen=True)
class Extraction:
    """An extractor on `device`, for samples of `spec`, at most `batch_size` at once.

    Args:
        watch: called after every batch; may raise to end the work.
    """

    extractor: Extractor
    spec: SampleSpec
    device: torch.device
    batch_size: int = BATCH_SIZE
    watch: Callable[[], None] = nothing

    def features(self, samples: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield the features of samples in stored form, as `features_of` does."""
        batches = (samples, self.extractor, self.spec, self.device, self.batch_size)
        for features in features_of(*batches):
            self.watch()
            yield features

    def width(self, samples: Tensor) -> int:
        """Return D, asking for the features of a first sample where the extractor does not say."""
        return self.extractor.num_features or next(self.features([samples[:1]])).shape[1]

    def class_logits(self, features: Tensor) -> Tensor | None:
        """Return what the extractor's classifier says of features, (N, K), if it has one."""
        if not hasattr(self.extractor, "class_logits"):
            return None
        with torch.inference_mode():
            parts = [
                self.extractor.class_logits(part.to(self.device)).float().cpu()
                for part in torch.split(features, self.batch_size)
            ]
        return torch.cat(parts)


@dataclass(frozen=True)
class ScoredGenerator:
    """A generator in eval mode, as far as a score has to know it.

    Args:
        latents: (count, seed) → latents and labels, by the recipe's laws.
        generate: (latents, labels) → samples in model form.
    """

    latents: Callable[[int, int], tuple[Tensor, Tensor | None]]
    generate: Callable[[Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Probe:
    """A `ganzoo.api.GeneratorProbe`: a generator seen through an extractor."""

    generator: ScoredGenerator
    extraction: Extraction

    def latents(self, count: int, seed: int) -> tuple[Tensor, Tensor | None]:
        """Return latents and labels, see `ganzoo.api.GeneratorProbe`."""
        return self.generator.latents(count, seed)

    def features(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Return features that no rounding has touched, see `ganzoo.api.GeneratorProbe`.

        Raises:
            DataError: the samples are made of symbols.
        """
        extraction = self.extraction
        samples = unrounded(extraction.spec, self.generator.generate(latents, labels))
        return features_of_batch(samples, extraction.extractor, extraction.spec, extraction.device)
