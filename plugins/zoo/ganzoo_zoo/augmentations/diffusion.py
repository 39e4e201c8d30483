"""Diffusion-GAN: D judges samples after a random number of steps of forward diffusion."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganzoo.api import Fraction, Noise, PositiveFloat, PositiveInt, SampleSpec
from ganzoo_zoo.blocks.adaptive import AdaptiveProbability


class Diffusion(nn.Module):
    """Add the noise of t steps of diffusion to all that D sees; the longer, the more D overfits.

    x_t = sqrt(abar_t) x + sqrt(1 - abar_t) sigma eps with abar_t = prod_{s <= t} (1 - beta_s);
    beta_s grows linearly from `beta_first` to `beta_last` over T = T_min + p (T_max - T_min) steps.
    p is 0 at first. While r, the mean sign of D's real logits, is above `target`, p rises by 1 in
    `diffusion_samples` real samples; below it falls as fast. Half of the samples have t = 0 and
    stay as they are; for the others P(t) is proportional to t - 1 (``priority``) or even
    (``uniform``).

    D gets t / T_max, float (B,), as `extra` if it is ``augmentation-aware``, as `dcgan-diffusion`
    and `stylegan2-diffusion` are. Other discriminators do not know t, as in Diffusion-ProjectedGAN.

    Each sample draws its own t; the authors draw a pool of 32 of them every 4 updates, and choose
    from it and 32 zeros.

    Args:
        T_min: steps at the start, and while D does not overfit.
        T_max: most steps.
        beta_first: variance that the first step adds.
        beta_last: variance that step T adds.
        sigma: sd of the noise; samples are in [-1, 1].
        distribution: of t.
        target: of r.
        interval: updates of D between two changes of p.
        diffusion_samples: real samples in which p rises from 0 to 1.

    Raises:
        ValueError: T_min above T_max, or a beta of 1 or more.

    Source: Wang et al. 2022, arXiv:2206.02262, section 3; values of its StyleGAN2 version.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        T_min: PositiveInt = 10,
        T_max: PositiveInt = 1000,
        beta_first: PositiveFloat = 1e-4,
        beta_last: PositiveFloat = 2e-2,
        sigma: PositiveFloat = 0.05,
        distribution: Literal["priority", "uniform"] = "priority",
        target: Fraction = 0.6,
        interval: PositiveInt = 4,
        diffusion_samples: PositiveInt = 100_000,
    ) -> None:
        super().__init__()
        if T_min > T_max:
            raise ValueError(f"T_min: {T_min} is above T_max: {T_max}")
        if max(beta_first, beta_last) >= 1:
            raise ValueError("beta_first and beta_last must be below 1")
        self.T_min, self.T_max = T_min, T_max
        self.beta_first, self.beta_last = beta_first, beta_last
        self.sigma = sigma
        self.distribution = distribution
        self.adaptive = AdaptiveProbability(0.0, target, interval, diffusion_samples)

    @property
    def T(self) -> Tensor:
        """Largest number of steps, ()."""
        return (self.T_min + self.adaptive.p * (self.T_max - self.T_min)).round()

    def observe(self, statistics: Mapping[str, Any]) -> None:
        self.adaptive.observe(statistics)

    def forward(self, x: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        """Return float (B, *shape), differentiable with respect to x, and t / T_max, (B,)."""
        t = torch.where(noise.uniform("clean") < 0.5, 0, self.steps(noise.uniform("t")))
        abar = self.alphas_bar()[t.long()].view(-1, *(1 for _ in x.shape[1:]))
        eps = noise.normal("eps", *x.shape[1:])
        noisy = abar.sqrt() * x + (1 - abar).sqrt() * self.sigma * eps
        return noisy.to(x.dtype), t / self.T_max

    def steps(self, u: Tensor) -> Tensor:
        """Return t in 1..T (B,), a whole number, of u uniform in [0, 1)."""
        if self.distribution == "uniform":
            return (u * self.T).floor() + 1
        # P(t <= k) = k (k - 1) / (T (T - 1)), inverted; t = 1 has probability 0
        t = ((1 + (1 + 4 * u * self.T * (self.T - 1)).sqrt()) / 2).ceil()
        return torch.minimum(t.clamp(min=1), self.T)

    def alphas_bar(self) -> Tensor:
        """Return abar_0 = 1, abar_1, …, abar_{T_max}; those after T are not used."""
        step = torch.arange(self.T_max, device=self.adaptive.p.device)
        share = (step / (self.T - 1).clamp(min=1)).clamp(max=1)
        beta = self.beta_first + (self.beta_last - self.beta_first) * share
        return torch.cat([torch.ones_like(beta[:1]), (1 - beta).cumprod(0)])
