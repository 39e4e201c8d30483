"""PacGAN: D judges m samples at once, so that it sees how much they vary.

Paper: arXiv:1712.04086.

Shows: `batch_multiple` on D, which returns one logit for m rows.
"""

from torch import Tensor, nn

from ganzoo.api import PositiveInt, SampleSpec, hookimpl


@hookimpl
def register_discriminators(register):
    register("packed", "local:Packed", paper="arXiv:1712.04086")


class Packed(nn.Module):
    """A multilayer perceptron over packs of m consecutive rows.

    Each hidden unit is the largest of five, as in the paper's experiments with points (maxout).
    """

    capabilities = frozenset({"batch-coupled", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        m: PositiveInt = 2,
        width: PositiveInt = 20,
        depth: PositiveInt = 3,
    ) -> None:
        super().__init__()
        self.batch_multiple = m
        sizes = [m * spec.size] + [width] * depth
        self.hidden = nn.ModuleList(nn.Linear(size, 5 * width) for size in sizes[:-1])
        self.logit = nn.Linear(width, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = x.reshape(len(x) // self.batch_multiple, -1)  # (B/m, m * size)
        for layer in self.hidden:
            h = layer(h).unflatten(1, (-1, 5)).amax(2)
        return self.logit(h)[:, 0]
