"""Generators and data sets of the literature compute known numbers."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.api import SampleSpec, SamplingInputs
from ganzoo.cli import main
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.testing import game

from .runs import FACTS, METHODS

IMAGE = SampleSpec("image", (1, 8, 8), classes=4)


def method(name: str) -> SimpleNamespace:
    """Return the components of a method's file."""
    return SimpleNamespace(**FACTS[name])


def noise(count: int) -> BatchNoise:
    return BatchNoise(RandomStreams(0), "test", 0, Rows(0, count))


def draws(latent_dim: int, classes: int = 1) -> Any:
    """Return a `draw` for `prepare_sampling`, and the list of what it has drawn."""
    random, drawn = torch.Generator().manual_seed(0), []

    def draw(count: int) -> Any:
        z = torch.randn(count, latent_dim, generator=random)
        y = torch.randint(classes, (count,), generator=random)
        drawn.append(SamplingInputs(z, y, noise(count)))
        return drawn[-1]

    return draw, drawn


class Given(nn.Module):
    """D whose logit is the mean of the sample."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return x.flatten(1).mean(1)


# --- StyleGAN2 ---


@torch.no_grad()
def test_with_truncation_0_every_style_is_the_mean_of_w() -> None:
    network = method("stylegan2").Generator(IMAGE).eval()
    draw, drawn = draws(network.latent_dim)
    network.prepare_sampling(draw)
    mean = network.mapping(nn.functional.rms_norm(drawn[0].z, drawn[0].z.shape[1:])).mean(0)
    torch.testing.assert_close(network.w_mean, mean)
    z = torch.randn(3, network.latent_dim)
    images = network(z, noise=noise(3), truncation=0.0)
    styles = mean.expand(3, len(network.blocks), -1)
    torch.testing.assert_close(images, network.from_styles(styles, noise=noise(3)))
    assert (images == images[0]).all()  # the noise has no strength before training
    assert not torch.allclose(network(z, noise=noise(3), truncation=0.5), images)


@torch.no_grad()
def test_nine_tenths_of_the_samples_mix_two_styles_and_the_crossover_is_uniform() -> None:
    network = method("stylegan2").Generator(SampleSpec("image", (1, 32, 32)))
    blocks, seen = len(network.blocks), {}
    network.from_styles = lambda w, noise: seen.update(w=w)
    z = torch.randn(4096, network.latent_dim)
    network(z, noise=noise(4096))
    kept = (seen["w"] == network.styles(z)).all(2).sum(1)  # blocks with the first style
    share = torch.bincount(kept, minlength=blocks + 1) / len(z)
    assert share[0] == 0
    assert share[blocks].item() == pytest.approx(0.1, abs=0.02)
    assert share[1:blocks].tolist() == pytest.approx([0.9 / (blocks - 1)] * (blocks - 1), abs=0.03)


def test_the_path_length_of_a_scaled_rotation_is_the_scaled_length_of_the_noise() -> None:
    class Rotation(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.matrix = nn.Parameter(torch.linalg.qr(torch.randn(16, 16))[0])

        def styles(self, z: Tensor, y: Tensor | None = None) -> Tensor:
            return z[:, None].clone()  # (B, 1, 16)

        def from_styles(self, w: Tensor, *, noise: Any) -> Tensor:
            return (3 * w[:, 0] @ self.matrix).view(-1, 1, 4, 4)

    penalty = method("stylegan2").PathLength()
    z = torch.randn(8, 16)
    one_update = game("generator", Rotation(), Given(), real=torch.zeros(8, 1, 4, 4), latents=z)
    one_update.latent = lambda name: z.clone().requires_grad_()
    lengths = 3 * one_update.normal("path-length", 1, 4, 4).flatten(1).norm(dim=1) / 4
    wanted = 2 * (lengths - 0.01 * lengths.mean()).square().mean()
    torch.testing.assert_close(penalty.generator(one_update)["path_length"], wanted)
    torch.testing.assert_close(penalty.a, 0.01 * lengths.mean())


# --- BigGAN ---


@pytest.mark.parametrize("threshold", [0.5, 1.0, 2.0])
def test_truncated_latents_have_the_variance_of_a_truncated_normal(threshold: float) -> None:
    latent = method("biggan").Truncated(64, threshold=threshold)
    z = latent.sample(4096, torch.Generator().manual_seed(0))
    assert z.abs().max() <= threshold
    density = math.exp(-(threshold**2) / 2) / math.sqrt(2 * math.pi)
    inside = math.erf(threshold / math.sqrt(2))
    assert z.var().item() == pytest.approx(1 - 2 * threshold * density / inside, rel=0.01)


def test_standing_statistics_are_the_means_over_all_batches() -> None:
    network = method("biggan").Generator(IMAGE).eval()
    draw, drawn = draws(network.latent_dim, classes=4)
    inputs: list[Tensor] = []
    hook = network.blocks[0].norm.register_forward_hook(lambda _, x, out: inputs.append(x[0]))
    with torch.no_grad():
        network.prepare_sampling(draw)
    hook.remove()
    norm = network.blocks[0].norm
    assert len(inputs) == len(drawn) == 16
    torch.testing.assert_close(norm.running_mean, torch.cat(inputs).mean((0, 2, 3)))
    variances = torch.stack([x.transpose(0, 1).flatten(1).var(1) for x in inputs])
    torch.testing.assert_close(norm.running_var, variances.mean(0))
    assert not network.training


@pytest.mark.parametrize(
    ("weight", "penalty"),
    [
        ([[0.6, -0.2, 0.3, 0.1], [0.2, 0.5, -0.4, 0.7], [-0.3, 0.1, 0.8, 0.2]], 0.0812),
        (torch.linalg.qr(torch.randn(4, 4))[0].tolist(), 0.0),
    ],
)
def test_the_orthogonal_penalty_sums_products_of_different_rows(
    weight: list[list[float]], penalty: float
) -> None:
    network = nn.Linear(4, len(weight))
    network.weight.data = torch.tensor(weight)
    one_update = game(
        "generator", network, Given(), real=torch.zeros(2, 4), latents=torch.zeros(2, 4)
    )
    terms = method("biggan").Orthogonal(beta=1.0).generator(one_update)
    assert terms["orthogonal"].item() == pytest.approx(penalty, abs=1e-6)


# --- text ---


def constant(network: nn.Module, logits: list[float]) -> nn.Module:
    """Return a text generator whose logits are these, whatever came before."""
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    network.logits.bias.data = torch.tensor(logits)
    return network


@torch.no_grad()
def test_tokens_of_a_low_temperature_follow_the_softmax_of_the_logits() -> None:
    spec, logits = SampleSpec("text", (2,), vocabulary=3), [0.0, 1.0, -1.0]
    network = constant(method("gumbel_softmax").Generator(spec, temperature=1e-3), logits)
    tokens = network(torch.zeros(8192, network.latent_dim), noise=noise(8192))
    torch.testing.assert_close(tokens.sum(2), torch.ones(8192, 2))
    assert (tokens.amax(2) > 0.999).float().mean() > 0.99
    expected = torch.softmax(torch.tensor(logits), 0)
    torch.testing.assert_close(tokens.mean((0, 1)), expected, atol=0.01, rtol=0)


@torch.no_grad()
def test_the_probabilities_of_all_texts_sum_to_1_and_match_sampled_frequencies() -> None:
    network = method("reinforce").Generator(SampleSpec("text", (3,), vocabulary=2), width=4)
    texts = nn.functional.one_hot(torch.cartesian_prod(*[torch.arange(2)] * 3), 2).float()
    probabilities = network.log_prob(texts, torch.zeros(8, 1)).exp()
    assert probabilities.sum().item() == pytest.approx(1)
    drawn = network(torch.zeros(8192, 1), noise=noise(8192)).argmax(2) @ torch.tensor([4, 2, 1])
    frequencies = torch.bincount(drawn, minlength=8) / len(drawn)
    torch.testing.assert_close(frequencies, probabilities, atol=0.02, rtol=0)


def test_reinforce_on_two_tokens_is_the_gradient_of_the_expected_reward() -> None:
    spec = SampleSpec("text", (1,), vocabulary=2)
    network = constant(method("reinforce").Generator(spec), [0.0, 0.0])
    x = torch.eye(2)[:, None]  # one text of each token: the frequencies at these logits
    one_update = game("generator", network, Token(), real=x, latents=torch.zeros(2, 1))
    one_update = one_update.replace(fake=x)
    loss = method("reinforce").Reinforce()
    loss.generator(one_update)["policy"].backward()
    rewards = torch.tensor([-1.0, 2.0]).sigmoid()
    # d/dl of p r_1 + (1 - p) r_0 with p = sigmoid(l) = 1/2
    slope = (rewards[1] - rewards[0]) / 4
    torch.testing.assert_close(network.logits.bias.grad, torch.stack([slope, -slope]))
    with torch.no_grad():
        loss.after_step(one_update)
    torch.testing.assert_close(loss.b, 0.1 * rewards.mean())


class Token(nn.Module):
    """D whose logit is -1 for the first token and 2 for the second."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return x[:, 0] @ torch.tensor([-1.0, 2.0])


