"""Contrastive conditioning: ContraGAN's 2C and ReACGAN's data-to-data cross entropy."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu

from ganzoo.api import DiscriminatorOutput, Fraction, Game, PositiveFloat, Terms
from ganzoo_zoo.blocks.precision import full_precision

NEVER = -1e9
"""Stands for -inf where a row may have no term at all: its gradient is 0 and not NaN."""


class ConditionalContrastive:
    """Pull an embedding f to the proxy p of its label and to samples of its label; push others off.

    2C: -E log (e(f, p) + sum over the same label of e(f, f')) / (e(f, p) + sum over all of
    e(f, f')), with e(a, b) = exp(a.b / t) and f' every other sample of the global batch. D: of the
    real batch; G: of the generated one. Embedding and proxies are D's head ``embedding``.

    Args:
        temperature: t.

    Source: Kang & Park 2020, arXiv:2006.12681.
    """

    capabilities = frozenset({"batch-coupled", "conditional", "graph-safe"})
    requires = frozenset({"zoo/embedding"})

    def __init__(self, *, temperature: PositiveFloat = 1.0) -> None:
        self.t = temperature

    def discriminator(self, game: Game) -> Terms:
        return {"contrast_real": self.contrast(game, game.real_output, game.labels)}

    def generator(self, game: Game) -> Terms:
        return {"contrast_fake": self.contrast(game, game.fake_output, game.fake_labels)}

    def contrast(self, game: Game, output: DiscriminatorOutput, y: Tensor | None) -> Tensor:
        batch = Similarities.of(game, output, y)
        to_proxy, to_others = batch.to_proxy / self.t, batch.to_others / self.t
        same = to_others.masked_fill(~batch.same_label | batch.itself, NEVER)
        everything = to_others.masked_fill(batch.itself, NEVER)
        near, all_of = (
            torch.cat([to_proxy, pairs], 1).logsumexp(1) for pairs in (same, everything)
        )
        return (all_of - near).mean()


class DataToDataCrossEntropy:
    """A cross entropy whose competitors are the samples of other labels in the batch; of ReACGAN.

    D2D-CE: -E log e(f.p - m_p)_- / (e(f.p - m_p)_- + sum over other labels of e(f.f' - m_n)_+),
    with e(a) = exp(a / t), m_n = 1 - m_p, f a normalised embedding and p the proxy of its label: a
    sample is not pulled closer to its proxy than m_p, nor pushed further from others than m_n. D:
    of the real batch; G: of the generated one. Embedding and proxies are D's head ``embedding``.

    Args:
        temperature: t.
        margin: m_p.
        form: `paper` is the equation. `studiogan` is the authors' code, which the published scores
            come from: it subtracts the largest similarity of the row from the competitors only, so
            they weigh less.

    Source: Kang et al. 2021, arXiv:2111.01118.
    """

    capabilities = frozenset({"batch-coupled", "conditional", "graph-safe"})
    requires = frozenset({"zoo/embedding"})

    def __init__(
        self,
        *,
        temperature: PositiveFloat = 0.5,
        margin: Fraction = 0.98,
        form: Literal["paper", "studiogan"] = "paper",
    ) -> None:
        self.t = temperature
        self.m_p, self.m_n = margin, 1 - margin
        self.form = form

    def discriminator(self, game: Game) -> Terms:
        return {"d2d_real": self.cross_entropy(game, game.real_output, game.labels)}

    def generator(self, game: Game) -> Terms:
        return {"d2d_fake": self.cross_entropy(game, game.fake_output, game.fake_labels)}

    def cross_entropy(self, game: Game, output: DiscriminatorOutput, y: Tensor | None) -> Tensor:
        batch = Similarities.of(game, output, y)
        attract = -relu(self.m_p - batch.to_proxy) / self.t  # (B, 1): [f.p - m_p]_-
        excess = batch.to_others - self.m_n
        repel = relu(excess)  # (B, N)
        if self.form == "studiogan":
            top = excess.masked_fill(batch.itself, NEVER).amax(1, keepdim=True)
            repel = repel - top.detach()
        repel = (repel / self.t).masked_fill(batch.same_label, NEVER)
        return (torch.cat([attract, repel], 1).logsumexp(1) - attract[:, 0]).mean()


class Similarities(NamedTuple):
    """Inner products of the embeddings of this process, B, with those of all processes, N."""

    to_proxy: Tensor
    """(B, 1): with the proxy of the own label."""
    to_others: Tensor
    """(B, N): with every embedding."""
    same_label: Tensor
    """(B, N) bool; true for the sample itself."""
    itself: Tensor
    """(B, N) bool."""

    @classmethod
    def of(cls, game: Game, output: DiscriminatorOutput, y: Tensor | None) -> "Similarities":
        assert y is not None
        f = full_precision(output.extra["embedding"])  # (B, d)
        everything, labels = game.gather(f), game.gather(y)
        return cls(
            to_proxy=full_precision(output.extra["proxy_similarity"]).gather(1, y[:, None]),
            to_others=f @ everything.T,
            same_label=y[:, None] == labels,
            itself=game.rows[:, None] == torch.arange(len(everything), device=f.device),
        )
