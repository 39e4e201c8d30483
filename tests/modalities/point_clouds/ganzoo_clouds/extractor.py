"""Features that do not depend on the order of the points."""

import torch
from torch import Tensor


class Moments:
    """Quantiles of the radii and of the heights of a cloud's points."""

    input_shape = None
    num_features = 10
    layer = "quantiles"
    weights_sha256 = None

    def __call__(self, x: Tensor) -> Tensor:
        """Return float32 (B, 10) of clouds (B, N, 3)."""
        at = torch.linspace(0.1, 0.9, 5, device=x.device)
        radii, heights = x.norm(dim=2).quantile(at, dim=1), x[..., 2].abs().quantile(at, dim=1)
        return torch.cat([radii, heights]).T.contiguous()
