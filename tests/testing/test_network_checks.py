"""Each check of a network fails on its own fault only, and passes a correct network."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import one_hot

from ganzoo.api import DiscriminatorOutput, PositiveInt, SampleSpec

CONDITIONAL = {"conditional"}


def refuse_without_classes(spec: SampleSpec, conditional: bool) -> None:
    if conditional and not spec.classes:
        raise ValueError("the data has no classes")


class Generator(nn.Module):
    """One hidden layer with batch norm; nothing is wrong with it."""

    latent_dim = 4

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 6, conditional: bool = False):
        super().__init__()
        refuse_without_classes(spec, conditional)
        self.spec = spec
        self.capabilities = CONDITIONAL if conditional else set()
        self.hidden = nn.Linear(self.latent_dim + spec.classes * conditional, width)
        self.norm = nn.BatchNorm1d(width)
        self.last = nn.Linear(width, spec.size)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.shown(self.last(self.between(self.norm(self.hidden(self.seen(z, y))))))

    def seen(self, z: Tensor, y: Tensor | None) -> Tensor:
        return z if y is None else torch.cat([z, one_hot(y, self.spec.classes).float()], dim=1)

    def between(self, h: Tensor) -> Tensor:
        return h.relu()

    def shown(self, x: Tensor) -> Tensor:
        x = x.view(-1, *self.spec.model_shape)
        return x.softmax(-1) if self.spec.modality == "text" else x.tanh()


class WithoutLatentDim(Generator):
    latent_dim = 4

    def __init__(self, spec: SampleSpec):
        super().__init__(spec)
        self.latent_dim = None


class Cropping(Generator):
    def shown(self, x: Tensor) -> Tensor:
        return super().shown(x)[..., 1:]


class Half(Generator):
    def shown(self, x: Tensor) -> Tensor:
        return super().shown(x).half()


class NotANumber(Generator):
    def shown(self, x: Tensor) -> Tensor:
        return super().shown(x) * float("nan")


class Unbounded(Generator):
    def shown(self, x: Tensor) -> Tensor:
        return x.view(-1, *self.spec.model_shape)


class NeverAlone(Generator):
    def between(self, h: Tensor) -> Tensor:
        if len(h) == 1:
            raise ValueError("more than one sample is wanted")
        return h.relu()


class Squeezing(Generator):
    def shown(self, x: Tensor) -> Tensor:
        return super().shown(x) if len(x) > 1 else super().shown(x)[0]


class Unused(Generator):
    def __init__(self, spec: SampleSpec):
        super().__init__(spec)
        self.spare = nn.Linear(2, 2)


class Deaf(Generator):
    """Declares that it is conditional, and ignores y."""

    def seen(self, z: Tensor, y: Tensor | None) -> Tensor:
        return super().seen(z, None if y is None else torch.zeros_like(y))


class Uncopyable(Generator):
    def __init__(self, spec: SampleSpec):
        super().__init__(spec)
        self.doubled = 2 * self.last.weight


class Single(Generator):
    def __deepcopy__(self, memory: Any) -> "Single":
        return self


class Forgetful(Generator):
    """What it adds is drawn with the weights, and is neither a parameter nor a buffer."""

    def __init__(self, spec: SampleSpec):
        super().__init__(spec)
        self.offset = torch.randn(6)

    def between(self, h: Tensor) -> Tensor:
        return (h + self.offset).relu()


class OwnSeed(Generator):
    def __init__(self, spec: SampleSpec):
        super().__init__(spec)
        random = torch.Generator()
        random.seed()
        self.offset = nn.Parameter(torch.randn(6, generator=random))

    def between(self, h: Tensor) -> Tensor:
        return (h + self.offset).relu()


class Float32Only(Generator):
    def between(self, h: Tensor) -> Tensor:
        return torch.lerp(h, torch.zeros(h.shape), 0.1)


class Noisy(Generator):
    def between(self, h: Tensor) -> Tensor:
        return h + 0.1 * torch.randn(h.shape)


class ByLength(Generator):
    def between(self, h: Tensor) -> Tensor:
        return h + torch.zeros(len(h), 1)


class EvenBatch(Generator):
    def between(self, h: Tensor) -> Tensor:
        return (h if h.shape[0] % 2 else 1 * h).relu()


class LookingAtValues(Generator):
    def between(self, h: Tensor) -> Tensor:
        return (h if h[0, 0].isfinite() else 1 * h).relu()


class ThroughNumpy(Generator):
    def between(self, h: Tensor) -> Tensor:
        torch.from_numpy(h.detach().float().numpy())
        return h.relu()


class UpToRounding(Generator):
    """Ends in the range, up to the rounding of what follows tanh."""

    def shown(self, x: Tensor) -> Tensor:
        return super().shown(x) * 1.00001


class DeclaredNoise(Noisy):
    def __init__(self, spec: SampleSpec):
        super().__init__(spec)
        self.capabilities = {"internal-noise"}


class DeclaredUnbounded(Unbounded):
    def __init__(self, spec: SampleSpec):
        super().__init__(spec)
        self.capabilities = {"unbounded"}


class Coupled(Generator):
    def between(self, h: Tensor) -> Tensor:
        return h - 0.5 * h.mean(0)


IMAGES = {"modalities": frozenset({"image"})}
CAN = {"capabilities": frozenset({"conditional", "unbounded", "internal-noise"})}


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("form", WithoutLatentDim),
        ("form", Cropping),
        ("form", Half),
        ("finite", NotANumber),
        ("value-range", Unbounded),
        ("batch-of-one", NeverAlone),
        ("batch-of-one", Squeezing),
        ("gradients", Unused),
        ("labels-matter", Deaf),
        ("deep-copy", Uncopyable),
        ("deep-copy", Single),
        ("state-dict", Forgetful),
        ("same-seed", OwnSeed),
        ("bf16-autocast", Float32Only),
        ("inputs-alone", Noisy),
        ("separate-samples", Coupled),
        ("exports", EvenBatch),
        ("exports", LookingAtValues),
    ],
)
def test_a_generator_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("generator", factory, **IMAGES, **CAN) == {check}


@pytest.mark.parametrize(
    "factory", [Generator, DeclaredNoise, DeclaredUnbounded, UpToRounding, ByLength, ThroughNumpy]
)
def test_a_generator_without_a_fault_fails_none(failed, factory: Any) -> None:
    assert failed("generator", factory, **CAN) == set()


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        (
            EvenBatch,
            "code that depends on the size of the batch (test_network_checks.py:{}); write no `if` "
            "and no loop over it",
        ),
        (
            LookingAtValues,
            "code that depends on the values of tensors (test_network_checks.py:{}); write "
            "torch.where, not `if`",
        ),
    ],
)
def test_a_failure_to_export_names_the_line_of_the_generator_and_not_torchs_logs(
    judge, capfd: pytest.CaptureFixture[str], factory: Any, said: str
) -> None:
    message = judge("generator", factory, **IMAGES)["exports"].message
    line = factory.between.__code__.co_firstlineno + 1
    got = message.partition("expected a program for batches of any size (ganzoo export), got ")[2]
    assert got == said.format(line)
    assert capfd.readouterr() == ("", "")


def test_every_modality_is_tried_where_none_is_registered(judge) -> None:
    seen = []

    def watched(spec: SampleSpec) -> nn.Module:
        seen.append(spec.modality)
        return Generator(spec)

    judge("generator", watched)
    assert set(seen) == {"image", "vector", "text", "audio", "video", "table"}


def test_an_exemption_names_the_declaration_that_causes_it(judge) -> None:
    outcome = judge("generator", DeclaredUnbounded, **IMAGES, **CAN)["value-range"]
    assert (outcome.outcome, outcome.message) == ("exempt", "declares unbounded")


def test_a_refused_spec_is_no_failure_if_another_is_accepted(failed) -> None:
    def oblong(spec: SampleSpec) -> nn.Module:
        if spec.shape != (3, 12, 20):
            raise ValueError("only 12x20")
        return Generator(spec)

    assert failed("generator", oblong, **IMAGES) == set()


def test_a_component_that_refuses_every_spec_fails_and_passes_with_a_given_one_that_it_accepts(
    failed,
) -> None:
    def large(spec: SampleSpec) -> nn.Module:
        if spec.size < 10_000:
            raise ValueError("at least 64x64")
        return Generator(spec)

    assert failed("generator", large, **IMAGES) == {"builds"}
    specs = [SampleSpec("image", (3, 64, 64), classes=2)]
    assert failed("generator", large, specs=specs, **IMAGES) == set()


OUTLINES = SampleSpec("image", (1, 6, 6), condition=SampleSpec("image", (1, 4, 4)))
CAPTIONS = SampleSpec("image", (1, 6, 6), condition=SampleSpec("text", (3,), vocabulary=5))


class OfConditions(nn.Module):
    """G and D of data with a condition, in one: it maps z or x, and y."""

    capabilities = frozenset(CONDITIONAL)
    latent_dim = 36
    generates = heeds = True

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        if spec.condition is None:
            raise ValueError(f"no condition: {spec}")
        self.shape = spec.condition.model_shape
        self.x, self.y = nn.Linear(36, 36), nn.Linear(spec.condition.size, 36)
        self.last = nn.Linear(36, 36 if self.generates else 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        assert y.shape[1:] == self.shape
        given = self.y(y.flatten(1))
        hidden = self.x(x.flatten(1)) + (given if self.heeds else 0 * given)
        made = self.last(hidden.tanh())
        return made.tanh().view(-1, 1, 6, 6) if self.generates else made.squeeze(1)


class JudgeOfConditions(OfConditions):
    generates = False


class Heedless(OfConditions):
    heeds = False


class HeedlessJudge(JudgeOfConditions):
    heeds = False


@pytest.mark.parametrize("spec", [OUTLINES, CAPTIONS], ids=str)
def test_networks_get_the_conditions_of_a_given_spec_and_must_heed_them(failed, spec) -> None:
    given = {"specs": [spec]} | IMAGES | CAN
    assert failed("generator", OfConditions, **given) == set()
    assert failed("discriminator", JudgeOfConditions, **given) == set()
    assert failed("generator", Heedless, **given) == {"labels-matter"}
    assert failed("discriminator", HeedlessJudge, **given) == {"labels-matter"}


def test_a_failure_names_the_case_what_was_expected_and_what_to_do(judge) -> None:
    outcome = judge("generator", NeverAlone, **IMAGES)["batch-of-one"]
    assert str(outcome).startswith(
        "generator local/thing: batch-of-one: image 1x8x8, 10 classes: expected an output for a "
        "batch of one sample in eval mode, got ValueError: more than one sample is wanted (test_"
    )
    assert str(outcome).endswith("; depend on no statistics of the batch")


# --- discriminators ------------------------------------------------------------------------------


class Discriminator(nn.Module):
    """One hidden layer, its features, a projection of the label; nothing is wrong with it."""

    def __init__(self, spec: SampleSpec, *, conditional: bool = False):
        super().__init__()
        refuse_without_classes(spec, conditional)
        self.capabilities = {"features"} | (CONDITIONAL if conditional else set())
        self.hidden = nn.Linear(spec.size, 6)
        self.last = nn.Linear(6, 1)
        self.rows = nn.Embedding(spec.classes, 6) if conditional else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> Any:
        h = self.between(torch.nn.functional.softplus(self.hidden(x.flatten(1))))
        logits = self.last(h)[:, 0]
        if self.rows is not None:
            logits = logits + (self.rows(y) * h).sum(1)
        return self.said(logits, h)

    def between(self, h: Tensor) -> Tensor:
        return h

    def said(self, logits: Tensor, h: Tensor) -> Any:
        return DiscriminatorOutput(logits, (h,))


class Patches(Discriminator):
    def said(self, logits: Tensor, h: Tensor) -> Any:
        return DiscriminatorOutput(torch.stack([logits, 2 * logits], 1), (h,))


class Map(Discriminator):
    def said(self, logits: Tensor, h: Tensor) -> Any:
        return DiscriminatorOutput(logits[:, None, None], (h,))


class TurnedFeatures(Discriminator):
    def said(self, logits: Tensor, h: Tensor) -> Any:
        return DiscriminatorOutput(logits, (h.T,))


class Pair(Discriminator):
    def said(self, logits: Tensor, h: Tensor) -> Any:
        return logits, h


class Featureless(Discriminator):
    def said(self, logits: Tensor, h: Tensor) -> Any:
        return logits


class Statistics(Discriminator):
    """A minibatch statistic that is not declared."""

    def between(self, h: Tensor) -> Tensor:
        return h + h.mean(0)


class DeclaredStatistics(Statistics):
    def __init__(self, spec: SampleSpec):
        super().__init__(spec)
        self.capabilities = {"features", "batch-coupled"}


class Cube(torch.autograd.Function):
    """x^3 with a backward pass that cannot be differentiated."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * gradient


