"""Video: uint8 (T, C, H, W). An animated grid and a strip of frames; webp and gif files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
from PIL import ImageSequence

from ganzoo.errors import DataError
from ganzoo.modalities import ReadDataset, SampleSpec
from ganzoo.modalities.drawing import arranged, png
from ganzoo.modalities.image import Pixels, grid, opened_picture

if TYPE_CHECKING:
    from torch import Tensor

FRAME_RATE = 8.0
"""Frames a second of a video whose spec gives no rate."""

STRIPS = 8
"""Clips that the strip of a preview shows, one a row."""

STRIP_FRAMES = 8
"""Frames of a clip in the strip, evenly spaced."""

ANIMATED = (".webp", ".gif")


class Video(Pixels):
    """Clips of T frames, all of one length; frames with 1 or 3 channels can be files."""

    axes = 4
    preview_samples = 16

    def specs(self) -> tuple[SampleSpec, ...]:
        return (SampleSpec("video", (4, 3, 16, 16), classes=2, frame_rate=8.0),)

    def preview(
        self, spec: SampleSpec, samples: Tensor, real: Tensor | None = None
    ) -> dict[str, bytes]:
        """Draw an animated grid of all clips, and a strip of frames of the first ones."""
        return {
            ".webp": _animation(spec, _grids(samples), ".webp"),
            "-frames.png": png(_strip(samples[:STRIPS])),
        }

    def formats(self, spec: SampleSpec) -> tuple[str, ...]:
        return (*ANIMATED, ".npz", ".png")

    def write(
        self, spec: SampleSpec, path: Path, samples: Tensor, columns: int | None = None
    ) -> None:
        """Write an animated grid as webp or gif, a strip of frames as PNG, or an npz."""
        suffix = path.suffix.lower()
        if suffix in ANIMATED:
            path.write_bytes(_animation(spec, _grids(samples, columns), suffix))
        elif suffix == ".png":
            path.write_bytes(png(_strip(samples)))
        else:
            super().write(spec, path, samples)

    def sample_suffix(self, spec: SampleSpec) -> str | None:
        return ".webp" if spec.channels in (1, 3) else None

    def write_sample(self, spec: SampleSpec, path: Path, sample: Tensor) -> None:
        """Write one clip, without loss."""
        frames = [PIL.Image.fromarray(_rgb(frame)) for frame in sample]
        path.write_bytes(_animation(spec, frames, path.suffix.lower()))

    def read(self, spec: SampleSpec, path: Path, read_dataset: ReadDataset) -> Tensor:
        """Read an animated webp or gif file, or a folder of them, a clip each, ordered by name."""
        import torch

        if self.sample_suffix(spec) and path.is_file() and path.suffix.lower() in ANIMATED:
            return _clip(spec, path)[None]
        if not path.is_dir() or not self.sample_suffix(spec):
            raise DataError(
                f"{path} is neither an npz nor a folder of clips ({' or '.join(ANIMATED)} files)",
                hint="np.savez(FILE, samples=ARRAY)",
            )
        files = sorted(each for each in path.iterdir() if each.suffix.lower() in ANIMATED)
        if not files:
            raise DataError(
                f"there are no clips in {path}", hint=f"save one {ANIMATED[0]} file a clip there"
            )
        return torch.stack([_clip(spec, file) for file in files])


def _clip(spec: SampleSpec, file: Path) -> Tensor:
    """Return the frames of an animation, uint8 (T, C, H, W); transparent pixels become white.

    Encoders write equal frames in a row as one that is shown longer; here they are several again.

    Raises:
        DataError: it is damaged, or its size or length is not the spec's.
    """
    import torch

    mode = "L" if spec.channels == 1 else "RGB"
    length, size = spec.shape[0], (spec.width, spec.height)
    with opened_picture(file) as image:
        # The header is compared first: nothing is decoded that is larger than it should be.
        count, frames, durations = getattr(image, "n_frames", 1), [], []
        if count <= length and image.size == size:
            for each in ImageSequence.Iterator(image):
                frames.append(np.array(_opaque(each).convert(mode)))
                durations.append(each.info.get("duration", 0))
        repeats = _repeats(spec, durations)
        if sum(repeats) != length:
            raise DataError(
                f"{file} has {count} frames of {image.height}x{image.width}, not "
                f"{length} of {spec.height}x{spec.width}",
                hint=f"make clips of shape {spec.shape}",
            )
    clip = torch.from_numpy(np.repeat(np.stack(frames), repeats, axis=0))
    return clip[:, None] if spec.channels == 1 else clip.permute(0, 3, 1, 2).contiguous()


def _opaque(frame: PIL.Image.Image) -> PIL.Image.Image:
    """Return a frame with transparent pixels white."""
    if not frame.has_transparency_data:
        return frame
    frame = frame.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", frame.size, "white"), frame)


def _repeats(spec: SampleSpec, durations: list[float]) -> list[int]:
    """Return how many frames of a clip each frame of an animation is.

    Args:
        durations: of its frames, in milliseconds; a file of one frame may not say it.
    """
    if len(durations) == 1:
        return [spec.shape[0]]
    if len(durations) == spec.shape[0]:
        return [1] * len(durations)
    return [max(1, round(each / _milliseconds(spec))) for each in durations]


def _milliseconds(spec: SampleSpec) -> int:
    """Return how long a frame is shown."""
    return max(1, round(1000 / (spec.frame_rate or FRAME_RATE)))


def _grids(samples: Tensor, columns: int | None = None) -> list[PIL.Image.Image]:
    """Return one grid a frame of clips (B, T, C, H, W)."""
    return [grid(frames, columns) for frames in samples.transpose(0, 1)]


def _strip(samples: Tensor) -> PIL.Image.Image:
    """Return clips as rows of evenly spaced frames."""
    import torch

    shown = min(STRIP_FRAMES, samples.shape[1])
    times = torch.linspace(0, samples.shape[1] - 1, shown).round().long()
    return arranged([grid(clip[times], columns=shown) for clip in samples], gap=2)


def _rgb(frame: Tensor) -> np.ndarray:
    return np.ascontiguousarray(frame.expand(3, -1, -1).permute(1, 2, 0).numpy())


def _animation(spec: SampleSpec, frames: list[PIL.Image.Image], suffix: str) -> bytes:
    """Return frames as an endless animation; webp without loss, gif with 256 colours."""
    buffer = BytesIO()
    how = {"lossless": True} if suffix == ".webp" else {}
    frames[0].convert("RGB").save(
        buffer,
        format=suffix[1:].upper(),
        save_all=True,
        append_images=[frame.convert("RGB") for frame in frames[1:]],
        duration=_milliseconds(spec),
        loop=0,
        **how,
    )
    return buffer.getvalue()
