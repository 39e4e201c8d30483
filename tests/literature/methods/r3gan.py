"""R3GAN: relativistic pairing with R1 and R2, and a burn-in of several schedules.

Paper: arXiv:2501.05441, with the schedules of the authors' code; on small plain networks.

Shows: schedules of the learning rate, gamma, Adam's beta2 and the EMA; pairs by `prepare`.
"""

from torch.nn.functional import softplus

from ganzoo.api import Game, NonNegativeFloat, Terms, hookimpl


@hookimpl
def register_losses(register):
    register("pairing", "local:Pairing", paper="arXiv:2501.05441")


@hookimpl
def register_regularizers(register):
    register("r1-r2", "local:R1R2", paper="arXiv:2501.05441")


class Pairing:
    """Each real sample against the generated one of its row: D E f(D(G(z)) - D(x)), G E f(-…).

    f is softplus.
    """

    def discriminator(self, game: Game) -> Terms:
        return {"pairs": softplus(game.fake_logits - game.real_logits).mean()}

    def generator(self, game: Game) -> Terms:
        return {"pairs": softplus(game.real_logits - game.fake_logits).mean()}


class R1R2:
    """gamma/2 (E |grad D(x)|^2 + E |grad D(G(z))|^2).

    With labels, a generated sample gets that of the real sample of its row, so that both of a pair
    are of one class.
    """

    capabilities = frozenset({"fake-gradient", "real-gradient"})

    def __init__(self, *, gamma: NonNegativeFloat = 1.0) -> None:
        self.gamma = gamma

    def prepare(self, game: Game) -> Game:
        return game.replace(fake_labels=game.labels)

    def discriminator(self, game: Game) -> Terms:
        sides = {"r1": (game.real, game.labels), "r2": (game.fake, game.fake_labels)}
        return {
            name: self.gamma / 2 * game.input_gradient(x, y)[1].square().flatten(1).sum(1).mean()
            for name, (x, y) in sides.items()
        }
