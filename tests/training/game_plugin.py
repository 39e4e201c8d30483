"""A plugin in one file, for tests: what a game offers beside logits and plain samples."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganzoo.api import Game, Noise, PositiveInt, SampleSpec, Terms, hookimpl


@hookimpl
def register_generators(register: Any) -> None:
    register("noisy", "local:Noisy", summary="G with noise of its own in two layers")


@hookimpl
def register_discriminators(register: Any) -> None:
    register("packed", "local:Packed", summary="D of several consecutive samples at once")
    register("timed", "local:Timed", summary="D that is given the step of its augmentation")


@hookimpl
def register_regularizers(register: Any) -> None:
    register("top-k", "local:TopK", summary="three quarters of the generated samples")
    register("rows", "local:OwnRows", summary="compares gathered rows with those of this process")
    register("mixing", "local:Mixing", summary="other latents in the place of some")


@hookimpl
def register_losses(register: Any) -> None:
    register("pairing", "local:Pairing", summary="relativistic pairing, arXiv:1807.00734")
    register("watching", "local:Watching", summary="reads D's logits of both sides, or of real")


@hookimpl
def register_augmentations(register: Any) -> None:
    register("diffusion", "local:Diffusion", summary="noise of a random strength")


class Noisy(nn.Module):
    """Two layers, each with normal noise; one name serves two shapes."""

    capabilities = frozenset({"graph-safe"})

    def __init__(self, spec: SampleSpec, *, latent_dim: PositiveInt = 8) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.first, self.second = nn.Linear(latent_dim, 16), nn.Linear(16, spec.size)
        self.shape = spec.model_shape

    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        h = torch.relu(self.first(z) + noise.normal("noise", 16))
        h = self.second(h) + 0.1 * noise.normal("noise", self.second.out_features)
        return (h + noise.uniform("noise", 1)).tanh().view(-1, *self.shape)


class Packed(nn.Module):
    """A linear D of `count` consecutive samples: PacGAN, arXiv:1712.04086."""

    capabilities = frozenset({"graph-safe"})

    def __init__(self, spec: SampleSpec, *, count: PositiveInt = 4) -> None:
        super().__init__()
        self.batch_multiple = count
        self.body = nn.Linear(count * spec.size, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.body(x.reshape(len(x) // self.batch_multiple, -1)).squeeze(1)


class Timed(nn.Module):
    """A linear D of the sample and its step of diffusion."""

    capabilities = frozenset({"augmentation-aware", "graph-safe"})

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        self.body, self.step = nn.Linear(spec.size, 1), nn.Embedding(10, spec.size)

    def forward(
        self, x: Tensor, y: Tensor | None = None, *, extra: Mapping[str, Tensor] | None
    ) -> Tensor:
        h = x.flatten(1)
        if extra is not None:
            h = (h * self.step(extra["t"])).tanh()
        return self.body(h).squeeze(1)


class Diffusion(nn.Module):
    """Diffusion-GAN's x + t noise; keeps what it observed. arXiv:2206.02262."""

    capabilities = frozenset({"graph-safe"})

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        self.register_buffer("observed", torch.zeros(3))

    def __call__(self, x: Tensor, noise: Noise) -> tuple[Tensor, dict[str, Tensor]]:
        t = (10 * noise.uniform("t")).long()
        strength = 0.05 * t.view(-1, *[1] * (x.dim() - 1))
        return x + strength * noise.normal("noise", *x.shape[1:]), {"t": t}

    def observe(self, statistics: Mapping[str, Any]) -> None:
        signs = [statistics.get(f"{side}_logits_sign", torch.nan) for side in ("real", "fake")]
        self.observed.copy_(torch.tensor([*map(float, signs), statistics["samples"]]))


class TopK:
    """Three quarters of the generated samples, those with the highest logits."""

    capabilities = frozenset({"batch-coupled"})

    def prepare(self, game: Game) -> Game:
        if game.player == "discriminator":
            return game
        best = game.fake_logits.topk(3 * len(game.fake) // 4).indices
        return game.replace(latents=game.latents[best], fake=game.fake[best])


class Mixing:
    """Other latents for half of the samples."""

    capabilities = frozenset({"graph-safe"})

    def prepare(self, game: Game) -> Game:
        swapped = game.uniform("swapped", 1) < 0.5
        return game.replace(latents=torch.where(swapped, game.latent("other"), game.latents))


class OwnRows:
    """Zero, or infinite where the rows of this process are not found among those of all."""

    def discriminator(self, game: Game) -> Terms:
        found = game.gather(game.latents)[game.rows]
        return {"rows": torch.where(found == game.latents, 0.0, torch.inf).sum()}


class Pairing:
    """Each real logit against the generated one of its row."""

    def discriminator(self, game: Game) -> Terms:
        return {"pairs": softplus(game.fake_logits - game.real_logits).mean()}

    def generator(self, game: Game) -> Terms:
        return {"pairs": softplus(game.real_logits - game.fake_logits).mean()}


class Watching:
    """A loss of D and G that reads the generated samples' logits in D's update, or does not."""

    def __init__(self, *, both: bool = True) -> None:
        self.both = both

    def discriminator(self, game: Game) -> Terms:
        real = game.real_logits.square().mean()
        return {"real": real + game.fake_logits.square().mean() if self.both else real}

    def generator(self, game: Game) -> Terms:
        return {"fake": -game.fake_logits.mean()}
