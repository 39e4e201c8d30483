"""ContraGAN: pull an embedding to the proxy of its class and to its class in the batch.

Paper: arXiv:2006.12681 (the conditional contrastive loss, 2C).

Shows: `gather` and `rows`, so that the batch of all processes is contrasted; heads in `extra`.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, normalize

from ganzoo.api import (
    DiscriminatorOutput,
    Game,
    PositiveFloat,
    PositiveInt,
    SampleSpec,
    Terms,
    hookimpl,
)
from ganzoo.nn import label_classes


@hookimpl
def register_discriminators(register):
    register("embedding", "local:Discriminator", paper="arXiv:2006.12681")


@hookimpl
def register_regularizers(register):
    register("2c", "local:ConditionalContrast", paper="arXiv:2006.12681")


class Discriminator(nn.Module):
    """A multilayer perceptron. Its logit ignores the label, whose proxy is beside an embedding.

    Raises:
        ValueError: data without classes.
    """

    capabilities = frozenset({"conditional", "local/embedding"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 16) -> None:
        super().__init__()
        self.hidden = nn.Linear(spec.size, width)
        self.logit = nn.Linear(width, 1)
        self.embedding = nn.Linear(width, width)
        self.proxies = nn.Embedding(label_classes(spec, conditional=True), width)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        h = leaky_relu(self.hidden(x.flatten(1)), 0.2)
        embedding, proxy = (normalize(each) for each in (self.embedding(h), self.proxies(y)))
        extra = {"embedding": embedding, "proxy": proxy}  # (B, width) each
        return DiscriminatorOutput(self.logit(h)[:, 0], extra=extra)


class ConditionalContrast:
    """2C of the real batch for D, of the generated one for G.

    -log (e(f, p) + sum over the same class of e(f, f')) / (e(f, p) + sum over the others of
    e(f, f')), with e(a, b) = exp(a.b / t), p the proxy of the label of f, and f' the embeddings
    of all other samples of the batch, of every process.
    """

    capabilities = frozenset({"batch-coupled"})
    requires = {"discriminator": {"local/embedding"}}

    def __init__(self, *, t: PositiveFloat = 1.0) -> None:
        self.t = t

    def discriminator(self, game: Game) -> Terms:
        return {"2c": self.contrast(game, game.real_output, game.labels)}

    def generator(self, game: Game) -> Terms:
        return {"2c": self.contrast(game, game.fake_output, game.fake_labels)}

    def contrast(self, game: Game, output: DiscriminatorOutput, y: Tensor) -> Tensor:
        f, proxy = output.extra["embedding"].float(), output.extra["proxy"].float()
        to_proxy = (f * proxy).sum(1, keepdim=True) / self.t  # (B, 1)
        everything = game.gather(f)  # (N, width), of all processes
        to_others = f @ everything.T / self.t  # (B, N)
        itself = game.rows[:, None] == torch.arange(len(everything), device=f.device)
        to_others = to_others.masked_fill(itself, -torch.inf)
        same_class = to_others.masked_fill(y[:, None] != game.gather(y), -torch.inf)
        near, all_of = (
            torch.cat([to_proxy, pairs], 1).logsumexp(1) for pairs in (same_class, to_others)
        )
        return (all_of - near).mean()
