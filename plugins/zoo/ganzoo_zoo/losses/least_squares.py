"""The least-squares loss of Mao et al. 2017, arXiv:1611.04076."""

from ganzoo.api import Game, Terms


class LeastSquares:
    """Least squares between logits and targets (LSGAN).

    D minimises 1/2 E (D(x) - b)^2 + 1/2 E (D(G(z)) - a)^2, and G minimises 1/2 E (D(G(z)) - c)^2,
    eq. 2. The defaults are the paper's 0-1 coding, eq. 9; `a: -1, b: 1, c: 0` makes G minimise a
    Pearson divergence, eq. 8. If D returns K logits per sample, the means run over these too.

    Args:
        a: D's target for generated samples.
        b: D's target for real samples; must be above `a`.
        c: G's target for generated samples; must be above `a`.

    Raises:
        ValueError: `b` or `c` is not above `a`.

    Source: Mao et al. 2017, arXiv:1611.04076.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(self, *, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> None:
        if b <= a or c <= a:
            raise ValueError(f"the targets b ({b}) and c ({c}) must be above a ({a})")
        self.a, self.b, self.c = a, b, c

    def discriminator(self, game: Game) -> Terms:
        return {
            "real": (game.real_logits - self.b).square().mean() / 2,
            "fake": (game.fake_logits - self.a).square().mean() / 2,
        }

    def generator(self, game: Game) -> Terms:
        return {"fake": (game.fake_logits - self.c).square().mean() / 2}
