"""The outputs of every bundled component on fixed inputs are those recorded for its revision.

A component whose numbers move needs a new revision: otherwise runs of the old and of the new code
would pass as seeds of one experiment. Components are found by registration; what they are tried
with is found from their signatures.

    python tests/components/test_recorded_outputs.py            # record what has no record yet
    python tests/components/test_recorded_outputs.py --again    # record all, after other inputs
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from ganzoo.api import MODALITIES, Evaluated, Registration
from ganzoo.components.build import batch_multiple, takes
from ganzoo.components.parameters import adhoc_component
from ganzoo.components.signature import argument_docs
from ganzoo.errors import DataError, GanzooError
from ganzoo.modalities import modality
from ganzoo.registry.registry import Registry
from ganzoo.sampling.random_streams import BatchNoise, RandomStreams, Rows
from ganzoo.testing.component import TAKES_SPEC, Case, Component
from ganzoo.testing.harness import PLAYERS, GameHarness, settings
from ganzoo.testing.inputs import labels_for
from ganzoo.testing.outcomes import Failed, NotChecked
from ganzoo.testing.scoring import IMAGE, Extraction
from ganzoo.testing.training import Quadratic

pytestmark = pytest.mark.slow
RECORDS = Path(__file__).with_name("recorded_outputs.json")
COMMAND = "python tests/components/test_recorded_outputs.py"
TOLERANCE = 2e-4
"""Largest difference of a value, relative to the size of its tensor: processors round otherwise."""
PICKED = 4
"""Values recorded of each tensor, evenly spaced, beside its mean and its root mean square."""
SPECS = 2
"""Argument sets that each parameter set is tried with, those of the smallest samples first."""
BATCH = 6
GUESSES: Mapping[str, Any] = {"integer": 100, "number": 0.5, "boolean": True}
"""JSON type → the value of a parameter without a default."""

EXAMPLE = re.compile(r"such as ``([^`]+)``")
"""How the documentation of a parameter names a value of it."""

KINDS = (
    "generator",
    "discriminator",
    "latent",
    "loss",
    "regularizer",
    "augmentation",
    "dataset",
    "extractor",
    "metric",
    "optimizer",
    "schedule",
)
"""Kinds with outputs that are numbers."""

Values = dict[str, list[float | None]]
Records = dict[str, dict[str, Values]]

# --- inputs --------------------------------------------------------------------------------------


def random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def parameter_sets(component: Component, pictures: Path) -> list[dict[str, Any]]:
    """Return parameters that make the component, then each switch and choice of it by itself."""
    least: dict[str, Any] = {}
    others: list[dict[str, Any]] = []
    schema = component.model.model_json_schema()
    for name, about in schema.get("properties", {}).items():
        if name in schema.get("required", ()):
            example = EXAMPLE.search(argument_docs(component.factory).get(name, ""))
            if about.get("format") == "path":
                least[name] = str(pictures)
            elif example:
                least[name] = example[1]
            elif about.get("type") in GUESSES:
                least[name] = GUESSES[about["type"]]
            else:
                raise NotChecked(f"no value of {name} is known: document one, such as ``VALUE``")
        elif about.get("type") == "boolean":
            others.append({name: not about["default"]})
        else:
            others += [{name: each} for each in about.get("enum", ()) if each != about["default"]]
    return [least, *({**least, **each} for each in others)]


def cases(component: Component, pictures: Path) -> list[Case]:
    """Return the component with each parameter set, and the smallest arguments that fit it.

    Raises:
        NotChecked: it needs data that is not here.
    """
    found: list[Case] = []
    for parameters in parameter_sets(component, pictures):
        given = Component(component.registry, component.registration, [parameters])
        try:
            fitting = given.small_cases
        except Failed:  # a switch that only works together with another one
            continue
        except NotChecked:
            if found and component.kind != "dataset":  # with its defaults it needs no data
                continue
            if component.kind != "dataset" or not component.registration.splits:
                raise
            only = replace(component.registration, splits=component.registration.splits[:1])
            fitting = Component(component.registry, only, [parameters]).cases
        plans: dict[str, list[Case]] = {}
        for case in fitting:
            plans.setdefault(str(case.plan.plain), []).append(case)
        found += [case for each in plans.values() for case in sorted(each, key=size)[:SPECS]]
    return list({case.label: case for case in found}.values())


def size(case: Case) -> int:
    return case.spec.size if case.component.kind in TAKES_SPEC else 0


def side(seed: int, count: int) -> Evaluated:
    """Return labelled clusters of features, with small RGB images and class logits."""
    labels = torch.arange(count) % 4
    features = 4 * torch.eye(4, 8)[labels] + torch.randn(count, 8, generator=random(seed))
    samples = torch.randint(256, (count, 3, 8, 8), generator=random(seed), dtype=torch.uint8)
    logits = features[:, :4].clone()
    return Evaluated(features, samples, labels, logits, extraction=Extraction(IMAGE))


def sides(registry: Registry) -> Iterator[tuple[Evaluated, Evaluated]]:
    """Yield real and generated sides to measure: clusters, more of them, then data sets."""
    real, fake = side(1, 96), side(2, 80)
    splits = {"train": real, "test": side(3, 60)}
    yield replace(real, splits=splits), replace(fake, generator=Probe())
    yield side(1, 1024), side(2, 1024)
    for registration in registry.list("dataset"):
        with suppress(GanzooError):
            data = adhoc_component(registry, "dataset", registration.id, {}).build("train")
            samples, labels = zip(*(data[index] for index in range(96)), strict=True)
            stored = torch.stack(samples)
            columns = stored.flatten(1).float()[:, :8]
            known = None if labels[0] is None else stacked(labels)
            real = Evaluated(columns, stored, known)
            if data.spec.columns or data.spec.vocabulary:  # metrics ask for them, and a hold-out
                about = Extraction(data.spec)
                test = {"test": Evaluated(columns[:64], stored[:64], extraction=about)}
                fake = Evaluated(columns[:48], stored[48:], generator=Probe(), extraction=about)
                yield replace(real, extraction=about, splits=test), fake
                continue
            if data.spec.condition:
                yield real, Evaluated(columns[:48], stored[:48].flip(0), known[:48])
            yield real, Evaluated(columns.flip(0), stored[:48].flip(0), known)


def stacked(labels: Sequence[Any]) -> Tensor:
    """Return labels int64 (n,), or conditions (n, *condition.shape)."""
    return torch.stack(labels) if isinstance(labels[0], Tensor) else torch.tensor(labels)


class Probe:
    """A generator's latents and features: a smooth function of latents and labels."""

    def latents(self, count: int, seed: int) -> tuple[Tensor, Tensor]:
        return torch.randn(count, 4, generator=random(seed)), torch.arange(count) % 4

    def features(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        return torch.tanh(latents @ torch.linspace(-1, 1, 32).view(4, 8))

    def log_prob(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        return -1 - samples.flatten(1).float().mean(1)


# --- outputs of each kind ------------------------------------------------------------------------


def outputs(case: Case) -> Iterator[tuple[str, Tensor]]:
    """Yield named tensors that a component computes from the fixed inputs."""
    kind = case.component.kind
    if kind in ("loss", "regularizer"):
        yield from of_game(case)
    else:
        yield from OUTPUTS[kind](case)


def of_generator(case: Case) -> Iterator[tuple[str, Tensor]]:
    network = case.make()
    z = torch.randn(BATCH, network.latent_dim, generator=random(1))
    yield from of_network(network, z, case)


def of_discriminator(case: Case) -> Iterator[tuple[str, Tensor]]:
    network = case.make()
    multiple = batch_multiple(network)
    rows = -(-BATCH // multiple) * multiple
    x = torch.randn(rows, *case.spec.model_shape, generator=random(1))
    yield from of_network(network, x, case)


def of_network(network: nn.Module, inputs: Tensor, case: Case) -> Iterator[tuple[str, Tensor]]:
    conditional = "conditional" in case.capabilities
    rows = len(inputs)
    labels = labels_for(case.spec, rows, random(2)) if conditional else None
    noise = BatchNoise(RandomStreams(1), "noise", 0, Rows(0, rows))
    given = {"noise": noise} if takes(network, "noise") else {}
    for mode in ("train", "eval"):
        network.train(mode == "train")
        torch.manual_seed(0)  # for dropout
        output = network(inputs, labels, **given)
        parts = output if isinstance(output, tuple) else (output,)
        for place, part in enumerate(each for each in parts if isinstance(each, Tensor)):
            yield f"{mode} {place}", part
    yield "weights", torch.cat([each.flatten() for each in network.parameters()])


def of_latent(case: Case) -> Iterator[tuple[str, Tensor]]:
    yield "z", case.make().sample(BATCH, random(1))


def of_game(case: Case) -> Iterator[tuple[str, Tensor]]:
    for setting in settings(case)[:2]:
        for player in PLAYERS:
            harness = GameHarness(case, case.make(), setting)
            with harness.update_of(player):
                terms = harness.terms(harness.prepared(player))
                for name, term in terms.items():
                    yield f"{player} {name}, {setting}", term
                    for weights in torch.autograd.grad(
                        term, harness.weights_of(player), retain_graph=True, allow_unused=True
                    ):
                        if weights is not None:
                            yield f"{player} {name}, {setting}, gradient", weights


def of_augmentation(case: Case) -> Iterator[tuple[str, Tensor]]:
    x = torch.randn(BATCH, *case.spec.model_shape, generator=random(1))
    noise = BatchNoise(RandomStreams(1), "augmentation", 0, Rows(0, BATCH))
    found: Any = case.make()(x, noise)
    samples, *extra = found if isinstance(found, tuple) else (found,)
    yield "samples", samples
    yield from ((f"extra {place}", each) for place, each in enumerate(extra))


def of_dataset(case: Case) -> Iterator[tuple[str, Tensor]]:
    dataset = case.make()
    rows = [dataset[index * (len(dataset) - 1) // (BATCH - 1)] for index in range(BATCH)]
    yield "count", torch.tensor([float(len(dataset))])
    yield "samples", torch.stack([sample for sample, _ in rows])
    if all(label is not None for _, label in rows):
        yield "labels", stacked([label for _, label in rows])


def of_extractor(case: Case) -> Iterator[tuple[str, Tensor]]:
    extractor = case.make()
    if isinstance(extractor, nn.Module):
        extractor.eval().requires_grad_(False)
    features = extractor(extractor_inputs(case, extractor))
    yield "features", features
    if hasattr(extractor, "class_logits"):
        yield "class logits", extractor.class_logits(features)


def extractor_inputs(case: Case, extractor: Any) -> Tensor:
    """Return random samples: of the extractor's input shape, or of its own kind of data."""
    names = sorted(case.component.registration.modalities)
    if extractor.input_shape is None and names in (["text"], ["video"]):
        spec = modality(names[0]).specs()[0]
        return spec.kind.decode(spec, spec.kind.random(spec, BATCH, random(1))).float()
    own = sorted(set(names) - set(MODALITIES))
    usual = modality(own[0]).specs()[0].model_shape if own else (3, 12, 20)
    return 255 * torch.rand(BATCH, *(extractor.input_shape or usual), generator=random(1))


def of_metric(case: Case) -> Iterator[tuple[str, Tensor]]:
    for real, fake in sides(case.component.registry):
        try:
            found = case.make()(real, fake)
        except DataError as error:  # a metric of one data set
            reason = error.message
        else:
            yield from ((name, torch.tensor([value])) for name, value in found.items())
            return
    raise NotChecked(reason)


def of_optimizer(case: Case) -> Iterator[tuple[str, Tensor]]:
    quadratic = Quadratic(case)
    quadratic.steps(5)
    yield from ((name, value) for name, value in quadratic.outputs().items())


def of_schedule(case: Case) -> Iterator[tuple[str, Tensor]]:
    schedule = case.make()
    yield "values", torch.tensor([float(schedule(seen)) for seen in (0, 1, 40, 99, 500)])


OUTPUTS = {
    "generator": of_generator,
    "discriminator": of_discriminator,
    "latent": of_latent,
    "augmentation": of_augmentation,
    "dataset": of_dataset,
    "extractor": of_extractor,
    "metric": of_metric,
    "optimizer": of_optimizer,
    "schedule": of_schedule,
}


# --- records -------------------------------------------------------------------------------------


def summary(values: Tensor) -> list[float | None]:
    """Return root mean square, mean and a few values of a tensor to seven digits; None for NaN.

    A tensor of one number is summarized by that number.
    """
    flat = values.detach().flatten().double()
    if len(flat) == 1:
        return [None if flat.isnan() else float(f"{float(flat):.7g}")]
    picked = flat[torch.linspace(0, len(flat) - 1, PICKED).long()]
    numbers = [flat.square().mean().sqrt(), flat.mean(), *picked]
    return [None if each.isnan() else float(f"{float(each):.7g}") for each in numbers]


def measured(component: Component, pictures: Path) -> dict[str, Values]:
    """Return case → name → summary of each output."""
    found: dict[str, Values] = {}
    unchecked: NotChecked | None = None
    for case in cases(component, pictures):
        values: Values = {}
        try:
            for name, output in outputs(case):
                again = sum(key.partition(" #")[0] == name for key in values)
                values[f"{name} #{again + 1}" if again else name] = summary(output)
        except NotChecked as reason:  # a regularizer whose network refuses this spec
            unchecked = reason
        except ValueError:  # a switch that only works together with another one
            if not found:
                raise
        else:
            found[case.label.replace(str(pictures), "pictures")] = values
    if unchecked and not found:
        raise unchecked
    return found


def moved(before: list[float | None], now: list[float | None]) -> bool:
    """Return whether values differ by more than rounding, relative to the first.

    Gradients that cancel are of the size of rounding, and differ between processors.
    """
    scale = max(abs(before[0] or 0.0), 1e-2)
    return len(before) != len(now) or any(
        one is not other if None in (one, other) else abs(one - other) > TOLERANCE * scale
        for one, other in zip(before, now, strict=True)
    )


def key_of(registration: Registration) -> str:
    return f"{registration.kind} {registration.id} revision {registration.revision}"


def bundled(registry: Registry) -> list[Component]:
    names = [each.name for each in registry.namespaces() if each.origin == "bundled"]
    return [
        Component(registry, registration)
        for kind in KINDS
        for registration in registry.list(kind)
        if registration.namespace in names
    ]


def read_records() -> Records:
    return json.loads(RECORDS.read_text()) if RECORDS.exists() else {}


def draw_pictures(folder: Path) -> Path:
    """Write twelve pictures for data sets that read a folder."""
    for index in range(12):
        pixels = torch.randint(256, (16, 16, 3), generator=random(index), dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.mark.parametrize("component", bundled(Registry()), ids=str)
def test_outputs_are_those_recorded_for_the_revision(component: Component, pictures: Path) -> None:
    name = key_of(component.registration)
    records = read_records().get(name)
    try:
        found = measured(component, pictures)
    except NotChecked as reason:
        if records is not None:
            pytest.fail(f"{name} has a record, but cannot be made: {reason}")
        pytest.skip(str(reason))
    missing = [case for case in found if case not in (records or {})]
    assert not missing, f"{name} has no record for {missing}: record it with {COMMAND}"
    assert records is not None
    for case, values in records.items():
        assert case in found, f"{name} cannot be made any more with {case}"
        assert values.keys() == found[case].keys(), f"{name}, {case}: other outputs; {BUMP}"
        for output, before in values.items():
            now = found[case][output]
            assert not moved(before, now), f"{name}, {case}, {output}: {before} is {now}; {BUMP}"


BUMP = f"raise its revision where it is registered, then record it with {COMMAND}"


def test_a_value_moves_by_more_than_rounding_of_its_tensor() -> None:
    assert not moved([1.0, 0.0, 0.5], [1.0, 1e-4, 0.5])
    assert moved([1.0, 0.0, 0.5], [1.0, 1e-3, 0.5])
    assert not moved([None, None], [None, None])
    assert moved([None], [1.0])
    assert moved([1.0], [1.0, 0.0])


def record(again: bool) -> Iterable[str]:
    """Write what has no record yet; yield a line for each component. Moved numbers stay as is."""
    before = {} if again else read_records()
    installed = {each.name for each in Registry().namespaces()}
    after: Records = {
        name: found
        for name, found in read_records().items()
        if name.split()[1].partition("/")[0] not in installed
    }
    with tempfile.TemporaryDirectory() as folder:
        pictures = draw_pictures(Path(folder))
        for component in bundled(Registry()):
            name = key_of(component.registration)
            try:
                found = measured(component, pictures)
            except NotChecked as reason:
                yield f"not recorded: {name}: {reason}"
                continue
            after[name] = {**found, **before.get(name, {})}
            if new := found.keys() - before.get(name, {}).keys():
                yield f"recorded: {name}: {len(new)} cases"
    RECORDS.write_text(as_text(after))


def as_text(records: Records) -> str:
    """Return the records as JSON with one output a line."""
    parts = []
    for component, cases in records.items():
        found = [
            f"  {quoted(case)}: {{\n"
            + ",\n".join(f"   {quoted(name)}: {json.dumps(each)}" for name, each in values.items())
            + "\n  }"
            for case, values in cases.items()
        ]
        parts.append(f" {quoted(component)}: {{\n" + ",\n".join(found) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def quoted(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)


if __name__ == "__main__":
    for words in record("--again" in sys.argv):
        print(words)
