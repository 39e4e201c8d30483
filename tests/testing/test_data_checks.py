"""Each check of data sets, extractors, metrics and training parts fails on its own fault only."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.api import DataError, Evaluated, Noise, PositiveFloat, SampleSpec

# --- data sets -----------------------------------------------------------------------------------


class Squares:
    """Twenty grey squares; nothing is wrong with them."""

    classes = 4

    def __init__(self, split: str) -> None:
        self.spec = SampleSpec("image", (1, 4, 4), classes=self.classes)

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> Any:
        return self.sample(index), self.label(index)

    def sample(self, index: int) -> Tensor:
        return torch.full((1, 4, 4), index, dtype=torch.uint8)

    def label(self, index: int) -> Any:
        return index % 4


class InMemory(Squares):
    def tensors(self) -> tuple[Tensor, Tensor]:
        samples = [self.sample(index) for index in range(len(self))]
        return torch.stack(samples), torch.arange(20) % 4


class Unlabelled(Squares):
    classes = 0

    def label(self, index: int) -> Any:
        return None


class SamplesAlone(Squares):
    def __getitem__(self, index: int) -> Any:
        return self.sample(index)


class Empty(Squares):
    def __len__(self) -> int:
        return 0


class Floats(Squares):
    def sample(self, index: int) -> Tensor:
        return super().sample(index) / 255


class Wider(Squares):
    def sample(self, index: int) -> Tensor:
        return super().sample(index)[:, :, :3]


class OneClassMore(Squares):
    def label(self, index: int) -> Any:
        return index % 5


class TensorLabels(Squares):
    def label(self, index: int) -> Any:
        return torch.tensor(index % 4)


class Flipping(Squares):
    def sample(self, index: int) -> Tensor:
        return super().sample(index) + torch.randint(200, (), dtype=torch.uint8)


class Lambda(Squares):
    def __init__(self, split: str) -> None:
        super().__init__(split)
        self.change = lambda x: x


class Backwards(InMemory):
    def tensors(self) -> tuple[Tensor, Tensor]:
        samples, labels = super().tensors()
        return samples.flip(0), labels


class InOtherOrder(Squares):
    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [self[index] for index in sorted(indices)]


class Absent(Squares):
    def __init__(self, split: str) -> None:
        raise DataError("the squares are not there", hint="ganzoo fetch local/squares")


class Pairs(Squares):
    """Squares, whose conditions are larger ones."""

    def __init__(self, split: str) -> None:
        self.spec = SampleSpec("image", (1, 4, 4), condition=SampleSpec("image", (1, 6, 6)))

    def label(self, index: int) -> Any:
        return torch.full((1, 6, 6), index, dtype=torch.uint8)


class PairsInMemory(Pairs):
    def tensors(self) -> tuple[Tensor, Tensor]:
        rows = range(len(self))
        conditions = torch.stack([self.label(index) for index in rows])
        return torch.stack([self.sample(index) for index in rows]), conditions


class FloatConditions(Pairs):
    def label(self, index: int) -> Any:
        return torch.zeros(1, 6, 6)


class MissingCondition(Pairs):
    def label(self, index: int) -> Any:
        return None


class FlippingConditions(Pairs):
    def label(self, index: int) -> Any:
        return torch.randint(256, (1, 6, 6)).byte()


class BackwardConditions(PairsInMemory):
    def tensors(self) -> tuple[Tensor, Tensor]:
        samples, conditions = super().tensors()
        return samples, conditions.flip(0)


class EvenRows(Squares):
    """Only squares with an even index are drawn."""

    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        return 2 * (10 * noise.uniform("row")).long(), None


class Thirds(MissingCondition):
    """Draws conditions too, which its rows do not have."""

    def __init__(self, split: str) -> None:
        self.spec = SampleSpec("image", (1, 4, 4), condition=SampleSpec("vector", (3,)))

    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        third = (3 * noise.uniform("third")).long()
        return 6 * third, nn.functional.one_hot(third, 3).float()


class OutOfRange(Squares):
    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        return torch.arange(n), None


class WithoutNoise(Squares):
    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        return torch.randint(20, (n,)), None


class ByTheBatch(Squares):
    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        return noise.uniform("row").argsort() % 20, None


class FloatsDrawn(Thirds):
    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        rows = super().draw(noise, n)[0]
        return rows, rows


class NothingDrawn(Thirds):
    """Draws rows, which have no conditions."""

    def draw(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        return super().draw(noise, n)[0], None


DATA = {"splits": ("train", "test"), "modalities": frozenset({"image"})}


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("form", SamplesAlone),
        ("form", Empty),
        ("true-to-spec", Floats),
        ("true-to-spec", Wider),
        ("labels", OneClassMore),
        ("labels", TensorLabels),
        ("same-by-index", Flipping),
        ("picklable", Lambda),
        ("several-items", InOtherOrder),
        ("whole-tensors", Backwards),
        ("labels", FloatConditions),
        ("labels", MissingCondition),
        ("same-by-index", FlippingConditions),
        ("whole-tensors", BackwardConditions),
        ("drawn-rows", OutOfRange),
        ("drawn-rows", WithoutNoise),
        ("drawn-rows", ByTheBatch),
        ("drawn-rows", FloatsDrawn),
        ("drawn-rows", NothingDrawn),
    ],
)
def test_a_data_set_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("dataset", factory, **DATA) == {check}


FAULTLESS = [Squares, InMemory, Unlabelled, Pairs, PairsInMemory, EvenRows, Thirds]


@pytest.mark.parametrize("factory", FAULTLESS)
def test_a_data_set_without_a_fault_fails_none(failed, factory: Any) -> None:
    assert failed("dataset", factory, **DATA) == set()


def test_a_data_set_of_another_modality_than_it_is_registered_for_fails(failed) -> None:
    said = DATA | {"modalities": frozenset({"vector"})}
    assert failed("dataset", Squares, **said) == {"true-to-spec"}


def test_missing_data_is_not_checked_and_the_reason_says_how_to_get_it(judge) -> None:
    judged = judge("dataset", Absent, **DATA)
    assert judged["builds"].outcome == judged["labels"].outcome == "skipped"
    assert judged["labels"].message == (
        "needs data: the squares are not there (try: ganzoo fetch local/squares)"
    )


# --- extractors ----------------------------------------------------------------------------------


class Means(nn.Module):
    """The mean of each sample, twice; nothing is wrong with it."""

    input_shape = (3, 8, 8)
    num_features = 2
    layer = "means"
    weights_sha256 = None

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).mean(1, keepdim=True).repeat(1, 2)


class WithClasses(Means):
    def class_logits(self, features: Tensor) -> Tensor:
        return features @ torch.ones(2, 3)


class Promising(Means):
    num_features = 3


class Anonymous(Means):
    weights_sha256 = "latest"


class LogOfNothing(Means):
    def forward(self, x: Tensor) -> Tensor:
        return (super().forward(x) * 0).log()


class Centred(Means):
    def forward(self, x: Tensor) -> Tensor:
        features = super().forward(x)
        return features - features.mean(0)


class FlatLogits(Means):
    def class_logits(self, features: Tensor) -> Tensor:
        return features.sum(1)


@pytest.mark.parametrize(
    ("check", "factory"),
    [
        ("form", Promising),
        ("form", Anonymous),
        ("finite", LogOfNothing),
        ("batches-and-order", Centred),
        ("class-logits", FlatLogits),
    ],
)
def test_an_extractor_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("extractor", factory) == {check}


@pytest.mark.parametrize("factory", [Means, WithClasses])
def test_an_extractor_without_a_fault_fails_none(failed, factory: Any) -> None:
    assert failed("extractor", factory) == set()


# --- metrics -------------------------------------------------------------------------------------


class Distance:
    """The distance of the mean features; nothing is wrong with it."""

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        means = real.features.double().mean(0), fake.features.double().mean(0)
        return {"distance": (means[0] - means[1]).norm().item()}


class Float32Distance:
    """The same in float32, whose sums round differently in another order of the samples."""

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        means = [side.features.float().cumsum(0)[-1] / len(side.features) for side in (real, fake)]
        return {"distance": (means[0] - means[1]).norm().item()}


class Infinite:
    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        return {"distance": math.inf}


class Tensors:
    def __call__(self, real: Evaluated, fake: Evaluated) -> Any:
        return {"distance": real.features.mean()}


class First:
    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        return {"distance": (real.features[0] - fake.features[0]).norm().item()}


class Drawing:
    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        return {"distance": torch.rand(()).item()}


class Picky:
    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        raise DataError("at least 10,000 samples are needed")


@pytest.mark.parametrize(
    ("check", "factory"),
    [("numbers", Infinite), ("numbers", Tensors), ("order", First), ("order", Drawing)],
)
def test_a_metric_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("metric", factory) == {check}


@pytest.mark.parametrize("factory", [Distance, Float32Distance])
def test_a_metric_without_a_fault_fails_none(failed, factory: Any) -> None:
    assert failed("metric", factory) == set()


def test_a_metric_that_needs_other_data_is_not_checked(judge) -> None:
    judged = judge("metric", Picky)
    assert [judged["numbers"].outcome, judged["order"].outcome] == ["skipped", "skipped"]


# --- optimizers ----------------------------------------------------------------------------------


def descent(params: Any, *, lr: PositiveFloat = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(params, lr=lr, momentum=0.5)


def ascent(params: Any, *, lr: PositiveFloat = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(params, lr=lr, maximize=True)


def half(params: Any, *, lr: PositiveFloat = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD(params[0]["params"][:1], lr=lr)


def merged(params: Any, *, lr: PositiveFloat = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD([each for group in params for each in group["params"]], lr=lr)


class Mine:
    def __init__(self, params: Any) -> None: ...


class Fading(torch.optim.SGD):
    """Each step is smaller than the last, by a count that is not in its state."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, lr=0.1)
        self.count = 0

    def step(self, closure: Any = None) -> Any:
        self.count += 1
        for group in self.param_groups:
            group["lr"] = 0.1 / self.count
        return super().step(closure)


