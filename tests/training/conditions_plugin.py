"""A plugin in one file, for tests: pairs of images, and networks that take conditions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganzoo.api import DataError, Evaluated, Game, Noise, SampleSpec, Terms, hookimpl

SMALL = SampleSpec("image", (1, 4, 4))


@hookimpl
def register_datasets(register: Any) -> None:
    register("pairs", "local:Pairs", splits=("train", "test"))


@hookimpl
def register_generators(register: Any) -> None:
    register("enlarge", "local:Enlarge")


@hookimpl
def register_discriminators(register: Any) -> None:
    register("judge", "local:Judge")


@hookimpl
def register_regularizers(register: Any) -> None:
    register("l1", "local:L1")


@hookimpl
def register_metrics(register: Any) -> None:
    register("pair-error", "local:PairError")


class Pairs:
    """Small images, and the same ones inverted at twice the size, which are the samples.

    Args:
        path: a file that has to be there.
        draws: what `draw` gives: nothing (there is no `draw`), rows, or rows and conditions.
        mirror: whether the engine may mirror pairs.
    """

    spec = SampleSpec("image", (1, 8, 8), condition=SMALL)

    def __init__(
        self,
        split: str,
        *,
        path: Path | None = None,
        draws: Literal["nothing", "rows", "conditions"] = "nothing",
        mirror: bool = False,
    ) -> None:
        if path and not path.exists():
            raise DataError(f"there is no {path}", hint="dataset.path=PATH")
        seed = torch.Generator().manual_seed(int(split == "test"))
        self.small = torch.randint(256, (40, 1, 4, 4), generator=seed, dtype=torch.uint8)
        self.mirror = mirror
        if draws != "nothing":
            self.draw = self._draw_all if draws == "conditions" else self._draw_rows

    def __len__(self) -> int:
        return len(self.small)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        large = self.small[index].repeat_interleave(2, -1).repeat_interleave(2, -2)
        return 255 - large, self.small[index]

    def _draw_rows(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        return 2 * (20 * noise.uniform("row")).long(), None

    def _draw_all(self, noise: Noise, n: int) -> tuple[Tensor, Tensor | None]:
        rows, _ = self._draw_rows(noise, n)
        return rows, self.small[rows] // 2


class Enlarge(nn.Module):
    """Doubles the size of a condition by a transposed convolution."""

    capabilities = frozenset({"conditional", "graph-safe"})
    latent_dim = 2

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        if spec.condition is None:
            raise ValueError(f"the data has no condition: {spec}")
        self.layer = nn.ConvTranspose2d(1, 1, 2, 2)
        self.shift = nn.Linear(self.latent_dim, 1, bias=False)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return (self.layer(y) + 0.1 * self.shift(z)[:, :, None, None]).tanh()


class Judge(nn.Module):
    """A linear critic of the sample and its condition."""

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(self, spec: SampleSpec) -> None:
        super().__init__()
        if spec.condition is None:
            raise ValueError(f"the data has no condition: {spec}")
        self.layer = nn.Linear(spec.size + spec.condition.size, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.layer(torch.cat([x.flatten(1), y.flatten(1)], 1)).squeeze(1)


class L1:
    """E |G(z, y) - x| over pairs."""

    capabilities = frozenset({"graph-safe"})

    def generator(self, game: Game) -> Terms:
        return {"l1": (game.fake - game.real).abs().mean()}


class PairError:
    """Mean absolute error of generated images against the real ones of the same conditions."""

    def __call__(self, real: Evaluated, fake: Evaluated) -> Mapping[str, float]:
        assert real.labels is not None
        assert fake.labels is not None
        rows = {condition.numpy().tobytes(): row for row, condition in enumerate(real.labels)}
        chosen = [rows[condition.numpy().tobytes()] for condition in fake.labels]
        error = (fake.samples.float() - real.samples[chosen].float()).abs().mean()
        return {"pair_error": error.item(), "different_pairs": len(set(chosen))}
