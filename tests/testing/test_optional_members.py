"""Each check of an optional member fails on its own fault only: noise, styles, packs, extra, …"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, one_hot

from ganzoo.api import Fraction, Ge, Noise, SampleSpec, SamplingInputs
from tests.testing.test_network_checks import Discriminator, Generator

IMAGES = {"modalities": frozenset({"image"})}


# --- generators ----------------------------------------------------------------------------------


class WithNoise(Generator):
    """Adds noise to each hidden unit, of its own sample; nothing is wrong with it."""

    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        h = self.between(self.norm(self.hidden(self.seen(z, y))))
        return self.shown(self.last(h + self.drawn(noise, h.shape[1])))

    def drawn(self, noise: Noise, width: int) -> Tensor:
        return 0.1 * noise.normal("hidden", width)


class MixedNoise(WithNoise):
    def drawn(self, noise: Noise, width: int) -> Tensor:
        return 0.1 * noise.normal("hidden", width).mean(0)


class UnusedNoise(WithNoise):
    def drawn(self, noise: Noise, width: int) -> Tensor:
        return torch.zeros(width)


class AmbientNoise(WithNoise):
    def drawn(self, noise: Noise, width: int) -> Tensor:
        return super().drawn(noise, width) + 0.1 * torch.randn(width)


class PositionalNoise(Generator):
    def forward(self, z: Tensor, y: Tensor | None = None, noise: Noise | None = None) -> Tensor:
        return super().forward(z, y)


class Truncated(Generator):
    """Scales z by a sampling parameter; nothing is wrong with it."""

    def forward(
        self,
        z: Tensor,
        y: Tensor | None = None,
        *,
        truncation: Fraction = 1.0,
        style: Literal["sharp", "soft"] = "sharp",
    ) -> Tensor:
        return super().forward(truncation * z if style == "sharp" else 0.3 * z, y)


class Untyped(Generator):
    def forward(self, z: Tensor, y: Tensor | None = None, *, truncation=1.0) -> Tensor:
        return super().forward(truncation * z, y)


class WithoutDefault(Generator):
    def forward(self, z: Tensor, y: Tensor | None = None, *, truncation: float | None) -> Tensor:
        return super().forward(z, y)


class OutOfBounds(Generator):
    def forward(self, z: Tensor, y: Tensor | None = None, *, truncation: Fraction = 2.0) -> Tensor:
        return super().forward(truncation * z, y)


class Ignored(Generator):
    def forward(self, z: Tensor, y: Tensor | None = None, *, truncation: Fraction = 1.0) -> Tensor:
        return super().forward(z, y)


class DividedByTemperature(Generator):
    def forward(
        self, z: Tensor, y: Tensor | None = None, *, cold: Annotated[int, Ge(0)] = 0
    ) -> Tensor:
        return super().forward(z / (1 - cold), y)


class Centred(Generator):
    """Measures the mean of its hidden layer before sampling; nothing is wrong with it."""

    def __init__(self, spec: SampleSpec, *, conditional: bool = False):
        super().__init__(spec, conditional=conditional)
        self.register_buffer("centre", torch.zeros(6))

    def between(self, h: Tensor) -> Tensor:
        return h.relu() - self.centre

    def prepare_sampling(self, draw: Callable[[int], SamplingInputs]) -> None:
        batches = [self.hidden(self.seen(z, y)).mean(0) for z, y, _ in map(draw, (100, 50))]
        self.centre.copy_(torch.stack(batches).mean(0))


class CentredByChance(Centred):
    def prepare_sampling(self, draw: Callable[[int], SamplingInputs]) -> None:
        self.centre.copy_(torch.randn(6))


class CentredElsewhere(Centred):
    def prepare_sampling(self, draw: Callable[[int], SamplingInputs]) -> None:
        super().prepare_sampling(draw)
        self.offset = self.centre.clone()

    def between(self, h: Tensor) -> Tensor:
        return super().between(h) - getattr(self, "offset", 0)


class CentredWithNewBuffer(Centred):
    def prepare_sampling(self, draw: Callable[[int], SamplingInputs]) -> None:
        self.register_buffer("another", torch.zeros(3))


class InfinitelyCentred(Centred):
    def prepare_sampling(self, draw: Callable[[int], SamplingInputs]) -> None:
        self.centre.fill_(float("nan"))


class Patterns(Centred):
    """Says how its buffers are averaged; nothing is wrong with it."""

    averaged = ("centre",)
    copied = ("norm.running_*",)


class MisspeltPattern(Patterns):
    averaged = ("center",)


class OnePattern(Patterns):
    copied = "norm.running_var"


class InBoth(Patterns):
    copied = ("*",)


class Frozen(Generator):
    """A fixed last layer, declared."""

    word = "frozen-parameters"

    def __init__(self, spec: SampleSpec, *, conditional: bool = False):
        super().__init__(spec, conditional=conditional)
        self.capabilities = {*self.capabilities, self.word} - {""}
        self.last.requires_grad_(False)


class UndeclaredFrozen(Frozen):
    word = ""


class NothingFrozen(Frozen):
    def __init__(self, spec: SampleSpec):
        super().__init__(spec)
        self.last.requires_grad_(True)


class Styled(WithNoise):
    """A mapping to two styles, and noise; nothing is wrong with it."""

    def __init__(self, spec: SampleSpec, *, conditional: bool = False):
        super().__init__(spec, conditional=conditional)
        self.capabilities = {*self.capabilities, "styles"}

    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        return self.from_styles(self.styles(z, y), noise=noise)

    def styles(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.norm(self.hidden(self.seen(z, y)))[:, None].expand(-1, 2, -1)

    def from_styles(self, w: Tensor, *, noise: Noise | None = None) -> Tensor:
        h = w.mean(1).relu()
        return self.shown(self.last(h if noise is None else h + self.drawn(noise, h.shape[1])))


class SharedStyles(Styled):
    def styles(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return super().styles(z, y)[:1]

    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        return self.from_styles(super().styles(z, y), noise=noise)


class OtherStyles(Styled):
    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        return self.from_styles(0.5 * self.styles(z, y), noise=noise)


class WithoutNoiseArgument(Styled):
    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        return super().from_styles(self.styles(z, y), noise=noise)

    def from_styles(self, w: Tensor) -> Tensor:
        return super().from_styles(w)


class Policy(nn.Module):
    """Draws one-hot tokens that carry no gradient; their log probabilities do."""

    latent_dim = 4
    capabilities = frozenset({"score-function"})

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        self.spec = spec
        self.layer = nn.Linear(self.latent_dim, spec.size)

    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        length, vocabulary = self.spec.model_shape
        uniform = noise.uniform("tokens", length, vocabulary).clamp(1e-6, 1 - 1e-6)
        chosen = (self.logits(z) - (-uniform.log()).log()).argmax(-1)
        return one_hot(chosen, vocabulary).float()

    def logits(self, z: Tensor) -> Tensor:
        return self.layer(z).view(-1, *self.spec.model_shape)

    def log_prob(self, x: Tensor, z: Tensor, y: Tensor | None = None) -> Tensor:
        return (x * log_softmax(self.logits(z), -1)).sum((1, 2))


class DetachedPolicy(Policy):
    def log_prob(self, x: Tensor, z: Tensor, y: Tensor | None = None) -> Tensor:
        return super().log_prob(x, z, y).detach()


class PolicyPerToken(Policy):
    def log_prob(self, x: Tensor, z: Tensor, y: Tensor | None = None) -> Tensor:
        return (x * log_softmax(self.logits(z), -1)).sum(2)


class PolicyWithoutMethod(Policy):
    log_prob: Any = None


TEXT = {"modalities": frozenset({"text"})}
CAN = {
    "capabilities": frozenset(
        {"conditional", "styles", "frozen-parameters", "score-function", "features"}
        | {"augmentation-aware", "batch-coupled"}
    )
}


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("noise", MixedNoise),
        ("noise", UnusedNoise),
        ("noise", PositionalNoise),
        ("inputs-alone", AmbientNoise),
        ("sampling-parameters", Untyped),
        ("sampling-parameters", OutOfBounds),
        ("sampling-parameters", Ignored),
        ("sampling-parameters", DividedByTemperature),
        ("prepare-sampling", CentredByChance),
        ("prepare-sampling", CentredElsewhere),
        ("prepare-sampling", CentredWithNewBuffer),
        ("prepare-sampling", InfinitelyCentred),
        ("average-patterns", MisspeltPattern),
        ("average-patterns", OnePattern),
        ("average-patterns", InBoth),
        ("frozen-parameters", UndeclaredFrozen),
        ("frozen-parameters", NothingFrozen),
        ("styles", SharedStyles),
        ("styles", OtherStyles),
        ("styles", WithoutNoiseArgument),
    ],
)
def test_a_generator_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("generator", factory, **IMAGES, **CAN) == {check}


@pytest.mark.parametrize("factory", [DetachedPolicy, PolicyPerToken, PolicyWithoutMethod])
def test_a_score_function_with_one_fault_fails_one_check(failed, factory: Any) -> None:
    assert failed("generator", factory, **TEXT, **CAN) - {"gradients"} == {"score-function"}


@pytest.mark.parametrize(
    ("check", "factory", "about"),
    [
        ("noise", WithNoise, IMAGES),
        ("sampling-parameters", Truncated, IMAGES),
        ("prepare-sampling", Centred, IMAGES),
        ("average-patterns", Patterns, IMAGES),
        ("frozen-parameters", Frozen, IMAGES),
        ("styles", Styled, IMAGES),
        ("score-function", Policy, TEXT),
        ("gradients", Policy, TEXT),
    ],
)
def test_a_correct_member_passes_its_check_and_no_check_fails(
    judge, check: str, factory: Any, about: Any
) -> None:
    judged = judge("generator", factory, **about, **CAN)
    assert judged[check].outcome == "passed"
    assert {each.outcome for each in judged.values()} == {"passed", "exempt"}


MEMBERS = (
    "noise",
    "sampling-parameters",
    "prepare-sampling",
    "average-patterns",
    "frozen-parameters",
    "styles",
    "score-function",
)


def test_a_generator_without_optional_members_is_exempt_from_their_checks(judge) -> None:
    judged = judge("generator", Generator, **IMAGES, **CAN)
    assert {judged[member].outcome for member in MEMBERS} == {"exempt"}


def test_a_required_argument_of_forward_fails_before_anything_is_tried(judge) -> None:
    message = judge("generator", WithoutDefault, **IMAGES)["form"].message
    assert "missing 1 required keyword-only argument: 'truncation'" in message


@pytest.mark.parametrize(
    ("factory", "check", "words"),
    [
        (MixedNoise, "noise", "samples that depend on their own rows of the noise only, got a"),
        (UnusedNoise, "noise", "got the same for another noise; draw from it in forward"),
        (Untyped, "sampling-parameters", "has an argument 'truncation' of forward without a type"),
        (OutOfBounds, "sampling-parameters", "a default of truncation that its own type allows"),
        (Ignored, "sampling-parameters", "got the same for 0.5 as for 1.0; use it"),
        (CentredByChance, "prepare-sampling", "; take what is random from draw(count)"),
        (CentredElsewhere, "prepare-sampling", "; keep what it computes in buffers of __init__"),
        (MisspeltPattern, "average-patterns", "which no parameter or buffer matches - did you"),
        (UndeclaredFrozen, "frozen-parameters", "got last.weight and 1 more that do not"),
    ],
)
def test_a_failure_says_what_was_expected_and_how_to_mend_it(
    judge, factory: Any, check: str, words: str
) -> None:
    assert words in judge("generator", factory, **IMAGES, **CAN)[check].message


# --- discriminators and augmentations ------------------------------------------------------------


class Packed(Discriminator):
    """PacGAN (Lin et al. 2018, arXiv:1712.04086): judges two consecutive samples together."""

    batch_multiple: Any = 2

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(spec)
        self.capabilities = set()
        self.hidden = nn.Linear(2 * spec.size, 6)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Any:
        h = torch.nn.functional.softplus(self.hidden(self.packed(x.flatten(1))))
        return self.last(h)[:, 0]

    def packed(self, x: Tensor) -> Tensor:
        return x.reshape(-1, 2 * x.shape[1])


class PackedByStride(Packed):
    def packed(self, x: Tensor) -> Tensor:
        half = x.shape[0] // 2
        return torch.cat([x[:half], x[half:]], 1)


class PackedInThrees(Packed):
    batch_multiple = "two"


class ByTime(Discriminator):
    """Diffusion-GAN (Wang et al. 2023, arXiv:2206.02262): gets the time step of its samples."""

    capabilities = frozenset({"features", "augmentation-aware"})

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(spec)
        self.capabilities = {"features", "augmentation-aware"}

    def forward(self, x: Tensor, y: Tensor | None = None, *, extra: Any) -> Any:
        output = super().forward(x, y)
        time = 0.0 if extra is None else extra["time"]
        return output._replace(logits=output.logits * (1 + time))


class NeverWithoutTime(ByTime):
    def forward(self, x: Tensor, y: Tensor | None = None, *, extra: Any) -> Any:
        return super().forward(x, y, extra={"time": extra["time"]})


class IgnoresTime(ByTime):
    def forward(self, x: Tensor, y: Tensor | None = None, *, extra: Any) -> Any:
        return super().forward(x, y, extra=None)


class OtherKey(ByTime):
    def forward(self, x: Tensor, y: Tensor | None = None, *, extra: Any) -> Any:
        return super().forward(x, y, extra=extra and {"time": extra["t"]})


class UndeclaredExtra(ByTime):
    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(spec)
        self.capabilities = {"features"}

    def forward(self, x: Tensor, y: Tensor | None = None, *, extra: Any = None) -> Any:
        return super().forward(x, y, extra=extra)


class Diffusion:
    """Adds noise by a time step, which it returns beside x; nothing is wrong with it."""

    def __init__(self, spec: SampleSpec) -> None:
        self.axes = (1,) * len(spec.model_shape)

    def __call__(self, x: Tensor, noise: Noise) -> tuple[Tensor, Any]:
        time = noise.uniform("time")
        scale = time.view(-1, *self.axes)
        return x + scale * noise.normal("diffusion", *x.shape[1:]), self.extra(time)

    def extra(self, time: Tensor) -> Any:
        return {"time": time}


class FewerRows(Diffusion):
    def extra(self, time: Tensor) -> Any:
        return {"time": time[:1]}


class NumberBeside(Diffusion):
    def extra(self, time: Tensor) -> Any:
        return 3.0


class AmbientBeside(Diffusion):
    def extra(self, time: Tensor) -> Any:
        return torch.rand(len(time))


class InfiniteBeside(Diffusion):
    def extra(self, time: Tensor) -> Any:
        return {"time": time / 0}


DIFFUSION: Mapping[str, Any] = {"diffusion": ("augmentation", Diffusion)}


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("batch-multiple", PackedByStride),
        ("form", PackedInThrees),
        ("form", NeverWithoutTime),
        ("augmentation-aware", IgnoresTime),
        ("augmentation-aware", OtherKey),
        ("augmentation-aware", UndeclaredExtra),
    ],
)
def test_a_discriminator_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("discriminator", factory, others=DIFFUSION, **IMAGES, **CAN) == {check}


@pytest.mark.parametrize(
    ("check", "factory"), [("batch-multiple", Packed), ("augmentation-aware", ByTime)]
)
def test_a_correct_discriminator_passes_its_check_and_no_check_fails(
    judge, check: str, factory: Any
) -> None:
    judged = judge("discriminator", factory, others=DIFFUSION, **CAN)
    assert judged[check].outcome == "passed"
    assert {each.outcome for each in judged.values()} == {"passed", "exempt"}


def test_without_an_augmentation_that_returns_extra_an_aware_discriminator_is_not_checked(
    judge,
) -> None:
    outcome = judge("discriminator", ByTime, **IMAGES, **CAN)["augmentation-aware"]
    assert (outcome.outcome, outcome.message) == (
        "skipped",
        "local registers no augmentation that returns (x, extra)",
    )


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("form", FewerRows),
        ("form", NumberBeside),
        ("same-noise", AmbientBeside),
        ("finite", InfiniteBeside),
    ],
)
def test_an_augmentation_with_one_fault_beside_x_fails_one_check(
    failed, check: str, factory: Any
) -> None:
    assert failed("augmentation", factory) == {check}


def test_an_augmentation_that_returns_extra_fails_none(failed) -> None:
    assert failed("augmentation", Diffusion) == set()


# --- latents that learn --------------------------------------------------------------------------


class Particles(nn.Module):
    """A learned mean for each of eight particles; nothing is wrong with it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.means = nn.Parameter(torch.randn(8, dim))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        chosen = torch.randint(8, (n,), generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator)
        return self.looked_up()[chosen] + 0.1 * noise

    def looked_up(self) -> Tensor:
        return self.means


