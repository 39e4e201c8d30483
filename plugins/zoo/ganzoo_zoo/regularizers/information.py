"""The mutual information of InfoGAN: Chen et al. 2016, arXiv:1606.03657."""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ganzoo.api import Game, NonNegativeFloat, NonNegativeInt, PositiveInt, Terms


class Information:
    """Both players learn that D's head Q can read the code c of z from G(z).

    Both minimise -lambda E log Q(c | G(z)), a bound of the mutual information, eq. 5: the cross
    entropy of each category, and the negative log-likelihood of a normal distribution for each
    number, whose mean and log-variance Q returns. D is fixed in G's update, so Q learns in D's.
    It needs the latent `codes` and the discriminator `infogan`.

    Args:
        categories: as in the latent `codes`.
        numbers: as in the latent `codes`.
        lambda_categories: factor of the categories' terms; the paper has 1.
        lambda_numbers: factor of the numbers' term, so that it is of the scale of the loss.

    Raises:
        ValueError: in an update, D's head is for another code.

    Source: Chen et al. 2016, arXiv:1606.03657, eq. 5 and 6.
    """

    capabilities = frozenset({"graph-safe"})
    requires = {"discriminator": frozenset({"zoo/code-head"}), "latent": frozenset({"zoo/code"})}

    def __init__(
        self,
        *,
        categories: tuple[PositiveInt, ...] = (10,),
        numbers: NonNegativeInt = 2,
        lambda_categories: NonNegativeFloat = 1.0,
        lambda_numbers: NonNegativeFloat = 0.1,
    ) -> None:
        self.categories = categories
        self.numbers = numbers
        self.lambda_categories = lambda_categories
        self.lambda_numbers = lambda_numbers

    def discriminator(self, game: Game) -> Terms:
        read = game.fake_output.extra["code"].float()  # (B, categories + 2 numbers)
        sizes = [*self.categories, self.numbers, self.numbers]
        if read.shape[1] != sum(sizes):
            raise ValueError(
                f"D's head has {read.shape[1]} outputs, not the {sum(sizes)} of categories "
                f"{list(self.categories)} and {self.numbers} numbers: set both alike in the "
                "latent, the discriminator and the regularizer"
            )
        *logits, mean, log_variance = torch.split(read, sizes, 1)
        code = game.latents[:, : sum(sizes) - self.numbers].detach()
        *given, c = torch.split(code, sizes[:-1], 1)
        terms = {}
        if logits:
            each = [cross_entropy(*pair) for pair in zip(logits, given, strict=True)]
            terms["categories"] = self.lambda_categories * torch.stack(each).sum()
        if self.numbers:
            likelihood = log_normal(c, mean, log_variance).sum(1)
            terms["numbers"] = -self.lambda_numbers * likelihood.mean()
        return terms

    generator = discriminator


def log_normal(c: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the log-density of each number under a normal distribution."""
    square = (c - mean).square() / log_variance.exp()
    return -(square + log_variance + math.log(2 * math.pi)) / 2