@pytest.mark.parametrize(
    ("check", "factory"),
    [("form", Mine), ("form", half), ("form", merged), ("reduces", ascent), ("resumes", Fading)],
)
def test_an_optimizer_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("optimizer", factory) == {check}


def test_an_optimizer_without_a_fault_fails_none(failed) -> None:
    assert failed("optimizer", descent) == set()


# --- schedules -----------------------------------------------------------------------------------


class Halving:
    """Half as much every million samples; nothing is wrong with it."""

    def __call__(self, samples_seen: int) -> Any:
        return 0.5 ** min(samples_seen / 1e6, 100)


class Reciprocal:
    def __call__(self, samples_seen: int) -> Any:
        return 1 / samples_seen


class Counting:
    asked = 0

    def __call__(self, samples_seen: int) -> Any:
        self.asked += 1
        return 1 / self.asked


@pytest.mark.parametrize(
    ("check", "factory"), [("values", Reciprocal), ("function-of-samples", Counting)]
)
def test_a_schedule_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("schedule", factory) == {check}


def test_a_schedule_without_a_fault_fails_none(failed) -> None:
    assert failed("schedule", Halving) == set()


def test_a_parameter_without_a_default_is_requested_and_can_be_given(judge, failed) -> None:
    class Linear:
        def __init__(self, *, end_samples: int) -> None:
            self.end_samples = end_samples

        def __call__(self, samples_seen: int) -> Any:
            return max(0.0, 1 - samples_seen / self.end_samples)

    outcome = judge("schedule", Linear)["values"]
    assert outcome.outcome == "skipped"
    assert outcome.message == (
        "end_samples must be given (try: ganzoo conformance local/thing end_samples=…; "
        'in a test: parameters={"local/thing": [{"end_samples": …}]})'
    )
    judged = judge("schedule", Linear, given=[{"end_samples": 100}])
    assert judged["values"].outcome == "passed"
    assert failed("schedule", Linear, given=[{"end_samples": 0}]) == {"values"}


