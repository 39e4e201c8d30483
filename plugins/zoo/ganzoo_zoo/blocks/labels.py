"""How networks use labels: conditional batch norm in G, projection in D."""

import torch
from torch import Tensor, nn

from ganzoo.nn import required_labels


class ConditionalBatchNorm2d(nn.Module):
    """Batch norm with a gain and a shift per class; plain batch norm if `classes` is 0.

    Gains start as N(1, 0.02), shifts at 0.

    Source: de Vries et al. 2017, arXiv:1707.00683, in the form of Miyato & Koyama 2018,
        arXiv:1802.05637, which looks gain and shift up by label.
    """

    def __init__(self, channels: int, classes: int = 0) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not classes)
        self.rows = nn.Embedding(classes, 2 * channels) if classes else None
        if self.rows is not None:
            nn.init.normal_(self.rows.weight[:, :channels], 1, 0.02)
            nn.init.zeros_(self.rows.weight[:, channels:])

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Normalise x (B, C, H, W) over the batch; y is (B,) int64, ignored without classes."""
        x = self.norm(x)
        if self.rows is None:
            return x
        gain, shift = self.rows(required_labels(y)).to(x.dtype)[..., None, None].chunk(2, dim=1)
        return torch.addcmul(shift, gain, x)


class Projection(nn.Embedding):
    """Inner product of features with a learned vector per class, to be added to D's logit.

    Source: Miyato & Koyama 2018, arXiv:1802.05637, eq. 3.
    """

    def __init__(self, classes: int, features: int) -> None:
        super().__init__(classes, features)
        nn.init.xavier_uniform_(self.weight)

    def forward(self, features: Tensor, y: Tensor | None) -> Tensor:  # type: ignore[override]
        """Return <v_y, features>, (B,), for features (B, features) and labels (B,) int64."""
        return (super().forward(required_labels(y)) * features).sum(1)
