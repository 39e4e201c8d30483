"""Each check of losses, regularizers, augmentations and latents fails on its own fault only."""

from collections.abc import Mapping
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, logsigmoid, softplus
from torch.nn.utils import parametrizations

from ganzoo.api import DiscriminatorOutput, Fraction, Game, Noise, SampleSpec, Terms
from tests import test_game_contract

# --- losses --------------------------------------------------------------------------------------


class Vanilla:
    """The original game, by softplus; nothing is wrong with it."""

    def discriminator(self, game: Game) -> Terms:
        real, fake = softplus(-game.real_logits), softplus(game.fake_logits)
        return {"real": real.mean(), "fake": fake.mean()}

    def generator(self, game: Game) -> Terms:
        return {"fake": softplus(-game.fake_logits).mean()}


class WithR1(Vanilla):
    capabilities = frozenset({"real-gradient"})

    def discriminator(self, game: Game) -> Terms:
        _, gradient = game.input_gradient(game.real, game.labels)
        return {**super().discriminator(game), "r1": gradient.square().flatten(1).sum(1).mean()}


class Relativistic(Vanilla):
    def discriminator(self, game: Game) -> Terms:
        return {"pairs": softplus(game.fake_logits - game.real_logits).mean()}

    def generator(self, game: Game) -> Terms:
        return {"pairs": softplus(game.real_logits - game.fake_logits).mean()}


class Auxiliary(Vanilla):
    """Needs labels and class logits, and declares both."""

    requires = frozenset({"class-logits"})

    def generator(self, game: Game) -> Terms:
        guess = game.fake_output.class_logits
        return {**super().generator(game), "class": cross_entropy(guess, game.fake_labels)}


class OneSided:
    discriminator = Vanilla.discriminator


class NeedsLabels(Vanilla):
    def generator(self, game: Game) -> Terms:
        weights = 1 + game.fake_labels.float()
        logits = (
            game.fake_logits.flatten(1).mean(1) if game.fake_logits.ndim > 1 else game.fake_logits
        )
        return {"fake": (weights * softplus(-logits)).mean()}


class OneColumn(Vanilla):
    def generator(self, game: Game) -> Terms:
        (count,) = game.fake_logits.shape
        return {"fake": softplus(-game.fake_logits).sum() / count}


class NoMean(Vanilla):
    def generator(self, game: Game) -> Terms:
        return {"fake": softplus(-game.fake_logits)}


class Bare(Vanilla):
    def generator(self, game: Game) -> Any:
        return softplus(-game.fake_logits).mean()


class Detached(Vanilla):
    def generator(self, game: Game) -> Terms:
        return {"fake": softplus(-game.fake_logits.detach()).mean()}


class Logarithm(Vanilla):
    def generator(self, game: Game) -> Terms:
        return {"fake": -game.fake_logits.sigmoid().log().mean()}


class ClampedLogarithm(Vanilla):
    """The value is finite and the gradient is not: that of a square root at 0."""

    def generator(self, game: Game) -> Terms:
        return {"fake": (1 - logsigmoid(game.fake_logits).exp()).sqrt().mean()}


class Swapped(Vanilla):
    def generator(self, game: Game) -> Terms:
        return {"fake": softplus(game.fake_logits).mean()}


class SwappedReal(Vanilla):
    def discriminator(self, game: Game) -> Terms:
        return {
            "real": softplus(game.real_logits).mean(),
            "fake": softplus(game.fake_logits).mean(),
        }


class SwappedFake(Vanilla):
    def discriminator(self, game: Game) -> Terms:
        real, fake = softplus(-game.real_logits), softplus(-game.fake_logits)
        return {"real": real.mean(), "fake": fake.mean()}


class Counting(Vanilla):
    def __init__(self) -> None:
        self.played = 0

    def generator(self, game: Game) -> Terms:
        self.played += 1
        return {"fake": softplus(-game.fake_logits).mean() / self.played}


class MisspeltOverride(Vanilla):
    def discriminater(self, game: Game) -> Terms:
        return {"real": softplus(-game.real_logits).mean()}


class UndeclaredR1(WithR1):
    capabilities = frozenset()


class Spread(Vanilla):
    """One number of the whole batch, which no half of it gives."""

    def discriminator(self, game: Game) -> Terms:
        return {**super().discriminator(game), "spread": game.real_logits.std()}


