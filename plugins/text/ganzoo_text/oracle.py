"""The oracle of SeqGAN's experiments: a random LSTM, whose likelihood is known."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import embedding, linear, log_softmax

SIZE = 32
"""Of an embedded token, and of the LSTM's state."""
START = 0
"""The token whose embedding is the first input."""
BLOCK = 500
"""Lines that are computed together, since each has V probabilities."""


class Oracle:
    """An LSTM with one bias a gate, whose weights are all drawn from N(0, 1).

    `torch.nn.LSTM` adds two biases, whose sum has twice the variance. Other seeds are other
    distributions, with other entropies.

    Args:
        vocabulary: V.
        seed: of the weights.

    Source: Yu et al. 2017 (SeqGAN), arXiv:1609.05473, section 4.1.
    """

    def __init__(self, vocabulary: int, seed: int) -> None:
        random = torch.Generator().manual_seed(seed)

        def drawn(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=random)

        self.embedding = drawn(vocabulary, SIZE)
        self.of_input, self.of_state = drawn(4 * SIZE, SIZE), drawn(4 * SIZE, SIZE)
        self.bias = drawn(4 * SIZE)
        self.output, self.output_bias = drawn(vocabulary, SIZE), drawn(vocabulary)

    def _advance(self, token: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log p of the next token (B, V), and the new state, after a token (B,)."""
        x = embedding(token, self.embedding)
        gates = linear(x, self.of_input, self.bias) + linear(h, self.of_state)
        i, f, o, new = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * new.tanh()
        h = o.sigmoid() * c.tanh()
        return log_softmax(linear(h, self.output, self.output_bias), 1), h, c

    def draw(self, count: int, length: int, seed: int) -> Tensor:
        """Return lines of `length` tokens, int64 (count, length)."""
        random, found = torch.Generator().manual_seed(seed), []
        for first in range(0, count, BLOCK):
            token = torch.full((min(BLOCK, count - first),), START)
            h = c = torch.zeros(len(token), SIZE)
            line = []
            for _ in range(length):
                logs, h, c = self._advance(token, h, c)
                place = torch.rand(len(logs), 1, generator=random)
                token = torch.searchsorted(logs.exp().cumsum(1), place)[:, 0]
                token = token.clamp(max=logs.shape[1] - 1)
                line.append(token)
            found.append(torch.stack(line, 1))
        return torch.cat(found)

    def nll(self, lines: Tensor) -> Tensor:
        """Return the negative log-probability of lines (N, L) in nats a token, float64 (N,)."""
        found = []
        for part in lines.split(BLOCK):
            token, total = torch.full((len(part),), START), torch.zeros(len(part)).double()
            h = c = torch.zeros(len(part), SIZE)
            for next_token in part.unbind(1):
                logs, h, c = self._advance(token, h, c)
                total -= logs.gather(1, next_token[:, None])[:, 0].double()
                token = next_token
            found.append(total / lines.shape[1])
        return torch.cat(found)
