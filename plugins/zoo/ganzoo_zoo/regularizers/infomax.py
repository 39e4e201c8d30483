"""Mutual information between local and global features, of InfoMax-GAN."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ganzoo.api import DiscriminatorOutput, Game, Terms
from ganzoo_zoo.blocks.precision import full_precision


class InfoMax:
    """InfoNCE between the local features of an image and the global feature of the same image.

    -E log exp(l.g) / (exp(l.g) + sum of exp(l'.g)), with g the global feature of an image, l one of
    its local features and l' those of all other images of the global batch. D: of real images; G:
    of generated ones. Both features are D's head ``infomax``. The recipe's weight is the paper's
    alpha and beta, 0.2 both.

    Args:
        own: how other local features of the same image leave the denominator: `excluded`, as in the
            equation; or `lowered`, with a logit of -10, as in mimicry.

    Source: Lee et al. 2021, arXiv:2007.04589.
    """

    capabilities = frozenset({"batch-coupled", "graph-safe"})
    requires = frozenset({"zoo/infomax"})

    def __init__(self, *, own: Literal["excluded", "lowered"] = "excluded") -> None:
        self.own = own

    def discriminator(self, game: Game) -> Terms:
        return {"infomax": self.info_nce(game, game.real_output)}

    def generator(self, game: Game) -> Terms:
        return {"infomax": self.info_nce(game, game.fake_output)}

    def info_nce(self, game: Game, output: DiscriminatorOutput) -> Tensor:
        local = full_precision(output.extra["local"]).flatten(2)  # (B, d, P)
        g = full_precision(output.extra["global"])  # (B, d)
        everything = game.gather(local)  # (N, d, P)
        positive = torch.einsum("bdp,bd->bp", local, g)
        negative = torch.einsum("ndp,bd->bnp", everything, g)  # (B, N, P)
        itself = game.rows[:, None] == torch.arange(len(everything), device=g.device)  # (B, N)
        # Finite, so that the gradient of a batch of one image is 0 and not NaN.
        lowered = -10.0 if self.own == "lowered" else -1e9
        negative = negative.masked_fill(itself[..., None], lowered).flatten(1)  # (B, NP)
        batch, places = positive.shape
        logits = torch.cat(
            [positive[..., None], negative[:, None].expand(-1, places, -1)], 2
        ).flatten(0, 1)  # (BP, 1 + NP)
        first = torch.zeros(batch * places, dtype=torch.int64, device=g.device)
        return cross_entropy(logits, first)