class Average(Vanilla):
    """Relativistic against the mean of the other side: Jolicoeur-Martineau 2018."""

    def discriminator(self, game: Game) -> Terms:
        return {"real": softplus(game.fake_logits.mean() - game.real_logits).mean()}

    def generator(self, game: Game) -> Terms:
        return {"fake": softplus(game.real_logits.mean() - game.fake_logits).mean()}


class Sums(Vanilla):
    def discriminator(self, game: Game) -> Terms:
        real, fake = softplus(-game.real_logits), softplus(game.fake_logits)
        return {"real": real.sum(), "fake": fake.sum()}


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("plays", OneSided),
        ("plays", NeedsLabels),
        ("plays", OneColumn),
        ("scalar-terms", NoMean),
        ("scalar-terms", Bare),
        ("reaches-player", Detached),
        ("large-logits", Logarithm),
        ("large-logits", ClampedLogarithm),
        ("gradient-sign", Swapped),
        ("gradient-sign", SwappedReal),
        ("gradient-sign", SwappedFake),
        ("resumes", Counting),
        ("method-names", MisspeltOverride),
        ("declared-gradients", UndeclaredR1),
        ("separate-samples", Spread),
        ("separate-samples", Average),
    ],
)
def test_a_loss_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("loss", factory) == {check}


@pytest.mark.parametrize("factory", [Vanilla, WithR1, Relativistic, Auxiliary, Sums])
def test_a_loss_without_a_fault_fails_none(failed, factory: Any) -> None:
    assert failed("loss", factory, capabilities=frozenset({"real-gradient"})) == set()


def test_a_failure_in_an_update_names_the_player_and_the_setting(judge) -> None:
    assert str(judge("loss", OneColumn)["plays"]).startswith(
        "loss local/thing: plays: defaults: generator's update, 3 logits per sample, with labels: "
        "expected no error, got ValueError: too many values to unpack (expected 1)"
    )


def test_a_requirement_that_no_available_discriminator_meets_is_not_checked(judge) -> None:
    class Embedding(Vanilla):
        requires = frozenset({"local/embedding"})

    outcome = judge("loss", Embedding)["plays"]
    assert outcome.outcome == "skipped"
    assert outcome.message == (
        "requires a discriminator with local/embedding, and local registers none"
    )


class Headed(nn.Module):
    """D with spectral norm, whose head is one of several choices; by default it has none."""

    capabilities = frozenset({"local/embedding"})

    def __init__(
        self, spec: SampleSpec, *, head: Literal["none", "sum", "embedding"] = "none"
    ) -> None:
        super().__init__()
        if head != "embedding":
            self.capabilities = frozenset()
        self.head = head
        self.layer = parametrizations.spectral_norm(nn.Linear(spec.size, 3))

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        h = self.layer(x.flatten(1))
        return DiscriminatorOutput(h[:, 0], extra={"embedding": h} if self.head != "none" else {})


def test_a_discriminator_whose_head_is_a_choice_meets_a_requirement(judge) -> None:
    class Embedding(Vanilla):
        requires = frozenset({"local/embedding"})

        def generator(self, game: Game) -> Terms:
            return {"embedding": -game.fake_output.extra["embedding"].mean()}

    outcomes = judge("loss", Embedding, others={"headed": ("discriminator", Headed)})
    bad = {name: each.message for name, each in outcomes.items() if each.outcome == "failed"}
    assert bad == {}
    assert outcomes["plays"].outcome == "passed"
    assert outcomes["resumes"].outcome == "passed"  # D's estimates of its norms change with use


def test_a_failure_of_a_missing_extra_of_d_says_how_to_require_it(judge) -> None:
    class Silent(Vanilla):
        def generator(self, game: Game) -> Terms:
            return {"embedding": game.fake_output.extra["embedding"].mean()}

    message = judge("loss", Silent)["plays"].message
    assert "got KeyError: 'embedding' (test_game_checks.py:" in message
    assert message.endswith(
        "; name what it needs of D's extra in `requires`, and register a discriminator with that "
        "capability"
    )


# --- regularizers --------------------------------------------------------------------------------