# --- callbacks -----------------------------------------------------------------------------------


class Printing:
    """Hears some of the events; nothing is wrong with it."""

    def started(self, run: Mapping[str, Any]) -> None:
        self.name = run["name"]

    def scored(self, step: int, score: Any) -> None:
        self.best = score.value

    def saved(self, step: int, path: Any) -> None:
        self.path = path.name

    def finished(self, status: str) -> None:
        self.status = status.upper()


class Misspelt:
    def step(self, step: int) -> None: ...


class TooFew:
    def stepped(self, step: int) -> None: ...


class OneMisspelt(Printing):
    def steped(self, step: int, samples_seen: int, terms: Any) -> None: ...


class WithHelpers(Printing):
    """Public names like those of events, which take other arguments than they."""

    def save(self, path: Any) -> None: ...

    def score(self) -> float:
        return self.best


@pytest.mark.parametrize(
    ("check", "factory"),
    [("hears", Misspelt), ("accepts-events", TooFew), ("method-names", OneMisspelt)],
)
def test_a_callback_with_one_fault_fails_one_check(failed, check: str, factory: Any) -> None:
    assert failed("callback", factory) == {check}


@pytest.mark.parametrize("factory", [Printing, WithHelpers])
def test_a_callback_without_a_fault_fails_none(failed, factory: Any) -> None:
    assert failed("callback", factory) == set()


def test_a_failure_of_a_misspelt_method_suggests_its_name_and_how_to_keep_a_helper(judge) -> None:
    assert judge("callback", OneMisspelt)["method-names"].message == (
        "defaults: expected no public method whose name is nearly one that ganzoo calls, got "
        "steped - did you mean 'stepped'?; def stepped(self, step, samples_seen, terms): …, or "
        "begin the name of a helper with an underscore"
    )
