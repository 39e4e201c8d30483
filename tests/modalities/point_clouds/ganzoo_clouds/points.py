"""The modality: clouds of N points, float32 (N, 3)."""

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from torch import Tensor

from ganzoo.api import DataError, Modality, SampleSpec

CELL = 120
"""Pixels a side of one cloud in a preview."""

HEADER = """ply
format ascii 1.0
element vertex {}
property float x
property float y
property float z
end_header
"""


class Points(Modality):
    """Clouds, which networks see as they are. Previews are drawn from above and in front."""

    axes = 2
    preview_samples = 12
    can_mirror = True

    def specs(self) -> tuple[SampleSpec, ...]:
        return (SampleSpec("clouds/points", (24, 3), classes=3),)

    def check(self, spec: SampleSpec) -> None:
        if spec.shape[1] != 3:
            raise ValueError(f"points have 3 coordinates, not {spec.shape[1]}")

    def mirror(self, samples: Tensor) -> Tensor:
        return samples * samples.new_tensor([-1.0, 1.0, 1.0])

    def features(self, spec: SampleSpec, samples: Tensor) -> Tensor:
        """Sort the radii: the order of points means nothing."""
        return samples.norm(dim=2).sort(dim=1).values

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        columns = min(6, len(samples))
        rows = -(-len(samples) // columns)
        sheet = Image.new("RGB", (CELL * columns, CELL * rows), "white")
        draw = ImageDraw.Draw(sheet)
        scale = CELL / 2.4 / samples.abs().max().clamp(min=1e-6).item()
        for index, cloud in enumerate(samples):
            row, column = divmod(index, columns)
            for x, y, z in cloud[cloud[:, 1].argsort(descending=True)].tolist():
                left = CELL * (column + 0.5) + scale * (0.87 * x - 0.5 * y)
                top = CELL * (row + 0.5) - scale * (0.8 * z - 0.3 * x - 0.3 * y)
                shade = int(max(0, min(200, 110 + 90 * y)))
                draw.ellipse((left - 2, top - 2, left + 2, top + 2), fill=(shade, shade, 200))
        buffer = BytesIO()
        sheet.save(buffer, format="PNG")
        return {".png": buffer.getvalue()}

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        return (".png", ".npz")

    def sample_suffix(self, spec: SampleSpec) -> str | None:
        return ".ply"

    def write_sample(self, spec: SampleSpec, path: Path, sample: Tensor) -> None:
        lines = "".join(f"{x!r} {y!r} {z!r}\n" for x, y, z in sample.tolist())
        path.write_text(HEADER.format(len(sample)) + lines, encoding="ascii")

    def read(self, spec: SampleSpec, path: Path, read_dataset: Any) -> Tensor:
        """Read a folder of ply files."""
        import torch

        files = sorted(path.glob("*.ply")) if path.is_dir() else []
        if not files:
            raise DataError(f"{path} is not a folder of ply files", hint="save one cloud a file")
        return torch.stack([_cloud(file) for file in files])


def _cloud(file: Path) -> Tensor:
    import torch

    _, _, body = file.read_text(encoding="ascii").partition("end_header\n")
    try:
        return torch.tensor([[float(word) for word in line.split()] for line in body.splitlines()])
    except ValueError as error:
        raise DataError(f"{file} cannot be read: {error}", hint="save it as ascii ply") from error