class LeCam(nn.Module):
    """Moving means of logits as buffers; nothing is wrong with it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("real", torch.zeros(()))

    def discriminator(self, game: Game) -> Terms:
        return {"lecam": (game.fake_logits - self.real).square().mean()}

    def after_step(self, game: Game) -> None:
        if game.player == "discriminator":
            self.real.lerp_(game.real_logits.mean(), 0.1)


class FloatLeCam:
    """The same, with its mean in a Python number, which no checkpoint holds."""

    real = 0.0

    def discriminator(self, game: Game) -> Terms:
        return {"lecam": (game.fake_logits - self.real).square().mean()}

    def after_step(self, game: Game) -> None:
        self.real += 0.1 * (game.real_logits.mean().item() - self.real)


class Unsavable(LeCam):
    def state_dict(self, **given: Any) -> Any:
        return {**super().state_dict(**given), "when": object()}


class WeightClipping:
    def after_step(self, game: Game) -> None:
        for weight in game.discriminator_module.parameters():
            weight.clamp_(-0.1, 0.1)


class TopK:
    capabilities = frozenset({"batch-coupled"})

    def prepare(self, game: Game) -> Game:
        if game.player == "discriminator":
            return game
        best = game.fake_logits.reshape(len(game.fake), -1).mean(1).topk(4).indices
        y = None if game.fake_labels is None else game.fake_labels[best]
        return game.replace(latents=game.latents[best], fake_labels=y, fake=game.fake[best])


class Idle:
    """Has none of the methods that the engine calls."""


class Forgets:
    def prepare(self, game: Game) -> Any:
        game.replace(latents=game.latents)


class Vector:
    def discriminator(self, game: Game) -> Terms:
        return {"norms": game.real_logits.flatten().abs()}


class Away:
    def discriminator(self, game: Game) -> Terms:
        return {"change": (game.real - game.fake).square().mean()}


class Reciprocal:
    def discriminator(self, game: Game) -> Terms:
        return {"far": (1 / game.real_logits.sigmoid()).mean()}


class FirstFeature:
    """Holds the first feature near zero; nothing is wrong with it."""

    requires = frozenset({"features"})

    def discriminator(self, game: Game) -> Terms:
        return {"feature": game.real_output.features[0].square().mean()}


class Averaged:
    """Couples the samples by `game.mean`, over all processes: on purpose."""

    def discriminator(self, game: Game) -> Terms:
        return {"mean": game.mean(game.real_logits.mean()).square()}


class Jitter:
    """Draws from torch's own state, which no seed of the run decides."""

    def prepare(self, game: Game) -> Game:
        return game.replace(real=game.real + 0.1 * torch.randn(game.real.shape))


class SeededJitter:
    def prepare(self, game: Game) -> Game:
        noise = game.normal("jitter", *game.real.shape[1:])
        return game.replace(real=game.real + 0.1 * noise)


class Slip(FirstFeature):
    def after_steps(self, game: Game) -> None: ...


class Penalty:
    """The gradient penalty of WGAN-GP between real and generated samples."""

    capabilities = frozenset({"input-gradient"})

    def discriminator(self, game: Game) -> Terms:
        share = game.uniform("penalty", 1, 1, 1)
        points = share * game.real + (1 - share) * game.fake
        _, gradient = game.input_gradient(points, game.labels)
        return {"penalty": (gradient.flatten(1).norm(dim=1) - 1).square().mean()}


class UndeclaredPenalty(Penalty):
    capabilities = frozenset()


class UndeclaredAfterReplacing(SeededJitter):
    def discriminator(self, game: Game) -> Terms:
        _, gradient = game.input_gradient(game.fake, game.fake_labels)
        return {"r2": gradient.square().mean()}


class Measured:
    """Declares graph-safe, and reads the value of a term."""

    capabilities = frozenset({"graph-safe"})

    def discriminator(self, game: Game) -> Terms:
        term = game.real_logits.square().mean()
        self.last = float(term.detach())
        return {"large": term}


class Masked(Measured):
    def discriminator(self, game: Game) -> Terms:
        logits = game.real_logits
        return {"positive": logits[logits > -1e9].mean()}


class WarmingUp(Measured):
    def discriminator(self, game: Game) -> Terms:
        return {"late": game.real_logits.mean() * min(1.0, (1 + game.samples_seen) / 100)}


