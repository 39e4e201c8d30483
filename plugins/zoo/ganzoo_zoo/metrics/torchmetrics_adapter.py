"""Any image metric of torchmetrics, updated with the run's own features."""

import re
import warnings
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from inspect import Parameter, isclass, signature
from pkgutil import iter_modules
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.api import DataError, Evaluated
from ganzoo_zoo.metrics.subsets import order_of

BLOCK = 1024
"""Rows per update."""

CHOSEN_HERE = ("feature", "normalize")
"""Settings of torchmetrics' classes that the adapter decides: the run's extractor replaces them."""

DOWNLOADS = ("ARNIQA",)
"""Classes whose constructor downloads a network of their own."""

EXAMPLE = "image.kid.KernelInceptionDistance"

Setting = bool | int | float | str


class TorchMetric:
    """Any image metric of torchmetrics, on the features of the run's extractor.

    Metrics over two sets of images (Fréchet, KID, MiFID) are updated with the features of both
    sides, InceptionScore with the logits of the extractor's classifier, and metrics of single
    images (TotalVariation) with the generated images in [0, 1]. Everything is float64. Metrics
    that compare pairs of images do not apply: a generated image has no counterpart.

    torchmetrics draws subsets at random. Samples are sorted by content first and the random
    generator is seeded, so the value does not depend on the order of the samples.

    Returns ``torchmetrics_`` with the class in snake case (``torchmetrics_total_variation``), and
    ``…_std`` where torchmetrics gives a second number.

    Args:
        metric: module and class in torchmetrics, such as ``image.kid.KernelInceptionDistance``.
        settings: of that class, such as ``{subset_size: 500}``.
        seed: of its random draws.

    Raises:
        ValueError: no such class or setting, or a metric that does not apply.
        DataError: too few samples for the metric, or an extractor without a classifier.
    """

    def __init__(
        self, *, metric: str, settings: dict[str, Setting] | None = None, seed: int = 0
    ) -> None:
        self.factory = metric_class(metric)
        self.settings = dict(settings or {})
        self.seed = seed
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.factory.__name__).lower()
        self.name = f"torchmetrics_{words}"
        known = set(settings_of(self.factory))
        if unknown := sorted(self.settings.keys() - known):
            near = get_close_matches(unknown[0], known, 1)
            better = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sorted(known))}"
            raise ValueError(f"{metric} has no setting {unknown[0]!r} - {better}")
        self.takes = inputs_of(self.factory, metric)
        self.make(num_features=2)  # so that a wrong setting is found before training

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        sides = {True: real, False: fake} if self.takes == "two sides" else {False: fake}
        inputs = {is_real: self.input_of(side) for is_real, side in sides.items()}
        live = self.make(num_features=inputs[False].shape[1])
        names = (self.name, f"{self.name}_std")
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about the memory for features
            torch.manual_seed(self.seed)
            try:
                for is_real, rows in inputs.items():
                    side_of = {"real": is_real} if len(sides) == 2 else {}
                    for block in sorted_blocks(rows, order_of(sides[is_real])):
                        live.update(block, **side_of)
                found = live.compute()
                values = found if isinstance(found, tuple) else (found,)
                return {name: float(value) for name, value in zip(names, values, strict=False)}
            except (ValueError, RuntimeError) as error:
                reason = " ".join(str(error).split())
                counts = ", ".join(str(len(rows)) for rows in inputs.values())
                raise DataError(
                    f"the metric {self.factory.__name__} fails with {counts} samples: {reason}",
                    hint="score more samples, or change its settings in eval.metrics",
                ) from error

    def make(self, num_features: int) -> Any:
        """Return a new torchmetrics object on this process alone: every process has all samples.

        Raises:
            ValueError: a setting has a value that the class refuses.
        """
        given: dict[str, Any] = dict(self.settings)
        if "feature" in signature(self.factory).parameters:
            given["feature"] = Features(num_features)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                return self.factory(**given, sync_on_compute=False).set_dtype(torch.float64)
            except ImportError as error:
                raise ValueError(f"{self.factory.__name__} cannot be used: {error}") from error

    def input_of(self, side: Evaluated) -> Tensor:
        """Return what `update` takes of one side: (N, D), (N, K) or (N, C, H, W)."""
        if self.takes == "images":
            if side.samples.ndim != 4:
                raise DataError(
                    f"the metric {self.factory.__name__} needs images",
                    hint="leave it out of eval.metrics",
                )
            return side.samples
        if self.takes == "two sides":
            return side.features
        if side.class_logits is None:
            raise DataError(
                f"the metric {self.factory.__name__} needs an extractor with a classifier, as "
                "toy-cnn is",
                hint="remove it from eval.metrics",
            )
        return side.class_logits


