"""Policy gradients for text: D's probability rewards the tokens that G draws (SeqGAN).

Papers: arXiv:1609.05473, without rollouts; doi:10.1007/BF00992696 (REINFORCE).
Shows: `score-function` and `log_prob`, `requires` of G, a loss with state.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, one_hot, pad, softmax, softplus

from ganzoo.api import Game, Noise, PositiveFloat, PositiveInt, SampleSpec, Terms, hookimpl


@hookimpl
def register_generators(register):
    register("lstm", "local:Generator", modalities={"text"}, paper="arXiv:1609.05473")


@hookimpl
def register_discriminators(register):
    register("mlp", "local:Discriminator", modalities={"text"})


@hookimpl
def register_losses(register):
    register("reinforce", "local:Reinforce", modalities={"text"}, paper="arXiv:1609.05473")


@hookimpl
def register_datasets(register):
    register("counting", "local:Counting", modalities={"text"}, splits=["train"])


class Generator(nn.Module):
    """An LSTM. Each token is drawn from its softmax; z is not used."""

    capabilities = frozenset({"score-function"})
    latent_dim = 1

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 32) -> None:
        super().__init__()
        self.length, self.vocabulary = spec.model_shape
        self.lstm = nn.LSTM(self.vocabulary, width, batch_first=True)
        self.logits = nn.Linear(width, self.vocabulary)

    def forward(self, z, y=None, *, noise: Noise, temperature: PositiveFloat = 1.0) -> Tensor:
        x, state, tokens = z.new_zeros(z.shape[0], 1, self.vocabulary), None, []
        for u in noise.uniform("tokens", self.length, 1).split(1, 1):  # (B, 1, 1) for each token
            h, state = self.lstm(x, state)
            edges = softmax(self.logits(h) / temperature, -1).cumsum(-1)[..., :-1]
            x = one_hot((u > edges).sum(-1), self.vocabulary).float()
            tokens.append(x)
        return torch.cat(tokens, 1)

    def log_prob(self, x: Tensor, z: Tensor, y: Tensor | None = None) -> Tensor:
        h, _ = self.lstm(pad(x, (0, 0, 1, -1)))  # each token from those before it
        return (log_softmax(self.logits(h), -1) * x).sum((1, 2))


class Discriminator(nn.Sequential):
    """One hidden layer over all positions."""

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(nn.Flatten(), nn.Linear(spec.size, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return super().forward(x)[:, 0]


class Reinforce(nn.Module):
    """G's gradient is that of E (r - b) log p(x), r = sigmoid D(x), b the moving mean of r."""

    requires = {"generator": frozenset({"score-function"})}

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("b", torch.zeros(()))

    def discriminator(self, game: Game) -> Terms:
        real, fake = softplus(-game.real_logits), softplus(game.fake_logits)
        return {"real": real.mean(), "fake": fake.mean()}

    def generator(self, game: Game) -> Terms:
        r = game.fake_logits.detach().sigmoid().reshape(len(game.fake), -1).mean(1)
        log_p = game.generator_module.log_prob(game.fake, game.latents, game.fake_labels)
        return {"policy": -((r - self.b) * log_p).mean()}

    def after_step(self, game: Game) -> None:
        if game.player == "generator":
            self.b.lerp_(game.mean(game.fake_logits.sigmoid().mean()), 0.1)


class Counting(list):
    """Sequences that count from each token by each step, modulo the size of the vocabulary."""

    spec = SampleSpec("text", (6,), vocabulary=5)

    def __init__(self, split: str) -> None:
        super().__init__(((i // 5 + i % 5 * torch.arange(6)) % 5, None) for i in range(25))