def test_equal_logits_give_the_likelihood_of_a_uniform_text() -> None:
    spec = SampleSpec("text", (6,), vocabulary=5)
    network = constant(method("mle").Generator(spec), [0.0] * 5)
    real = torch.eye(5)[torch.randint(5, (4, 6))]
    one_update = game("generator", network, Given(), real=real, latents=torch.zeros(4, 1))
    terms = method("mle").MaximumLikelihood().generator(one_update)
    assert terms["nll"].item() == pytest.approx(6 * math.log(5), rel=1e-6)


def run(name: str, runs: Path, *words: str) -> Any:
    """Train a method's recipe; return the run."""
    file, every = METHODS[name], "train.log_every_steps=1"
    files = [file.with_suffix(".yaml"), "--plugin", file, "--runs-dir", runs]
    assert main(["run", *map(str, files), every, *words]) == 0
    return ganzoo.load("last", runs)


@pytest.mark.slow
def test_reinforce_starts_from_the_weights_of_a_maximum_likelihood_run(tmp_path: Path) -> None:
    first = run("mle", tmp_path)
    rows = first.directory.metrics()
    assert not [key for row in rows for key in row if key.startswith("d/")]
    assert rows[-1]["g/nll"] < rows[0]["g/nll"]
    frozen = "optimizers.generator={lr: 1.0e-30}"
    second = run("reinforce", tmp_path, f"init.generator={first.path}", "train.steps=1", frozen)
    before, after = first.generator.state_dict(), second.generator.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


