"""The orthogonal regularization of Brock et al. 2018, arXiv:1809.11096."""

import torch
from torch import nn

from ganzoo.api import Game, NonNegativeFloat, Terms


class Orthogonal:
    """beta |W W^T * (1 - I)|_F^2 over the weights W (outputs, inputs) of G: no norm is penalized.

    The weights are those of convolutions and linear layers, before spectral norm, and not the
    embeddings of labels. BigGAN-PyTorch adds half of this gradient.

    Args:
        beta: the paper has 1e-4.

    Source: Brock et al. 2018, arXiv:1809.11096, eq. 3.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(self, *, beta: NonNegativeFloat = 1e-4) -> None:
        self.beta = beta

    def generator(self, game: Game) -> Terms:
        layers = [
            module
            for module in game.generator_module.modules()
            if isinstance(module, nn.Linear | nn.modules.conv._ConvNd)
        ]
        total = torch.zeros((), device=game.latents.device)
        for layer in layers:
            raw = dict(layer.named_parameters()).get("parametrizations.weight.original")
            W = (layer.weight if raw is None else raw).flatten(1)
            gram = W @ W.T
            total = total + (gram - gram.diag().diag()).square().sum()
        return {"orthogonal": self.beta * total}
