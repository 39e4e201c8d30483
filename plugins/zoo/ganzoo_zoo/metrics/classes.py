"""Whether a conditional generator makes what it was asked for."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated
from ganzoo.nn import class_labels

HINT = "remove class-agreement from eval.metrics"


class ClassAgreement:
    """How often the extractor's classifier sees the class that was asked for.

    Each label is matched to one of the classifier's classes: the one that it sees most often in the
    real samples with that label.

    Returns ``class_agreement``, the fraction of generated samples, and ``class_agreement_real``,
    the same fraction of the real ones, which is the best to be expected.

    Raises:
        DataError: no labels or no classifier, a label that the real data does not have, or two
            labels that the classifier cannot tell apart.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        real_labels, real_seen = labels_and_classes(real, "the reference has no labels")
        labels, seen = labels_and_classes(
            fake, "the samples have none: the recipe is not conditional, or an npz lacks `labels`"
        )
        meaning = majority(real_labels, real_seen)
        if unknown := sorted(set(labels.tolist()) - meaning.keys()):
            raise DataError(
                f"the metric 'class-agreement' needs real samples of each label, and the reference "
                f"has none with the label {unknown[0]}",
                hint=HINT,
            )
        return {
            "class_agreement": agreement(meaning, labels, seen),
            "class_agreement_real": agreement(meaning, real_labels, real_seen),
        }


def labels_and_classes(side: Evaluated, unlabelled: str) -> tuple[Tensor, Tensor]:
    """Return labels and the classifier's most likely classes, int64 (N,) each."""
    labels = class_labels("class-agreement", side, unlabelled)
    if side.class_logits is None:
        raise DataError(
            "the metric 'class-agreement' needs an extractor with a classifier, as toy-cnn is",
            hint=HINT,
        )
    return labels, side.class_logits.argmax(dim=1)


def majority(labels: Tensor, seen: Tensor) -> dict[int, int]:
    """Return label → the class that the classifier sees in most of its samples."""
    meaning: dict[int, int] = {}
    for label in sorted(set(labels.tolist())):
        met = int(seen[labels == label].mode().values)
        if met in meaning.values():
            other = next(known for known in meaning if meaning[known] == met)
            raise DataError(
                "the metric 'class-agreement' means nothing: the extractor's classifier cannot "
                f"tell the labels {other} and {label} apart",
                hint=HINT,
            )
        meaning[label] = met
    return meaning


def agreement(meaning: Mapping[int, int], labels: Tensor, seen: Tensor) -> float:
    """Return the fraction of samples whose class matches their label."""
    wanted = torch.tensor([meaning[label] for label in labels.tolist()])
    return (seen == wanted).double().mean().item()