class Replacing(Measured):
    """Replaces its game, which itself reads the counters."""

    def prepare(self, game: Game) -> Game:
        return game.replace(fake=game.fake)

    def discriminator(self, game: Game) -> Terms:
        return {"real": torch.where(game.real_logits > 0, game.real_logits, 0).mean()}


@pytest.mark.parametrize("factory", [Measured, Masked, WarmingUp])
def test_a_component_that_cannot_be_captured_fails_if_it_declares_graph_safe(
    failed, factory: Any
) -> None:
    can = frozenset({"graph-safe"})
    assert failed("regularizer", factory, capabilities=can) == {"graph-safe"}


def test_a_component_that_can_be_captured_passes_and_one_that_does_not_declare_it_is_exempt(
    judge,
) -> None:
    can = frozenset({"graph-safe"})
    assert judge("regularizer", Replacing, capabilities=can)["graph-safe"].outcome == "passed"
    assert judge("regularizer", Penalty, capabilities=can)["graph-safe"].outcome == "exempt"


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("plays", Idle),
        ("plays", Forgets),
        ("scalar-terms", Vector),
        ("reaches-player", Away),
        ("large-logits", Reciprocal),
        ("resumes", FloatLeCam),
        ("resumes", Unsavable),
        ("resumes", Jitter),
        ("method-names", Slip),
        ("declared-gradients", UndeclaredPenalty),
        ("declared-gradients", UndeclaredAfterReplacing),
    ],
)
def test_a_regularizer_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("regularizer", factory) == {check}


@pytest.mark.parametrize(
    "factory",
    [LeCam, WeightClipping, TopK, FirstFeature, Averaged, SeededJitter, Penalty],
)
def test_a_regularizer_without_a_fault_fails_none(failed, factory: Any) -> None:
    capabilities = frozenset({"batch-coupled", "input-gradient"})
    assert failed("regularizer", factory, capabilities=capabilities) == set()


def test_a_failure_of_random_numbers_names_the_methods_to_use(judge) -> None:
    message = judge("regularizer", Jitter)["resumes"].message
    assert message.startswith("defaults: expected the same outputs from two new instances, got ")
    assert message.endswith(
        "; draw numbers only from game.normal and game.uniform, which repeat after a restart"
    )


def test_a_failure_of_an_undeclared_gradient_names_the_capability_and_where_to_add_it(
    judge,
) -> None:
    assert judge("regularizer", UndeclaredAfterReplacing)["declared-gradients"].message == (
        "defaults: discriminator's update, one logit per sample, with labels: expected "
        "'fake-gradient' among its capabilities, as it calls input_gradient of game.fake, "
        "got none; add 'fake-gradient' to `capabilities`"
    )


@pytest.mark.parametrize("factory", [Averaged, WeightClipping, TopK])
def test_a_component_that_couples_samples_on_purpose_is_exempt_and_does_not_pass(
    judge, factory: Any
) -> None:
    judged = judge("regularizer", factory, capabilities=frozenset({"batch-coupled"}))
    assert judged["separate-samples"].outcome == "exempt"


# --- the specs and latents of games --------------------------------------------------------------


class Words:
    """A term of text, (B, L, V), that no image has the axes for."""

    def discriminator(self, game: Game) -> Terms:
        _, length, vocabulary = game.real.shape
        spread = game.real.log().mean((1, 2)) * length / vocabulary
        return {"words": (game.real_logits.reshape(len(spread), -1).mean(1) * spread).mean()}


class AcrossColumns:
    """Needs square images."""

    def discriminator(self, game: Game) -> Terms:
        turned = game.discriminate(game.real.rot90(1, (2, 3)), game.labels)
        both = game.discriminate((game.real + game.real.rot90(1, (2, 3))) / 2, game.labels)
        return {"turned": (turned.logits - both.logits).square().mean()}


class Code:
    """The first four numbers of z are one-hot."""

    capabilities = frozenset({"local/code"})

    def __init__(self, dim: int) -> None:
        if dim < 10:
            raise ValueError("no room for the code")
        self.dim = dim

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        z = torch.randn(n, self.dim, generator=generator)
        z[:, :4] = torch.eye(4)[torch.randint(4, (n,), generator=generator)]
        return z


class LongCode(Code):
    def __init__(self, dim: int, *, length: int) -> None:
        super().__init__(dim)


