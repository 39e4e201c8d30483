"""Whether a classifier can learn the classes from generated samples."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganzoo.api import DataError, Evaluated, NonNegativeFloat
from ganzoo.nn import class_labels
from ganzoo_zoo.metrics.subsets import order_of

BLOCK = 4096
CONSTANT = 1e-6
"""Standard deviation, relative to the mean, up to which a feature is constant."""

ITERATIONS = 100
"""Of L-BFGS, which meets its tolerance earlier in most cases."""


class ClassificationAccuracyScore:
    """Accuracy on real samples of a classifier that was trained on generated ones.

    For conditional recipes. It falls if samples do not look like their class, and also if a class
    has too little variety, which `class-agreement` does not see. Higher is better. The classifier
    is a logistic regression on the extractor's features: a convex problem, started at 0, without
    random numbers. The published score trains a ResNet-50 on pixels, so do not compare with it;
    compare with ``cas_real``.

    Returns ``cas``, and ``cas_real``: trained on one half of the real samples and tested on the
    other, both ways round.

    Source: Ravuri and Vinyals 2019, arXiv:1905.10887, section 3.

    Args:
        decay: weight of the squared weights over standardised features, per sample.
        split: of the data set, the real samples that it is tested on; empty: the reference.

    Raises:
        DataError: one side has no labels, fewer than two classes were generated, or there are fewer
            than four real samples.
    """

    def __init__(self, *, decay: NonNegativeFloat = 1e-3, split: str = "") -> None:
        self.decay, self.split = decay, split

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        made = class_labels(
            "cas",
            fake,
            "the samples have none: the recipe is not conditional, or an npz lacks `labels`",
        )
        side = self._tested(real)
        labels = class_labels("cas", side, "the reference has none")
        if len(made.unique()) < 2 or len(labels) < 4:
            raise DataError(
                "the metric 'cas' needs generated samples of two classes, and four real samples",
                hint="score more samples, or remove cas from eval.metrics",
            )
        classes = 1 + int(torch.cat([made, labels]).max())
        fitted = self.fit(fake.features, made, classes)
        parts = order_of(side).tensor_split(2)
        halves = [(side.features[part], labels[part]) for part in parts]
        right = sum(
            correct(self.fit(*trained, classes), *tested)
            for trained, tested in (halves, halves[::-1])
        )
        return {
            "cas": correct(fitted, side.features, labels) / len(labels),
            "cas_real": right / len(labels),
        }

    def _tested(self, real: Evaluated) -> Evaluated:
        if self.split and self.split not in real.splits:
            known = ", ".join(real.splits) or "no known splits"
            raise DataError(
                f"the metric 'cas' needs the split {self.split!r}; the data set has {known}",
                hint="leave out its parameter split, or remove cas from eval.metrics",
            )
        return real.splits[self.split] if self.split else real

    def fit(self, features: Tensor, labels: Tensor, classes: int) -> nn.Sequential:
        """Return a logistic regression (standardise, then a linear map) in float64.

        It minimises the mean cross entropy plus decay / 2 |W|^2.
        """
        mean = features.mean(dim=0, dtype=torch.float64)
        squares = [(x - mean).square().sum(0) for x, _ in blocks(features, labels)]
        sd = (torch.stack(squares).sum(0) / len(labels)).sqrt()
        # A feature that is constant up to the round-off of float32 is left out.
        scale = torch.where(sd > CONSTANT * mean.abs(), 1 / sd, 0)
        with torch.inference_mode(False), torch.enable_grad():
            linear = nn.utils.skip_init(nn.Linear, len(mean), classes, dtype=torch.float64)
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
            optimizer = torch.optim.LBFGS(
                linear.parameters(),
                max_iter=ITERATIONS,
                tolerance_grad=1e-6,
                line_search_fn="strong_wolfe",
            )

            def loss() -> float:
                optimizer.zero_grad()
                total = self.decay / 2 * linear.weight.square().sum()
                total.backward()
                value = total.item()
                for x, y in blocks(features, labels):
                    part = cross_entropy(linear((x - mean) * scale), y, reduction="sum")
                    part = part / len(labels)
                    part.backward()
                    value += part.item()
                return value

            optimizer.step(loss)
        return nn.Sequential(Standardise(mean, scale), linear)


class Standardise(nn.Module):
    """(x - mean) * scale."""

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.mean, self.scale = mean, scale

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.scale


def blocks(features: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield features (B, D) in float64 and labels (B,)."""
    for x, y in zip(torch.split(features, BLOCK), torch.split(labels, BLOCK), strict=True):
        yield x.double(), y


@torch.no_grad()
def correct(classifier: nn.Module, features: Tensor, labels: Tensor) -> int:
    """Return how many samples a classifier labels as they are."""
    return sum(int((classifier(x).argmax(dim=1) == y).sum()) for x, y in blocks(features, labels))
