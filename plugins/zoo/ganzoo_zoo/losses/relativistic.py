"""Relativistic losses: D says how much more real a sample is than the other side's samples."""

from typing import Literal

from torch import Tensor
from torch.nn.functional import relu, softplus

from ganzoo.api import Game, Terms


class Relativistic:
    """Relativistic loss: each logit is compared with logits of the other side.

    With `comparison: pairing`, D minimises E f(D(x) - D(G(z))) over the pairs of row i of the real
    and of the generated batch, and G minimises E f(D(G(z)) - D(x)). With `comparison: average`, D
    minimises E f(D(x) - m_fake) + E f(m_real - D(G(z))), where m_real and m_fake are the mean
    logits of the batch, and G the same with the sides exchanged. The form gives f:

    - `logistic`: f(t) = log(1 + exp(-t)); R3GAN's loss with `pairing`
    - `hinge`: f(t) = max(0, 1 - t)
    - `least-squares`: f(t) = (t - 1)^2

    G gets a gradient through the real logits' comparison as well, so its update reads real samples.
    The means are over all processes. The author's code halves the two terms of `average`; the paper
    and this class add them. If D returns K logits per sample, each column is compared with itself.

    Args:
        comparison: `average` over the other side's batch (RaGAN), or `pairing` by row (RpGAN).
        form: f, the loss of a difference of logits.

    Raises:
        ValueError: in an update, `pairing` with other numbers of real and of generated samples.

    Source: Jolicoeur-Martineau 2018, arXiv:1807.00734, sections 4.2 and 4.3; `hinge` and pairing
    with R1 and R2: Huang et al. 2024, arXiv:2501.05441, eq. 2.
    """

    capabilities = frozenset({"batch-coupled", "graph-safe"})

    def __init__(
        self,
        *,
        comparison: Literal["average", "pairing"] = "average",
        form: Literal["logistic", "hinge", "least-squares"] = "logistic",
    ) -> None:
        self.comparison = comparison
        self.form = form
        if comparison == "pairing":
            self.capabilities -= {"batch-coupled"}

    def discriminator(self, game: Game) -> Terms:
        return self._terms(game, game.real_logits, game.fake_logits, ("real", "fake"))

    def generator(self, game: Game) -> Terms:
        return self._terms(game, game.fake_logits, game.real_logits, ("fake", "real"))

    def _terms(self, game: Game, up: Tensor, down: Tensor, names: tuple[str, str]) -> Terms:
        """Return the loss of a player that raises the logits `up` above the logits `down`."""
        if self.comparison == "pairing":
            if up.shape != down.shape:
                raise ValueError(
                    f"pairing compares row by row, but D returned logits of {tuple(up.shape)} and "
                    f"{tuple(down.shape)} for the two sides; use comparison: average"
                )
            return {"pairs": self._f(up - down).mean()}
        mean_up, mean_down = game.mean(up.mean(0)), game.mean(down.mean(0))
        return {
            names[0]: self._f(up - mean_down).mean(),
            names[1]: self._f(mean_up - down).mean(),
        }

    def _f(self, difference: Tensor) -> Tensor:
        if self.form == "logistic":
            return softplus(-difference)
        if self.form == "hinge":
            return relu(1 - difference)
        return (difference - 1).square()