class Information:
    """InfoGAN's term, which is finite for a code and has no meaning for other numbers."""

    requires: Any = {"latent": {"local/code"}}

    def generator(self, game: Game) -> Terms:
        code = game.latents[:, :4]
        if not torch.equal(code.sum(1), torch.ones(len(code))) or code.min() < 0:
            raise ValueError("these latents are no code")
        return {"code": -(game.fake.flatten(1)[:, :4].log_softmax(1) * code).sum(1).mean()}


class UndeclaredInformation(Information):
    requires = frozenset()


def test_a_regularizer_is_tried_on_its_own_modalities_only(judge, failed) -> None:
    assert "plays" in failed("regularizer", Words)
    assert failed("regularizer", Words, modalities=frozenset({"text"})) == set()
    message = judge("regularizer", Words, modalities=frozenset({"text", "image"}))["plays"].message
    assert message.startswith("defaults: discriminator's update")


@pytest.mark.parametrize("modality", ["image", "video", "audio", "text", "table", "vector"])
def test_a_correct_loss_of_one_modality_fails_none(failed, modality: str) -> None:
    about = {"modalities": frozenset({modality}), "capabilities": frozenset({"real-gradient"})}
    assert failed("loss", WithR1, **about) == set()


def test_a_given_spec_reaches_losses_and_regularizers_of_its_modality(judge, failed) -> None:
    oblong, text = SampleSpec("image", (1, 4, 6)), SampleSpec("text", (3,), vocabulary=5)
    assert failed("regularizer", AcrossColumns, modalities=frozenset({"image"})) == set()
    judged = judge("regularizer", AcrossColumns, specs=[oblong])
    assert judged["plays"].outcome == "failed"
    assert judged["plays"].message.startswith("image 1x4x6: discriminator's update, one logit")
    about = {"modalities": frozenset({"image"}), "specs": [text]}
    assert failed("regularizer", AcrossColumns, **about) == set()


def test_a_spec_without_classes_is_played_without_labels(failed, judge) -> None:
    unlabelled = SampleSpec("vector", (5,))
    about = {"specs": [unlabelled], "modalities": frozenset({"vector"})}
    assert failed("loss", Vanilla, **about) == set()
    assert failed("loss", Auxiliary, **about) == set()


def test_a_term_of_codes_passes_with_their_latent_and_fails_with_another(judge, failed) -> None:
    others = {"code": ("latent", Code)}
    assert failed("regularizer", UndeclaredInformation) == {"plays"}
    about = {"others": others, "latents": ["local/code"]}
    judged = judge("regularizer", UndeclaredInformation, **about)
    assert {each.outcome for each in judged.values()} == {"passed", "exempt"}


def test_a_required_latent_is_taken_from_the_plugin_itself(judge) -> None:
    judged = judge("regularizer", Information, others={"code": ("latent", Code)})
    assert {each.outcome for each in judged.values()} == {"passed", "exempt"}
    assert judged["plays"].outcome == judged["separate-samples"].outcome == "passed"


@pytest.mark.parametrize("others", [{}, {"code": ("latent", LongCode)}])
def test_without_the_required_latent_nothing_is_checked_and_the_reason_names_the_argument(
    judge, others: Any
) -> None:
    outcome = judge("regularizer", Information, others=others)["plays"]
    assert outcome.outcome == "skipped"
    assert outcome.message == (
        "requires a latent with local/code, and local registers none with usable defaults "
        "(try: ganzoo conformance local/thing --latent ID; in a test: latents=[ID])"
    )


def test_parameters_of_a_latent_can_be_given(judge) -> None:
    about = {"others": {"code": ("latent", LongCode)}}
    given = [{"use": "local/code", "length": 4}]
    assert judge("regularizer", Information, latents=given, **about)["plays"].outcome == "passed"


def test_a_latent_that_refuses_every_size_of_z_is_not_checked(judge) -> None:
    class Endless(Code):
        def __init__(self, dim: int) -> None:
            raise ValueError("more")

    about = {"others": {"code": ("latent", Endless)}, "latents": ["local/code"]}
    assert judge("loss", Vanilla, **about)["plays"].message == (
        "local/code refuses a z of 8 or 16 or 100 numbers"
    )


DECLARED = frozenset({"real-gradient", "fake-gradient"})


