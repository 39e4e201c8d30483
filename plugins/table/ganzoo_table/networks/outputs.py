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
    parts = []
    for block in blocks(spec):
        place = slice(block.start, block.start + block.size)
        if block.kind == "choice":
            parts.append(noisy[:, place].softmax(1))
        elif spec.columns[block.column].modes:
            parts.append(logits[:, place].tanh())
        else:
            parts.append(logits[:, place])
    return torch.cat(parts, 1)
