"""RelGAN, small: a relational memory writes lines, and many small embeddings judge them.

Source: Nie et al., ICLR 2019, openreview rJedV3R5tm, sections 2.1 to 2.3; the relational memory is
that of Santoro et al. 2018, arXiv:1806.01822, section 3.3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from ganzoo.api import Fraction, PositiveFloat, PositiveInt, SampleSpec
from ganzoo_text.networks.language_model import LanguageModel, Sampling


class Generator(LanguageModel):
    """A relational memory: slots that attend to each other and to the last token, and gates.

    RelGAN has an embedding of 32, one slot, and two heads of 256.

    Args:
        slots: rows of the memory.
        heads: of the attention.
        head_size: of each.
        embedding: size of an embedded token.
        sampling: ``gumbel``, or ``categorical`` for policy gradients.
        gumbel_temperature: 1 / beta of the paper; it is to fall.

    Input: z (B, 1), not used. Output: (B, L, V), which sums to 1 over V.
    """

    capabilities = frozenset({"graph-safe", "score-function", "text/likelihood"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        slots: PositiveInt = 1,
        heads: PositiveInt = 2,
        head_size: PositiveInt = 64,
        embedding: PositiveInt = 32,
        sampling: Sampling = "gumbel",
        gumbel_temperature: PositiveFloat = 1.0,
    ) -> None:
        super().__init__(spec, embedding, sampling, gumbel_temperature)
        size = heads * head_size
        self.slots, self.size, self.heads = slots, size, heads
        self.input = nn.Linear(embedding, size)
        self.query, self.key_value = nn.Linear(size, size), nn.Linear(size, 2 * size)
        self.after_attention, self.after_layers = nn.LayerNorm(size), nn.LayerNorm(size)
        self.layers = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size))
        self.gate_of_input = nn.Linear(size, 2 * size)
        self.gate_of_memory = nn.Linear(size, 2 * size)
        self.logits = nn.Linear(slots * size, self.vocabulary)

    def begin(self, rows: Tensor) -> Tensor:
        memory = torch.eye(self.slots, self.size, device=rows.device)
        return memory.expand(len(rows), -1, -1)

    def advance(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        given = self.input(x)[:, None]  # (B, 1, size)
        h = self.after_attention(state + self._attend(state, torch.cat([state, given], 1)))
        h = self.after_layers(h + self.layers(h))
        gates = self.gate_of_input(given) + self.gate_of_memory(state.tanh())
        add, keep = gates.chunk(2, 2)
        state = add.sigmoid() * h.tanh() + (keep + 1).sigmoid() * state
        return state.flatten(1), state

    def _attend(self, memory: Tensor, everything: Tensor) -> Tensor:
        """Return what each slot (B, slots, size) takes from the memory and the input."""
        parts = (self.query(memory), *self.key_value(everything).chunk(2, 2))
        heads = [part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts]
        return scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)


class Discriminator(nn.Module):
    """K embeddings of a line, each judged by the same convolutions, highway and linear layers.

    RelGAN has K = 64 embeddings of size 1, and 300 filters of each width.

    Args:
        representations: K.
        embedding: size of a token in each of them.
        widths: of the filters.
        filters: of each width.
        dropout: share of activations that are dropped in training.

    Input: x (B, L, V). Output: (B, K), a logit for each embedding.
    """

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        representations: PositiveInt = 16,
        embedding: PositiveInt = 4,
        widths: tuple[int, ...] = (2, 3, 4, 5),
        filters: PositiveInt = 64,
        dropout: Fraction = 0.25,
    ) -> None:
        super().__init__()
        if not widths or min(widths) < 1:
            raise ValueError("widths of filters are from 1 up")
        length, vocabulary = spec.model_shape
        self.representations, self.missing = representations, max(max(widths) - length, 0)
        self.embedding = nn.Linear(vocabulary, representations * embedding, bias=False)
        self.filters = nn.ModuleList(nn.Conv1d(embedding, filters, width) for width in widths)
        size = filters * len(widths)
        self.highway, self.gate = nn.Linear(size, size), nn.Linear(size, size)
        self.hidden, self.logit = nn.Linear(size, 100), nn.Linear(100, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = pad(self.embedding(x), (0, 0, 0, self.missing))
        h = h.unflatten(2, (self.representations, -1)).permute(0, 2, 3, 1).flatten(0, 1)
        found = torch.cat([each(h).relu().amax(2) for each in self.filters], 1)
        gate = self.gate(found).sigmoid()
        found = gate * self.highway(found).relu() + (1 - gate) * found
        logits = self.logit(self.hidden(self.dropout(found)))
        return logits.view(-1, self.representations)
