"""InfoGAN's head Q on another discriminator: Chen et al. 2016, arXiv:1606.03657."""

from typing import Literal

import torch
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, NonNegativeInt, PositiveInt, SampleSpec
from ganzoo_zoo.networks import dcgan, mlp, resnet

NETWORKS = {
    "dcgan": dcgan.Discriminator,
    "mlp": mlp.Discriminator,
    "resnet": resnet.Discriminator,
}


class Discriminator(nn.Module):
    """Another discriminator with a head Q that reads the code of the latent `codes`.

    Q is one linear layer on the last features. It returns the logits of each category, then the
    means and the log-variances of the numbers, in the output `code`.

    Args:
        network: the discriminator; its other parameters have their defaults.
        width: of the network.
        spectral_norm: of the network; Q has none.
        categories: as in the latent `codes`.
        numbers: as in the latent `codes`.

    Source: Chen et al. 2016, arXiv:1606.03657, section 6.
    """

    capabilities = frozenset({"batch-coupled", "features", "graph-safe", "zoo/code-head"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        network: Literal["dcgan", "mlp", "resnet"] = "dcgan",
        width: PositiveInt = 64,
        spectral_norm: bool = False,
        categories: tuple[PositiveInt, ...] = (10,),
        numbers: NonNegativeInt = 2,
    ) -> None:
        super().__init__()
        self.network = NETWORKS[network](spec, width=width, spectral_norm=spectral_norm)
        if "batch-coupled" not in self.network.capabilities:
            self.capabilities -= {"batch-coupled"}
        self.Q = nn.Linear(last_features(self.network, spec), sum(categories) + 2 * numbers)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge samples (B, *model_shape); `extra["code"]` is what Q reads, (B, outputs)."""
        output = self.network(x)
        return DiscriminatorOutput(
            output.logits,
            output.features,
            extra={"code": self.Q(output.features[-1].flatten(1))},
        )


def last_features(network: nn.Module, spec: SampleSpec) -> int:
    """Return how many numbers the last features of a discriminator have."""
    with torch.no_grad():
        output = network.eval()(torch.zeros(1, *spec.model_shape))
    network.train()
    return int(output.features[-1].numel())