class DetachedParticles(Particles):
    def looked_up(self) -> Tensor:
        return self.means.detach()


class SpareParticles(Particles):
    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.spare = nn.Parameter(torch.zeros(1))


class ShiftedParticles(Particles):
    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.shift = torch.randn(dim)

    def looked_up(self) -> Tensor:
        return self.means + self.shift


class DoubledParticles(Particles):
    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.doubled = 2 * self.means

    def looked_up(self) -> Tensor:
        return self.means + 0 * self.doubled.detach()


class EvenParticles(Particles):
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return super().sample(n, generator) if n % 2 == 0 else super().sample(n, generator) + 0


class ParticlesWithPattern(Particles):
    copied = ("mean",)


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("gradients", DetachedParticles),
        ("gradients", SpareParticles),
        ("state-dict", ShiftedParticles),
        ("deep-copy", DoubledParticles),
        ("average-patterns", ParticlesWithPattern),
        ("exports", EvenParticles),
    ],
)
def test_a_latent_that_learns_with_one_fault_fails_one_check(
    failed, check: str, factory: Any
) -> None:
    assert failed("latent", factory) == {check}


def test_a_latent_that_learns_without_a_fault_passes(judge) -> None:
    judged = judge("latent", Particles)
    outcomes = {name: each.outcome for name, each in judged.items()}
    exempt = {name for name, outcome in outcomes.items() if outcome == "exempt"}
    assert exempt == {"lazy-import", "average-patterns"}
    assert set(outcomes.values()) == {"passed", "exempt"}