class Features(nn.Module):
    """The network of a torchmetrics object that is updated with features: the identity."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def metric_class(path: str) -> Any:
    """Return a class of `torchmetrics.image` by module and name, and nothing else.

    Raises:
        ValueError: there is none of that name; the nearest one is named.
    """
    module, _, name = path.rpartition(".")
    known = known_metrics()
    if name in known and module in ("image", known[name].rpartition(".")[0]):
        return getattr(import_module(f"torchmetrics.{known[name].rpartition('.')[0]}"), name)
    near = get_close_matches(name, known, 1, cutoff=0.5)
    better = f"did you mean {known[near[0]]!r}?" if near else f"one is {EXAMPLE!r}"
    raise ValueError(f"torchmetrics has no image metric {path!r} - {better}")


def is_image_metric(found: Any) -> bool:
    """Return whether something is a metric class."""
    from torchmetrics import Metric

    return isclass(found) and issubclass(found, Metric)


def known_metrics() -> dict[str, str]:
    """Return class name → path of the metrics in `torchmetrics.image`.

    Raises:
        ValueError: torchmetrics cannot be imported, because of a broken torchvision.
    """
    try:
        package = import_module("torchmetrics.image")
        names = [each.name for each in iter_modules(package.__path__)]
        modules = [import_module(f"torchmetrics.image.{name}") for name in names]
    except (ImportError, RuntimeError) as error:
        raise ValueError(f"torchmetrics cannot be imported: {error}") from error
    return {
        name: f"image.{module.__name__.rpartition('.')[2]}.{name}"
        for module in modules
        for name, found in vars(module).items()
        if is_image_metric(found) and found.__module__ == module.__name__ and name[0] != "_"
    }


def settings_of(factory: Any) -> Iterator[str]:
    """Yield the settings of a metric class that a recipe may give."""
    for parameter in signature(factory).parameters.values():
        if parameter.kind is not Parameter.VAR_KEYWORD and parameter.name not in CHOSEN_HERE:
            yield parameter.name


def inputs_of(factory: Any, path: str) -> str:
    """Return what a class is updated with: ``two sides``, ``logits`` or ``images``.

    Raises:
        ValueError: pairs of images, a generator, or images for a network that it downloads.
    """
    arguments = [name for name in signature(factory.update).parameters if name != "self"]
    has_network = "feature" in signature(factory).parameters
    if len(arguments) == 2 and arguments[1] == "real" and has_network:
        return "two sides"
    if factory.__name__ in DOWNLOADS:
        raise ValueError(f"{path} downloads a network of its own - choose one with a `feature`")
    if len(arguments) == 1 and arguments[0].startswith("im"):
        return "logits" if has_network else "images"
    raise ValueError(
        f"{path} is updated with {' and '.join(arguments)} - a score has two sets of images that "
        "are not paired"
    )


def sorted_blocks(rows: Tensor, order: Tensor) -> Iterator[Tensor]:
    """Yield rows as float64 in blocks, in this order of them.

    Images in uint8 are scaled to [0, 1].
    """
    for part in torch.split(order, BLOCK):
        block = rows[part]
        yield block.double() / 255 if block.dtype == torch.uint8 else block.double()
