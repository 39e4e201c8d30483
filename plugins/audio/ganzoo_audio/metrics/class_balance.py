"""Are all classes made, and as often as in the data?"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganzoo.api import DataError, Evaluated
from ganzoo.nn import blocks_of_rows


class ClassBalance:
    """How often the extractor's classifier hears each class, beside how often in the real data.

    ``class_balance`` is 1 minus the total variation distance of the two distributions: 1 is as
    often as there, 1 / K one of K equally frequent classes alone. ``class_confidence`` is the mean
    probability of the likeliest class, ``class_confidence_real`` that of the real samples.
    ``class_balance_held_out`` is that of real samples that were held out: the best to be expected.

    Raises:
        DataError: the extractor has no classifier.
    """

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        if real.class_logits is None or fake.class_logits is None:
            what = "the metric 'class-balance' needs an extractor with a classifier"
            raise DataError(what, hint="eval.extractor=audio/note-classifier, for notes")
        wanted, confidence_real = _shares(real.class_logits)
        shares, confidence = _shares(fake.class_logits)
        result = {
            "class_balance": _alike(shares, wanted),
            "class_confidence": confidence,
            "class_confidence_real": confidence_real,
        }
        held_out = real.held_out()
        if held_out is not None and held_out.class_logits is not None:
            result["class_balance_held_out"] = _alike(_shares(held_out.class_logits)[0], wanted)
        return result


def _shares(logits: Tensor) -> tuple[Tensor, float]:
    """Return the share of each class, float64 (K,), and the mean probability of the likeliest."""
    counts, confidence = torch.zeros(logits.shape[1], dtype=torch.float64), 0.0
    for block in blocks_of_rows(logits):
        best = block.double().softmax(1).max(1)
        counts += best.indices.bincount(minlength=len(counts))
        confidence += best.values.sum().item()
    return counts / len(logits), confidence / len(logits)


def _alike(shares: Tensor, wanted: Tensor) -> float:
    return 1 - (shares - wanted).abs().sum().item() / 2
