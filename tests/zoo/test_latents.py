"""Latents: their moments, and that they depend on the generator alone."""

import pytest
import torch
from ganzoo_zoo.latents.independent import Gaussian, Uniform

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
