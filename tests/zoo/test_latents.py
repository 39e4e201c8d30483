"""Latents: their moments, and that they depend on the generator alone."""

import pytest
import torch
from ganzoo_zoo.latents.independent import Gaussian, Uniform
from ganzoo_zoo.latents.mixture import Mixture

both = pytest.mark.parametrize("law", [Gaussian, Uniform])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


@both
def test_a_latent_is_float32_and_a_function_of_its_generator(
    law: type[Gaussian] | type[Uniform],
) -> None:
    z = law(7).sample(5, generator())
    assert z.shape == (5, 7)
    assert z.dtype == torch.float32
    assert torch.equal(z, law(7).sample(5, generator()))


def test_gaussian_has_mean_zero_and_covariance_one() -> None:
    z = Gaussian(4).sample(100_000, generator())
    torch.testing.assert_close(z.mean(0), torch.zeros(4), atol=0.02, rtol=0)
    torch.testing.assert_close(z.T.cov(), torch.eye(4), atol=0.02, rtol=0)


def test_uniform_fills_the_interval_from_minus_one_to_one() -> None:
    z = Uniform(4).sample(100_000, generator())
    assert z.min() >= -1
    assert z.max() < 1
    torch.testing.assert_close(z.mean(0), torch.zeros(4), atol=0.02, rtol=0)
    torch.testing.assert_close(z.T.cov(), torch.eye(4) / 3, atol=0.02, rtol=0)


def test_a_mixture_draws_each_component_equally_often_with_its_own_mean_and_sd() -> None:
    mixture = Mixture(2, components=3)
    with torch.no_grad():
        mixture.means.copy_(torch.tensor([[-100.0, 0.0], [0.0, 50.0], [100.0, 0.0]]))
        mixture.sds.copy_(torch.tensor([[1.0, 2.0], [0.5, 1.0], [0.1, 0.2]]))
    z = mixture.sample(60_000, generator()).detach()
    nearest = torch.cdist(z, mixture.means.detach()).argmin(1)
    assert nearest.bincount().tolist() == pytest.approx([20_000] * 3, abs=500)  # 4 binomial sds
    for k in range(3):
        own = z[nearest == k]
        torch.testing.assert_close(own.mean(0), mixture.means[k].detach(), atol=0.06, rtol=0)
        torch.testing.assert_close(own.std(0), mixture.sds[k].detach(), atol=0, rtol=0.03)


def test_the_gradient_of_a_mixtures_sample_reaches_means_and_sds_of_drawn_components() -> None:
    mixture = Mixture(2, components=50)
    z = mixture.sample(4, generator())
    z.sum().backward()
    assert mixture.means.grad is not None
    assert mixture.sds.grad is not None
    assert mixture.means.grad.sum() == 8  # 4 rows of 2
    drawn = mixture.means.grad.any(dim=1)
    assert 1 <= drawn.sum() <= 4
    assert torch.equal(mixture.sds.grad.any(dim=1), drawn)