class Once(Discriminator):
    def between(self, h: Tensor) -> Tensor:
        return Cube.apply(h)


class SquareRoot(Discriminator):
    """Its input gradient is infinite at 0, where relu puts a part of its features."""

    def between(self, h: Tensor) -> Tensor:
        return (h - h.detach()).square().sqrt() + h


class Deviation(DeclaredStatistics):
    """Divides by one less than the number of samples: not a number for one alone."""

    def between(self, h: Tensor) -> Tensor:
        return h + h.std(0)


D_CAN = {"capabilities": frozenset({"conditional", "features", "batch-coupled"})}


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("form", Map),
        ("form", TurnedFeatures),
        ("form", Pair),
        ("declared-output", Featureless),
        ("separate-samples", Statistics),
        ("batch-of-one", Deviation),
        ("input-gradient", Once),
        ("input-gradient", SquareRoot),
    ],
)
def test_a_discriminator_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("discriminator", factory, **IMAGES, **D_CAN) == {check}


@pytest.mark.parametrize("factory", [Discriminator, Patches, DeclaredStatistics])
def test_a_discriminator_without_a_fault_fails_none(failed, factory: Any) -> None:
    assert failed("discriminator", factory, **D_CAN) == set()


def test_a_statistic_that_is_undefined_for_one_sample_fails_with_the_kits_message_not_torchs(
    judge,
) -> None:
    message = judge("discriminator", Deviation, **IMAGES, **D_CAN)["batch-of-one"].message
    assert message.endswith(
        "expected finite logits for one sample, got 1 of 1 that are not; depend on no statistics "
        "of the batch: std(0, correction=0), not std(0)"
    )
