"""The components of the plugin `lab`."""

import torch
from torch import nn


class Flat(nn.Module):
    """Makes vectors where images are wanted."""

    def __init__(self, spec, *, latent_dim: int = 4) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.layer = nn.Linear(latent_dim, 5)

    def forward(self, z, y=None):
        return self.layer(z)


class Crashing(nn.Module):
    """Raises what nobody expects of a constructor."""

    def __init__(self, spec, *, latent_dim: int = 4) -> None:
        raise KeyError("weights")


class Classy:
    """Needs logits over the classes."""

    requires = frozenset({"class-logits"})

    def discriminator(self, game):
        return {"classes": game.real_output.class_logits.mean()}

    def generator(self, game):
        return {"fake": game.fake_logits.mean()}


class Failing(Classy):
    """Mixes shapes that do not fit."""

    requires = frozenset()

    def discriminator(self, game):
        return {"real": (torch.ones(3) * game.real_logits).mean()}


class Termless(Classy):
    """Says nothing."""

    requires = frozenset()

    def discriminator(self, game):
        return {}
