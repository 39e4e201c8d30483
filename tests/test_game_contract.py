"""Five published methods, each written against the public API alone, each against a known number.

The methods below import what a plugin may import. Only the tests use the engine's `EngineGame`,
to play them.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, relu, softplus

from ganzoo.api import DiscriminatorOutput, Game, PositiveFloat, Terms
from ganzoo.training.game import EngineGame
from ganzoo.training.networks import RequiredGradients

REFERENCE = json.loads((Path(__file__).parent / "zoo" / "losses.json").read_text())
R3GAN = REFERENCE["implementations"]["R3GAN"]
REACGAN = REFERENCE["implementations"]["ReACGAN"]


# --- the methods ---------------------------------------------------------------------------------


class WeightClipping:
    """Clamp every weight of the critic after its update. Arjovsky et al. 2017, arXiv:1701.07875."""

    def __init__(self, *, clip: PositiveFloat = 0.01) -> None:
        self.clip = clip

    def after_step(self, game: Game) -> None:
        if game.player == "discriminator":
            for weight in game.discriminator_module.parameters():
                weight.clamp_(-self.clip, self.clip)


class BalancedConsistency:
    """bCR: D is to say the same of a sample and of its augmentation, real or generated.

    Zhao et al. 2020, arXiv:2002.04724, algorithm 1: a term of D alone. Neither side of a difference
    is held still, and nothing reaches G.
    """

    def __init__(self, *, lambda_real: float = 10.0, lambda_fake: float = 10.0) -> None:
        self.lambda_real = lambda_real
        self.lambda_fake = lambda_fake

    def discriminator(self, game: Game) -> Terms:
        real = self.change(game, game.real, game.labels)
        fake = self.change(game, game.fake, game.fake_labels)
        return {"real": self.lambda_real * real, "fake": self.lambda_fake * fake}

    def change(self, game: Game, x: Tensor, y: Tensor | None) -> Tensor:
        plain = game.discriminate(x, y, augment=False).logits
        augmented = game.discriminate(game.augment(x), y, augment=False).logits
        return (plain - augmented).square().mean()


class LatentConsistency:
    """zCR: noise on z must not change what D says, and must change what G makes.

    Zhao et al. 2020, arXiv:2002.04724, algorithm 2.
    """

    def __init__(
        self, *, sigma: float = 0.03, lambda_dis: float = 5.0, lambda_gen: float = 0.5
    ) -> None:
        self.sigma = sigma
        self.lambda_dis = lambda_dis
        self.lambda_gen = lambda_gen

    def discriminator(self, game: Game) -> Terms:
        moved = game.discriminate(self.moved(game), game.fake_labels).logits
        return {"zcr": self.lambda_dis * (game.fake_logits - moved).square().mean()}

    def generator(self, game: Game) -> Terms:
        change = (game.fake - self.moved(game)).square().flatten(1).sum(1)
        return {"zcr": -self.lambda_gen * change.mean()}

    def moved(self, game: Game) -> Tensor:
        noise = game.normal("zcr", *game.latents.shape[1:])
        return game.generate(game.latents + self.sigma * noise, game.fake_labels)


class RelativisticPairing:
    """Each real logit against the generated one of its row.

    Jolicoeur-Martineau 2018, arXiv:1807.00734; Huang et al. 2025 (R3GAN), arXiv:2501.05441.
    """

    def discriminator(self, game: Game) -> Terms:
        return {"pairs": softplus(game.fake_logits - game.real_logits).mean()}

    def generator(self, game: Game) -> Terms:
        return {"pairs": softplus(game.real_logits - game.fake_logits).mean()}


class R1R2:
    """gamma/2 (E |grad D(x)|^2 + E |grad D(G(z))|^2): R3GAN, arXiv:2501.05441."""

    capabilities = frozenset({"real-gradient", "fake-gradient"})

    def __init__(self, *, gamma: float = 1.0) -> None:
        self.gamma = gamma

    def discriminator(self, game: Game) -> Terms:
        sides = {"r1": (game.real, game.labels), "r2": (game.fake, game.fake_labels)}
        return {
            name: self.gamma / 2 * game.input_gradient(x, y)[1].square().flatten(1).sum(1).mean()
            for name, (x, y) in sides.items()
        }


class DataToDataCrossEntropy:
    """D2D-CE of ReACGAN: an embedding goes to its class's proxy, away from other classes'.

    Kang et al. 2021, arXiv:2111.01118, with the authors' subtraction of the largest
    similarity, without gradient and not added back (StudioGAN; so the value depends on it).
    Needs D's `extra` to hold ``embedding`` and ``proxy``, both (B, d), the proxy of the label.
    """

    capabilities = frozenset({"batch-coupled"})

    def __init__(self, *, temperature: float = 0.5, margin: float = 0.98) -> None:
        self.temperature = temperature
        self.margin = margin

    def discriminator(self, game: Game) -> Terms:
        return {"d2d_ce": self.cross_entropy(game.real_output, game.labels)}

    def generator(self, game: Game) -> Terms:
        return {"d2d_ce": self.cross_entropy(game.fake_output, game.fake_labels)}

    def cross_entropy(self, output: DiscriminatorOutput, y: Tensor | None) -> Tensor:
        assert y is not None
        embedding, proxy = output.extra["embedding"], output.extra["proxy"]
        attraction = relu((self.margin - cosine_similarity(embedding, proxy)) / self.temperature)
        pairs = cosine_similarity(embedding[:, None], embedding[None], dim=-1)
        pairs = (pairs + self.margin - 1) / self.temperature
        itself = torch.eye(len(y), dtype=torch.bool, device=y.device)
        largest = pairs.masked_fill(itself, -torch.inf).amax(1, keepdim=True).detach()
        other_classes = y[:, None] != y[None]
        repulsion = ((relu(pairs) - largest).exp() * other_classes).sum(1)
        return (attraction + ((-attraction).exp() + repulsion).log()).mean()


# --- networks small enough to know the answers of ------------------------------------------------


class Shift(nn.Module):
    """G: the latent itself, plus one learned number."""

    def __init__(self, shape: tuple[int, ...] = (3, 1, 2)) -> None:
        super().__init__()
        self.shape = shape
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return z.unflatten(1, self.shape) + self.shift


class Critic(nn.Module):
    """D: sum(w x) + b, or sum(w (x + x^2 / 2)) + b."""

    def __init__(self, weights: Any, bias: float = 0.0, quadratic: bool = False) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.as_tensor(weights))
        self.bias = bias
        self.quadratic = quadratic

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        if self.quadratic:
            x = x + x.square() / 2
        return (x * self.weights).flatten(1).sum(1) + self.bias


class Embedder(nn.Module):
    """D: a sample is its own embedding; proxies are looked up by label."""

    def __init__(self, proxies: Tensor) -> None:
        super().__init__()
        self.proxies = nn.Embedding.from_pretrained(proxies, freeze=False)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput(x.sum(1), extra={"embedding": x, "proxy": self.proxies(y)})


def flipped(x: Tensor, noise: object) -> Tensor:
    return x.flip(-1)


def images(kind: str) -> Tensor:
    return torch.tensor(REFERENCE[f"{kind}_images"])


def game_of(player: str, critic: nn.Module, **more: Any) -> EngineGame:
    """Return a game over the images of `losses.json`, with generated ones that G shifts."""
    latents = images("fake").flatten(1)
    return EngineGame.of(player, Shift(), critic, real=images("real"), latents=latents, **more)


# --- the numbers ---------------------------------------------------------------------------------


def test_weight_clipping_clamps_the_critic_after_its_own_update_and_only_then() -> None:
    weights = [[[0.004, -1.0]], [[0.01, 2.0]], [[-0.0101, 0.0]]]
    critic = Critic(weights)
    with torch.no_grad():
        WeightClipping(clip=0.01).after_step(game_of("generator", critic))
        assert torch.equal(critic.weights, torch.tensor(weights))
        WeightClipping(clip=0.01).after_step(game_of("discriminator", critic))
    clipped = [[[0.004, -0.01]], [[0.01, 0.01]], [[-0.01, 0.0]]]
    assert torch.equal(critic.weights, torch.tensor(clipped))


def test_bcr_of_a_linear_critic_under_flips_is_the_closed_form_on_both_batches() -> None:
    critic = Critic(REFERENCE["critic_weights"])
    game = game_of("discriminator", critic, augmentation=flipped)
    terms = BalancedConsistency(lambda_real=2.0, lambda_fake=3.0).discriminator(game)
    weights = critic.weights.detach()
    for name, weight, x in (("real", 2.0, images("real")), ("fake", 3.0, images("fake"))):
        moved = x - x.flip(-1)
        change = (weights * moved).sum((1, 2, 3))
        torch.testing.assert_close(terms[name], weight * change.square().mean())
        (gradient,) = torch.autograd.grad(terms[name], critic.weights)
        both_sides = weight * 2 * (change[:, None, None, None] * moved).mean(0)
        torch.testing.assert_close(gradient, both_sides)


def test_bcr_gives_the_generator_nothing() -> None:
    game = game_of("discriminator", Critic(REFERENCE["critic_weights"]), augmentation=flipped)
    sum(BalancedConsistency().discriminator(game).values()).backward()
    assert game.generator_module.shift.grad is None
    assert not hasattr(BalancedConsistency, "generator")


@pytest.fixture
def linear_pair() -> tuple[nn.Linear, Critic]:
    """G(z) = A z from 3 to 2 numbers, D(x) = w x."""
    generator = nn.Linear(3, 2, bias=False)
    generator.weight.data = torch.tensor([[1.0, -0.5, 0.25], [0.5, 2.0, -1.0]])
    generator.forward = lambda z, y=None: z @ generator.weight.T  # type: ignore[method-assign]
    return generator, Critic([0.5, -1.5])


def latent_game(player: str, pair: tuple[nn.Linear, Critic]) -> EngineGame:
    latents = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    return EngineGame.of(player, *pair, real=torch.zeros(6, 2), latents=latents)


def test_zcr_holds_a_linear_critic_to_the_noise_that_a_linear_generator_lets_through(
    linear_pair: tuple[nn.Linear, Critic],
) -> None:
    game = latent_game("discriminator", linear_pair)
    value = LatentConsistency(sigma=0.1, lambda_dis=5.0).discriminator(game)["zcr"]
    moved = 0.1 * game.normal("zcr", 3) @ linear_pair[0].weight.detach().T
    torch.testing.assert_close(value, 5 * (moved @ linear_pair[1].weights).square().mean())
    value.backward()
    assert linear_pair[0].weight.grad is None


def test_zcr_pays_the_generator_for_the_squared_distance_between_neighbours(
    linear_pair: tuple[nn.Linear, Critic],
) -> None:
    game = latent_game("generator", linear_pair)
    value = LatentConsistency(sigma=0.1, lambda_gen=0.5).generator(game)["zcr"]
    noise, weight = 0.1 * game.normal("zcr", 3), linear_pair[0].weight
    torch.testing.assert_close(value, -0.5 * (noise @ weight.T).square().sum(1).mean())
    (gradient,) = torch.autograd.grad(value, weight)
    torch.testing.assert_close(gradient, -0.5 * 2 * weight @ noise.T @ noise / 6)


@pytest.mark.parametrize("critic", ["linear", "quadratic"])
@pytest.mark.parametrize("gamma", [0.05, 1.0])
def test_relativistic_pairing_with_r1_and_r2_is_r3gans_loss_and_gradient(
    critic: str, gamma: float
) -> None:
    theirs = R3GAN[f"{critic}/discriminator gamma {gamma}"]
    network = Critic(REFERENCE["critic_weights"], 0.2, quadratic=critic == "quadratic")
    penalty = R1R2(gamma=gamma)
    required = RequiredGradients(real_gradient=True, fake_gradient=True)
    game = game_of("discriminator", network, required=required)
    terms = [*RelativisticPairing().discriminator(game).values()]
    terms += penalty.discriminator(game).values()
    loss = torch.stack(terms).sum()
    expected = theirs["loss = mean(adv + gamma/2 (R1+R2))"]
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, network.weights)
    expected = theirs["gradient of that loss w.r.t. w"]
    assert gradient.flatten().tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("critic", ["linear", "quadratic"])
def test_the_relativistic_generator_is_r3gans_loss_and_gradient(critic: str) -> None:
    theirs = R3GAN[f"{critic}/generator"]
    network = Critic(REFERENCE["critic_weights"], 0.2, quadratic=critic == "quadratic")
    game = game_of("generator", network.requires_grad_(False))
    loss = RelativisticPairing().generator(game)["pairs"]
    assert loss.item() == pytest.approx(theirs["loss = mean"], rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, game.generator_module.shift)
    expected = theirs["gradient w.r.t. a scalar added to every fake pixel"]
    assert gradient.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_d2d_ce_on_the_outputs_of_d_is_reacgans_value(player: str) -> None:
    embedding, labels = torch.tensor(REACGAN["embed"]), torch.tensor(REACGAN["label"])
    proxies = torch.zeros(3, 2)
    proxies[labels] = torch.tensor(REACGAN["proxy (one row per sample)"])
    elsewhere, other_labels = torch.ones_like(embedding), torch.zeros_like(labels)
    sides = {
        "discriminator": (embedding, elsewhere, labels, other_labels),
        "generator": (elsewhere, embedding, other_labels, labels),
    }
    real, fake, real_labels, fake_labels = sides[player]
    game = EngineGame.of(
        player,
        Shift((2,)),
        Embedder(proxies),
        real=real,
        latents=fake,
        labels=real_labels,
        fake_labels=fake_labels,
    )
    loss = DataToDataCrossEntropy(temperature=REACGAN["temperature"], margin=REACGAN["m_p"])
    value = getattr(loss, player)(game)["d2d_ce"]
    assert value.item() == pytest.approx(REACGAN["value"], rel=1e-6)