# --- CTGAN ---


def test_conditions_are_drawn_in_proportion_to_the_logarithm_of_their_counts() -> None:
    data = method("ctgan").Skewed("train")
    index, condition = data.draw(noise(8192), 8192)
    assert condition.sum(1).eq(1).all()
    first, second = torch.tensor([80.0, 16.0, 4.0]), torch.tensor([80.0, 20.0])
    expected = torch.cat([column.log1p() / column.log1p().sum() / 2 for column in (first, second)])
    torch.testing.assert_close(condition.mean(0), expected, atol=0.015, rtol=0)
    categories = torch.stack([data[row][0] for row in index.tolist()])[:, 1:]
    assert (categories * condition).sum(1).eq(1).all()
    rarest = torch.bincount(index[condition[:, 2] == 1], minlength=100)[96:]
    assert (rarest / rarest.sum()).tolist() == pytest.approx([0.25] * 4, abs=0.04)


def test_the_conditions_of_the_rows_have_the_frequencies_of_the_table() -> None:
    conditions = torch.stack([condition for _, condition in method("ctgan").Skewed("train")])
    assert (2 * conditions.sum(0)).tolist() == [80, 16, 4, 80, 20]


def test_the_condition_term_is_the_cross_entropy_of_the_drawn_category() -> None:
    fake = torch.tensor([[0.3, 0.5, 0.25, 0.25, 0.9, 0.1]])
    condition = torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0]])
    ctgan = method("ctgan")
    one_update = SimpleNamespace(fake=fake, fake_labels=condition, spec=ctgan.Skewed.spec)
    terms = ctgan.Condition().generator(one_update)
    assert terms["condition"].item() == pytest.approx(math.log(4))


# --- MoCoGAN ---

VIDEO = SampleSpec("video", (4, 1, 8, 8))


@torch.no_grad()
def test_without_motion_all_frames_of_a_video_are_equal() -> None:
    network = method("mocogan").Generator(VIDEO).eval()
    z = torch.randn(2, network.latent_dim)
    moving = network(z, noise=noise(2))
    assert not torch.allclose(moving[:, 0], moving[:, 1])
    for weight in network.motion.parameters():
        nn.init.zeros_(weight)
    still = network(z, noise=noise(2))
    torch.testing.assert_close(still, still[:, :1].expand_as(still))


@torch.no_grad()
def test_only_the_video_critic_depends_on_the_order_of_frames() -> None:
    critic = method("mocogan").Discriminator(VIDEO)
    video, order = torch.randn(2, 4, 1, 8, 8), [2, 0, 3, 1]
    before, after = critic(video), critic(video[:, order])
    assert before.shape == (2, 8)
    torch.testing.assert_close(after[:, 4:], before[:, 4:][:, order])
    assert not torch.allclose(after[:, :4], before[:, :4])
    assert (before[:, :4] == before[:, :1]).all()
