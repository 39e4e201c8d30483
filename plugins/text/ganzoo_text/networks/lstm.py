"""LSTMs: a generator that writes token by token, and a discriminator of every token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.api import PositiveFloat, PositiveInt, SampleSpec
from ganzoo_text.networks.language_model import LanguageModel, Sampling

State = tuple[Tensor, Tensor]


class Generator(LanguageModel):
    """An LSTM whose tokens are Gumbel-softmax or one-hot.

    Args:
        width: size of the LSTM's state.
        embedding: size of an embedded token.
        sampling: ``gumbel`` (arXiv:1611.04051), or ``categorical`` for policy gradients.
        gumbel_temperature: that of the softmax of ``gumbel``; it can be scheduled.

    Input: z (B, 1), not used. Output: (B, L, V), which sums to 1 over V.
    """

    capabilities = frozenset({"graph-safe", "score-function", "text/likelihood"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 128,
        embedding: PositiveInt = 32,
        sampling: Sampling = "gumbel",
        gumbel_temperature: PositiveFloat = 1.0,
    ) -> None:
        super().__init__(spec, embedding, sampling, gumbel_temperature)
        self.lstm = nn.LSTM(embedding, width, batch_first=True)
        self.logits = nn.Linear(width, self.vocabulary)

    def begin(self, rows: Tensor) -> State:
        zeros = rows.new_zeros(1, len(rows), self.lstm.hidden_size)
        return zeros, zeros

    def advance(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, state = self.lstm(x[:, None], state)
        return h[:, 0], state

    def unroll(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0]


class Discriminator(nn.Module):
    """An LSTM that judges each token after those before it (arXiv:1905.09922, section 3.1).

    Args:
        width: size of the LSTM's state.
        embedding: size of an embedded token.

    Input: x (B, L, V). Output: (B, L), a logit for each token.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self, spec: SampleSpec, *, width: PositiveInt = 128, embedding: PositiveInt = 32
    ) -> None:
        super().__init__()
        self.embedding = nn.Linear(spec.model_shape[1], embedding, bias=False)
        self.lstm = nn.LSTM(embedding, width, batch_first=True)
        self.logit = nn.Linear(width, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        # cuDNN's LSTM cannot be differentiated twice, as penalties on D's gradient need.
        with torch.backends.cudnn.flags(enabled=not x.requires_grad):
            h, _ = self.lstm(self.embedding(x))
        return self.logit(h)[:, :, 0]