@pytest.mark.parametrize(
    ("kind", "factory"),
    [
        ("loss", test_game_contract.RelativisticPairing),
        ("regularizer", test_game_contract.R1R2),
        ("regularizer", test_game_contract.WeightClipping),
        ("regularizer", test_game_contract.BalancedConsistency),
        ("regularizer", test_game_contract.LatentConsistency),
    ],
)
def test_published_methods_fail_none(failed, kind: str, factory: Any) -> None:
    assert failed(kind, factory, capabilities=DECLARED) == set()


# --- augmentations -------------------------------------------------------------------------------


class Brightness:
    """A shift of each sample; nothing is wrong with it."""

    def __init__(self, spec: SampleSpec, *, strength: Fraction = 1.0) -> None:
        self.strength = strength
        self.axes = (1,) * len(spec.model_shape)

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        return x + self.strength * noise.uniform("brightness", *self.axes)


class Adaptive(nn.Module):
    """The same with a strength that adapts, as a buffer."""

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        self.register_buffer("strength", torch.zeros(()))
        self.axes = (1,) * len(spec.model_shape)

    def forward(self, x: Tensor, noise: Noise) -> Tensor:
        return x + self.strength * noise.uniform("brightness", *self.axes)

    def observe(self, statistics: Mapping[str, Any]) -> None:
        self.strength += statistics["real_logits_sign"] * statistics["samples"] / 1e6


class Interpolated(Brightness):
    """Resamples at shifted places, so that it is exact up to rounding at strength 0."""

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        return ((x + 0.3) * 3 / 3 - 0.3) + super().__call__(x, noise) - x


class Numeric(Brightness):
    """The same with a Python number, which no checkpoint holds."""

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(spec)

    def observe(self, statistics: Mapping[str, Any]) -> None:
        self.strength += statistics["real_logits_sign"].item()


class DeafToStatistics(Brightness):
    """Its `observe` is misspelt, so it never adapts."""

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(spec)

    def observ(self, statistics: Mapping[str, Any]) -> None:
        self.strength += statistics["real_logits_sign"].item()


class Cropped(Brightness):
    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        return super().__call__(x, noise)[..., 1:]


class Divided(Brightness):
    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(spec)

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        return super().__call__(x, noise) + 1 / (x * 0)


class CutOff(Brightness):
    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        return super().__call__(x, noise).detach()


class Rounded(Brightness):
    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(spec)

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        return super().__call__(x, noise).round()


class OwnNoise(Brightness):
    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        return x + self.strength * torch.rand(len(x), *self.axes)


class Stubborn(Brightness):
    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        return x + noise.uniform("brightness", *self.axes)


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("form", Cropped),
        ("finite", Divided),
        ("differentiable", CutOff),
        ("differentiable", Rounded),
        ("same-noise", OwnNoise),
        ("identity-at-zero", Stubborn),
        ("resumes", Numeric),
        ("method-names", DeafToStatistics),
    ],
)
def test_an_augmentation_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("augmentation", factory) == {check}


@pytest.mark.parametrize("factory", [Brightness, Interpolated, Adaptive])
def test_an_augmentation_without_a_fault_fails_none(failed, factory: Any) -> None:
    assert failed("augmentation", factory) == set()


# --- latents -------------------------------------------------------------------------------------


class Gaussian:
    """Standard normal numbers; nothing is wrong with them."""

    dtype = torch.float32

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, self.dim, generator=generator, dtype=self.dtype)


class Double(Gaussian):
    dtype = torch.float64


class Logarithmic(Gaussian):
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return super().sample(n, generator).log()


class Ambient(Gaussian):
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, self.dim)


class Constant(Gaussian):
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.ones(n, self.dim)


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("form", Double),
        ("finite", Logarithmic),
        ("same-seed", Ambient),
        ("same-seed", Constant),
    ],
)
def test_a_latent_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("latent", factory) == {check}


def test_a_latent_without_a_fault_fails_none(failed) -> None:
    assert failed("latent", Gaussian) == set()


def test_a_latent_may_refuse_some_dimensions_and_not_all(failed) -> None:
    class Coded(Gaussian):
        smallest = 10

        def __init__(self, dim: int) -> None:
            if dim < self.smallest:
                raise ValueError("no room for the code")
            super().__init__(dim)

    assert failed("latent", Coded) == set()
    Coded.smallest = 1000
    assert failed("latent", Coded) == {"builds"}