# --- conditions ----------------------------------------------------------------------------------

OUTLINES = SampleSpec("image", (1, 4, 4), condition=SampleSpec("image", (2, 3, 3)))


class Translator(nn.Module):
    """G of a condition, which it needs; nothing is wrong with it."""

    latent_dim = 4
    capabilities = frozenset({"conditional"})

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        if spec.condition is None:
            raise ValueError("needs a condition")
        self.spec = spec
        self.layer = nn.Linear(self.latent_dim + spec.condition.size, spec.size)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.layer(torch.cat([z, self.seen(y)], 1)).tanh().view(-1, *self.spec.model_shape)

    def seen(self, y: Tensor) -> Tensor:
        assert y.shape[1:] == (2, 3, 3)
        return y.flatten(1)


class BlindTranslator(Translator):
    def seen(self, y: Tensor) -> Tensor:
        return torch.zeros_like(super().seen(y))


class PairCritic(nn.Module):
    """D of pairs; nothing is wrong with it."""

    capabilities = frozenset({"conditional"})

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        if spec.condition is None:
            raise ValueError("needs a condition")
        self.layer = nn.Linear(spec.size + spec.condition.size, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.layer(torch.cat([x.flatten(1), y.flatten(1)], 1))[:, 0]


class Pairs:
    """L1 between pairs: Isola et al. 2017, arXiv:1611.07004; fails where samples are no pairs."""

    capabilities = frozenset({"conditional"})

    def generator(self, game: Any) -> Any:
        if not torch.equal(game.labels, game.fake_labels):
            raise ValueError("no pairs")
        assert game.labels.shape == (len(game.real), 2, 3, 3)
        return {"l1": (game.fake - game.real).abs().mean()}


@pytest.mark.parametrize(
    ("kind", "factory", "expected"),
    [("generator", Translator, {"form"}), ("discriminator", PairCritic, set())],
)
def test_networks_of_a_condition_pass_with_a_given_spec_that_has_one(
    judge, failed, kind: str, factory: Any, expected: set[str]
) -> None:
    # Without a spec the kit tries pairs of images, in which Translator sees another condition.
    assert failed(kind, factory, **IMAGES, **CAN) == expected
    judged = judge(kind, factory, specs=[OUTLINES], **IMAGES, **CAN)
    assert {each.outcome for each in judged.values()} == {"passed", "exempt"}
    assert judged["labels-matter"].outcome == "passed"


def test_a_network_that_ignores_its_condition_fails(judge) -> None:
    judged = judge("generator", BlindTranslator, specs=[OUTLINES], **IMAGES, **CAN)
    assert "different outputs for different conditions" in judged["labels-matter"].message


def test_games_over_data_with_conditions_have_pairs(judge) -> None:
    judged = judge("regularizer", Pairs, specs=[OUTLINES], **IMAGES, **CAN)
    assert "expected no error, got ValueError: no pairs" in judged["plays"].message  # of classes
    assert judged["plays"].message.startswith("defaults: ")


# --- what losses and regularizers require --------------------------------------------------------


@pytest.mark.parametrize(
    ("requires", "words"),
    [
        ({"critic": {"features"}}, "expected roles among discriminator, generator, latent, got"),
        ({"generater": {"styles"}}, "got 'generater' - did you mean 'generator'?"),
        ({"latent": "acme/code"}, "expected a set of words, got 'acme/code'"),
        ({"style"}, "got 'style' - did you mean 'styles'?"),
        ("features", "expected a set of words, got 'features'"),
    ],
)
def test_requirements_that_name_nothing_fail_with_a_suggestion(
    judge, requires: Any, words: str
) -> None:
    class Needy:
        def discriminator(self, game: Any) -> Any:
            return {"real": game.real_logits.mean()}

    Needy.requires = requires  # type: ignore[attr-defined]
    judged = judge("regularizer", Needy)
    assert words in judged["requires"].message
    assert judged["plays"].outcome == "skipped"


class PathLength(nn.Module):
    """Steps in style space; needs G to have styles."""

    requires: Any = {"generator": {"styles"}}

    def generator(self, game: Any) -> Any:
        w = game.generator_module.styles(game.latents, game.fake_labels)
        x = game.generator_module.from_styles(w, noise=game)
        (gradient,) = torch.autograd.grad(x.sum(), w, create_graph=True)
        return {"length": gradient.square().mean()}


class LikelyOnes:
    """REINFORCE without a baseline; needs log_prob of G."""

    requires: Any = {"generator": {"score-function"}}

    def generator(self, game: Any) -> Any:
        own = game.generator_module.log_prob(game.fake, game.latents, game.fake_labels)
        rewards = game.fake_logits.detach().reshape(len(own), -1).mean(1)
        return {"policy": -(rewards * own).mean()}


def test_a_regularizer_of_styles_is_played_with_a_generator_that_has_them(judge) -> None:
    judged = judge("regularizer", PathLength, **IMAGES)
    assert {each.outcome for each in judged.values()} == {"passed", "exempt"}
    assert judged["reaches-player"].outcome == "passed"


def test_a_regularizer_of_log_prob_is_played_with_the_generator_of_its_plugin(judge) -> None:
    assert judge("regularizer", LikelyOnes, **TEXT)["plays"].message == (
        "requires a generator with score-function, and local registers none"
    )
    judged = judge("regularizer", LikelyOnes, others={"policy": ("generator", Policy)}, **TEXT)
    assert {each.outcome for each in judged.values()} == {"passed", "exempt"}
    assert judged["reaches-player"].outcome == "passed"


class PairsOfThree(Packed):
    capabilities = frozenset({"local/packs"})
    batch_multiple = 3

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__(spec)
        self.capabilities = PairsOfThree.capabilities
        self.hidden = nn.Linear(3 * spec.size, 6)

    def packed(self, x: Tensor) -> Tensor:
        return x.reshape(-1, 3 * x.shape[1])


class OfPacks:
    requires: Any = {"discriminator": {"local/packs"}}

    def discriminator(self, game: Any) -> Any:
        assert len(game.real) % 3 == 0
        assert len(game.real_logits) == len(game.real) / 3
        return {"packs": game.real_logits.square().mean()}


class OfTimes(OfPacks):
    requires: Any = {"discriminator": {"augmentation-aware"}}

    def discriminator(self, game: Any) -> Any:
        return {"times": game.real_logits.square().mean()}


@pytest.mark.parametrize(("factory", "critic"), [(OfPacks, PairsOfThree), (OfTimes, ByTime)])
def test_a_game_with_a_discriminator_of_the_plugin_has_the_batches_and_arguments_that_it_takes(
    judge, factory: Any, critic: Any
) -> None:
    others = {"critic": ("discriminator", critic)}
    judged = judge("regularizer", factory, others=others, **IMAGES)
    assert {each.outcome for each in judged.values()} == {"passed", "exempt"}


BATCH_COUPLED = {"capabilities": frozenset({"batch-coupled"})}


class Swarm(Particles):
    capabilities = frozenset({"local/particles"})


class Repulsion:
    """Keeps the particles of a latent apart; reaches its parameters and not those of G."""

    requires: Any = {"latent": {"local/particles"}}
    capabilities = frozenset({"batch-coupled"})

    def generator(self, game: Any) -> Any:
        return {"near": (-torch.cdist(game.latents, game.latents).square()).exp().mean()}


def test_a_term_of_a_latent_that_learns_reaches_its_parameters(judge) -> None:
    judged = judge("regularizer", Repulsion, others={"swarm": ("latent", Swarm)}, **BATCH_COUPLED)
    assert judged["reaches-player"].outcome == "passed"
    assert {each.outcome for each in judged.values()} == {"passed", "exempt"}
