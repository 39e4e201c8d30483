"""The last layer of a generator of rows: tanh for values, Gumbel-softmax for choices."""

import torch
from torch import Tensor

from ganzoo.api import Noise, SampleSpec
from ganzoo.nn import blocks

TINY = 1e-7


def row_of(spec: SampleSpec, logits: Tensor, noise: Noise, temperature: float) -> Tensor:
    """Return rows in model form, differentiable in `logits`.

    A choice is softmax((logits + Gumbel noise) / temperature) (arXiv:1611.01144, eq. 2), as CTGAN
    has it (arXiv:1907.00503, section 4.4).

    Args:
        logits: (B, spec.size).
    """
    uniforms = noise.uniform("gumbel", spec.size).clamp(TINY, 1 - TINY)
    noisy = (logits - (-uniforms.log()).log()) / temperature
    places = blocks(spec)
    sizes = [block.size for block in places]
    parts = []
    # Slices would each fill a gradient of the whole row; the parts of a split fill it once.
    for block, value, choice in zip(
        places, logits.split(sizes, 1), noisy.split(sizes, 1), strict=True
    ):
        if block.kind == "choice":
            parts.append(choice.softmax(1))
        elif spec.columns[block.column].modes:
            parts.append(value.tanh())
        else:
            parts.append(value)
    return torch.cat(parts, 1)
