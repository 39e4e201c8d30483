"""PacGAN: another discriminator that judges several samples at once. arXiv:1712.04086."""

from typing import Literal

from torch import Tensor, nn

from ganzoo.api import PositiveInt, SampleSpec
from ganzoo_zoo.networks import dcgan, mlp, resnet

NETWORKS = {
    "dcgan": dcgan.Discriminator,
    "mlp": mlp.Discriminator,
    "resnet": resnet.Discriminator,
}


class Discriminator(nn.Module):
    """Another discriminator that judges packs of samples at once (PacGAN).

    The samples of a pack are side by side in the channels of an image, or in the numbers of a
    vector, so only the first layer is wider. A pack has one logit; the batch size must be a
    multiple of `packing`. The labels are not used.

    Args:
        network: the discriminator; its other parameters have their defaults.
        packing: samples in a pack, m; the paper has 2 to 4.
        width: of the network.
        spectral_norm: of the network.

    Source: Lin et al. 2018, arXiv:1712.04086, section 2.
    """

    capabilities = frozenset({"batch-coupled", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        network: Literal["dcgan", "mlp", "resnet"] = "dcgan",
        packing: PositiveInt = 2,
        width: PositiveInt = 64,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        self.batch_multiple = packing
        first, *others = spec.shape
        packs = SampleSpec(spec.modality, (packing * first, *others))
        self.shape = packs.model_shape
        self.network = NETWORKS[network](packs, width=width, spectral_norm=spectral_norm)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return a logit for each pack of consecutive samples, (B / packing,)."""
        packs = x.reshape(-1, *self.shape)
        logits: Tensor = self.network(packs).logits
        return logits
