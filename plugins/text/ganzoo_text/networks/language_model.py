"""What generators that write a line token by token share: sampling, and the likelihood."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, one_hot

from ganzoo.api import Noise, PositiveFloat, SampleSpec
from ganzoo.nn import Vocabulary

TINY = 1e-7
IMPOSSIBLE = -1e4

Sampling = Literal["gumbel", "categorical"]


class LanguageModel(nn.Module):
    """p(x) = prod_t p(x_t | x_1 … x_(t-1)), from which tokens are drawn one after the other.

    With ``gumbel`` a token is softmax((logits + Gumbel noise) / gumbel_temperature), which carries
    a gradient (arXiv:1611.01144, eq. 2); the most likely one is exactly a draw from p, and it alone
    is the next step's input, as in RelGAN. With ``categorical`` tokens are one-hot and carry none.
    z is not used: all randomness is the noise. After the end token, lines hold nothing else.

    A subclass has `begin`, `advance`, and `logits`, the last layer.
    """

    latent_dim = 1
    capabilities: frozenset[str]
    logits: nn.Module

    def __init__(
        self,
        spec: SampleSpec,
        embedding: int,
        sampling: Sampling,
        gumbel_temperature: float,
    ) -> None:
        super().__init__()
        self.length, self.vocabulary = spec.model_shape
        self.end = Vocabulary(spec).end
        self.sampling = sampling
        if sampling == "gumbel":
            self.capabilities -= {"score-function"}
        self.embedding = nn.Embedding(self.vocabulary + 1, embedding)  # the last starts a line
        self.register_buffer("gumbel_temperature", torch.tensor(float(gumbel_temperature)))

    def begin(self, rows: Tensor) -> Any:
        """Return the state before the first token; `rows` (B, …) has the batch's size."""
        raise NotImplementedError

    def advance(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return activations (B, H) and the new state, from an embedded token (B, E)."""
        raise NotImplementedError

    def unroll(self, x: Tensor) -> Tensor:
        """Return the activations (B, L, H) for embedded tokens (B, L, E) that are known."""
        state, found = self.begin(x), []
        for each in x.unbind(1):
            h, state = self.advance(each, state)
            found.append(h)
        return torch.stack(found, 1)

    def forward(
        self, z: Tensor, y: Tensor | None = None, *, noise: Noise, temperature: PositiveFloat = 1.0
    ) -> Tensor:
        """Return lines (B, L, V); below 1 `temperature` makes likely tokens more so."""
        with self._gradients():
            return self._write(z, noise, temperature)

    def _write(self, z: Tensor, noise: Noise, temperature: float) -> Tensor:
        gumbel = self.sampling == "gumbel"
        drawn = noise.uniform("tokens", self.length, *((self.vocabulary,) if gumbel else ()))
        if gumbel:
            drawn = -(-drawn.clamp(TINY, 1 - TINY).log()).log()
        token = torch.full((len(z),), self.vocabulary, device=z.device)
        ended = torch.zeros_like(token, dtype=torch.bool)
        state, written = self.begin(z), []
        for place in range(self.length):
            h, state = self.advance(self.embedding(token), state)
            logits = self._ended(self.logits(h) / temperature, ended)
            if gumbel:
                noisy = logits + drawn[:, place]
                token = noisy.argmax(1)
                written.append((noisy / self.gumbel_temperature).softmax(1))
            else:
                token = (drawn[:, place, None] > logits.softmax(1).cumsum(1)[:, :-1]).sum(1)
                written.append(one_hot(token, self.vocabulary).float())
            if self.end is not None:
                ended = ended | (token == self.end)
        return torch.stack(written, 1)

    def token_log_prob(self, x: Tensor, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return log p of each token of one-hot lines (B, L, V), given those before it: (B, L).

        It is 0 after the end token.
        """
        tokens = x.argmax(2)
        before = torch.cat([torch.full_like(tokens[:, :1], self.vocabulary), tokens[:, :-1]], 1)
        ended = torch.zeros_like(tokens, dtype=torch.bool)
        if self.end is not None:
            ended[:, 1:] = (tokens[:, :-1] == self.end).cumsum(1) > 0
        logs = log_softmax(self.logits(self.unroll(self.embedding(before))), 2)
        return logs.gather(2, tokens[:, :, None])[:, :, 0].masked_fill(ended, 0.0)

    def log_prob(self, x: Tensor, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return log p(x) in nats of one-hot lines (B, L, V): (B,)."""
        return self.token_log_prob(x, z, y).sum(1)

    def _ended(self, logits: Tensor, ended: Tensor) -> Tensor:
        """Return logits (B, V) that allow nothing but the end token in rows that have ended."""
        if self.end is None:
            return logits
        only = torch.full_like(logits, IMPOSSIBLE)
        only[:, self.end] = 0.0
        return torch.where(ended[:, None], only, logits)

    @contextmanager
    def _gradients(self) -> Iterator[None]:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.sampling == "gumbel"):
            yield
