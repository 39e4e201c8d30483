"""How smoothly a generator maps its latent space."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated, NonNegativeInt, PositiveFloat, PositiveInt

BATCH = 256


class PathLength:
    """How far the features move for a small step between two latents; lower is smoother.

    E |f(G(z_t)) - f(G(z_(t+eps)))|^2 / eps^2, where z_t lies on the great arc between two latents,
    t is uniform in [0, 1], and f are the extractor's features. It is StyleGAN's perceptual path
    length in Z with these features instead of LPIPS: it compares generators with the same latent
    distribution, data set and extractor, and not with published values. A generator that always
    makes the same sample has length 0, so compare variety as well.

    Returns ``path_length``, the mean, and ``path_length_standard_error``.

    Source: Karras et al. 2019, arXiv:1812.04948, eq. 2.

    Args:
        paths: number of pairs of latents.
        epsilon: step along the arc, as a fraction of it.
        seed: for the latents and t.

    Raises:
        DataError: the samples come from a file, not from a generator.
    """

    def __init__(
        self, *, paths: PositiveInt = 1000, epsilon: PositiveFloat = 1e-3, seed: NonNegativeInt = 0
    ) -> None:
        self.paths = paths
        self.epsilon = epsilon
        self.seed = seed

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        probe = fake.generator
        if probe is None:
            raise DataError(
                "the metric 'path-length' needs a generator, and these samples come from a file",
                hint="remove path-length from eval.metrics, or score a run",
            )
        latents, labels = probe.latents(2 * self.paths, self.seed)
        latents = latents.double()
        random = torch.Generator().manual_seed(self.seed)
        t = torch.rand(self.paths, generator=random, dtype=torch.float64).to(latents.device)
        lengths = []
        for first in range(0, self.paths, BATCH):
            some = slice(first, min(first + BATCH, self.paths))
            a, b = latents[: self.paths][some], latents[self.paths :][some]
            asked = None if labels is None else labels[: self.paths][some]
            here, there = (
                probe.features(great_arc(a, b, at).float(), asked).double()
                for at in (t[some], t[some] + self.epsilon)
            )
            lengths.append((here - there).square().sum(dim=1) / self.epsilon**2)
        length = torch.cat(lengths)
        return {
            "path_length": length.mean().item(),
            "path_length_standard_error": (length.std() / len(length) ** 0.5).item(),
        }


def great_arc(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Return the points at fractions t (N,) along the arcs from a to b, float64 (N, latent_dim).

    Source: Shoemake 1985; White 2016, arXiv:1609.04468, for latents.
    """
    angle = torch.arccos(torch.cosine_similarity(a, b, dim=1).clamp(-1, 1)).clamp(min=1e-6)
    from_a, from_b = ((angle * part).sin() / angle.sin() for part in (1 - t, t))
    return from_a[:, None] * a + from_b[:, None] * b
