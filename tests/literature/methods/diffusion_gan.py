"""Diffusion-GAN: D judges samples after t steps of diffusion, and knows t.

Paper: arXiv:2206.02262.

Shows: an augmentation that returns `(x, extra)` and adapts by `observe`, an `augmentation-aware` D.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ganzoo.api import Fraction, Noise, PositiveFloat, PositiveInt, SampleSpec, hookimpl


@hookimpl
def register_augmentations(register):
    register("diffusion", "local:Diffusion", paper="arXiv:2206.02262")


@hookimpl
def register_discriminators(register):
    register("timed", "local:Timed", paper="arXiv:2206.02262")


class Diffusion(nn.Module):
    """x_t = sqrt(abar_t) x + sqrt(1 - abar_t) sigma eps, with abar_t = prod_{s <= t} (1 - beta_s).

    Half of the samples stay clean, with t = 0. For the others P(t) is proportional to t - 1, for t
    up to T = T_min + p (T_max - T_min). The beta_s grow linearly from `beta_0` to `beta_T` at T.
    While the mean sign of D's real logits is above `d_target`, p rises by 1 in `t_samples` real
    samples; below it falls as fast.
    """

    def __init__(
        self,
        spec: SampleSpec,
        *,
        T_min: PositiveInt = 10,
        T_max: PositiveInt = 1000,
        beta_0: PositiveFloat = 1e-4,
        beta_T: PositiveFloat = 2e-2,
        sigma: PositiveFloat = 0.05,
        d_target: Fraction = 0.6,
        t_samples: PositiveInt = 100_000,
    ) -> None:
        super().__init__()
        self.T_min, self.T_max, self.beta_0, self.beta_T = T_min, T_max, beta_0, beta_T
        self.sigma, self.d_target, self.t_samples = sigma, d_target, t_samples
        self.register_buffer("p", torch.zeros(()))

    def __call__(self, x: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        T = (self.T_min + self.p * (self.T_max - self.T_min)).round()
        # P(t <= k) = k (k - 1) / (T (T - 1)), inverted.
        t = ((1 + (1 + 4 * noise.uniform("t") * T * (T - 1)).sqrt()) / 2).ceil()
        t = torch.where(noise.uniform("clean") < 0.5, 0, t)  # (B,)
        alphas_bar = self.alphas_bar(T)[t.long()].view(-1, *(1 for _ in x.shape[1:]))
        eps = noise.normal("eps", *x.shape[1:])
        return alphas_bar.sqrt() * x + (1 - alphas_bar).sqrt() * self.sigma * eps, t / self.T_max

    def alphas_bar(self, T: Tensor) -> Tensor:
        """Return abar_0 = 1, abar_1, …, abar_{T_max}; those after T are not used."""
        s = torch.arange(self.T_max, device=T.device)
        beta = self.beta_0 + (self.beta_T - self.beta_0) * (s / (T - 1)).clamp(max=1)
        return torch.cat([torch.ones_like(beta[:1]), (1 - beta).cumprod(0)])

    def observe(self, statistics: Mapping[str, Any]) -> None:
        direction = (statistics["real_logits_sign"].to(self.p) - self.d_target).sign()
        self.p += direction * statistics["samples"] / self.t_samples
        self.p.clamp_(0, 1)


class Timed(nn.Module):
    """A multilayer perceptron of the sample and of t / T_max."""

    capabilities = frozenset({"augmentation-aware"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 16) -> None:
        super().__init__()
        self.sample, self.time = nn.Linear(spec.size, width), nn.Linear(1, width)
        self.logit = nn.Linear(width, 1)

    def forward(self, x: Tensor, y: Tensor | None = None, *, extra: Tensor | None) -> Tensor:
        t = x.new_zeros(len(x)) if extra is None else extra
        h = leaky_relu(self.sample(x.flatten(1)) + self.time(t[:, None]), 0.2)
        return self.logit(h)[:, 0]
