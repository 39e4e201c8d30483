"""Spectral normalisation of all weights of a network."""

from torch import nn
from torch.nn.utils import parametrizations

from ganzoo_zoo.blocks.labels import Projection


def add_spectral_norm(network: nn.Module, eps: float = 1e-12) -> None:
    """Divide each weight of convolutions, linear layers and projections by its spectral norm.

    In training mode every forward pass makes one step of power iteration; evaluation mode keeps
    the last estimate. Call this after the weights are initialised, because the first estimate
    (15 steps) is made here.

    Args:
        eps: lower bound of the norms that the power iteration divides by.

    Source: Miyato et al. 2018, arXiv:1802.05957, algorithm 1.
    """
    weighted = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, Projection)
    for layer in [module for module in network.modules() if isinstance(module, weighted)]:
        parametrizations.spectral_norm(layer, eps=eps)
