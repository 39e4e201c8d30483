"""A kind of data that ganzoo does not know: clouds of points in space."""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw
from torch import Tensor

from ganzoo.api import Modality, SampleSpec

CELL = 96
"""Pixels a side of one cloud in a preview."""


class Points(Modality):
    """Clouds of N points, float32 (N, 3), which networks see as they are."""

    axes = 2
    preview_samples = 8

    def specs(self) -> tuple[SampleSpec, ...]:
        """Return what the conformance kit tries components with."""
        return (SampleSpec("acme/points", (32, 3)),)

    def check(self, spec: SampleSpec) -> None:
        """Refuse what is no cloud in space."""
        if spec.shape[1] != 3:
            raise ValueError(f"points have 3 coordinates, not {spec.shape[1]}")

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        """Draw clouds (B, N, 3) side by side, seen along the third axis."""
        sheet = Image.new("L", (CELL * len(samples), CELL), 255)
        draw = ImageDraw.Draw(sheet)
        scale = CELL / 2 / samples.abs().max().clamp(min=1e-6).item()
        for index, cloud in enumerate(samples):
            for x, y, _ in cloud.tolist():
                place = (CELL * (index + 0.5) + scale * x, CELL / 2 - scale * y)
                draw.ellipse((*place, place[0] + 2, place[1] + 2), fill=0)
        buffer = BytesIO()
        sheet.save(buffer, format="PNG")
        return {".png": buffer.getvalue()}

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        """Return the suffixes that `ganzoo sample --out` takes."""
        return (".xyz", ".npz", ".png")

    def write(
        self, spec: SampleSpec, path: Path, samples: Tensor, columns: int | None = None
    ) -> None:
        """Write clouds as xyz: one point a line, an empty line after each cloud."""
        if path.suffix.lower() != ".xyz":
            super().write(spec, path, samples)
            return
        clouds = ("".join(f"{x} {y} {z}\n" for x, y, z in cloud.tolist()) for cloud in samples)
        path.write_text("\n".join(clouds), encoding="utf-8")
