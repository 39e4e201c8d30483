"""MoCoGAN: a video has one content and a motion, which a recurrent network makes of noise.

Paper: arXiv:1707.04993.
Shows: `noise` in `forward`, two critics as one D with (B, K) logits, video.
"""

import torch
from torch import Tensor, nn

from ganzoo.api import Noise, PositiveInt, SampleSpec, hookimpl


@hookimpl
def register_generators(register):
    register("mocogan", "local:Generator", modalities={"video"}, paper="arXiv:1707.04993")


@hookimpl
def register_discriminators(register):
    register("mocogan", "local:Discriminator", modalities={"video"}, paper="arXiv:1707.04993")


@hookimpl
def register_datasets(register):
    register("moving-dots", "local:MovingDots", modalities={"video"}, splits=["train"])


class Generator(nn.Module):
    """Each frame is decoded from z and from the state of a GRU, whose inputs are noise."""

    capabilities = frozenset({"graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 16,
        latent_dim: PositiveInt = 16,
        motion_dim: PositiveInt = 4,
    ) -> None:
        super().__init__()
        self.latent_dim, self.motion_dim = latent_dim, motion_dim
        self.frames, colours, height, columns = spec.shape
        small = (width, height // 2, columns // 2)
        self.motion = nn.GRU(motion_dim, motion_dim, batch_first=True)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim + motion_dim, width * small[1] * small[2]),
            nn.ReLU(),
            nn.Unflatten(1, small),
            nn.ConvTranspose2d(width, colours, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, y: Tensor | None = None, *, noise: Noise) -> Tensor:
        """Return videos (B, T, C, H, W) of contents (B, latent_dim)."""
        motion, _ = self.motion(noise.normal("motion", self.frames, self.motion_dim))
        content = z[:, None].expand(-1, self.frames, -1)
        frames = self.decoder(torch.cat([content, motion], 2).flatten(0, 1))
        return frames.unflatten(0, (-1, self.frames))


class Discriminator(nn.Module):
    """A critic of the video and one of its frames, with half of the mean logit each: (B, 2T)."""

    capabilities = frozenset({"graph-safe"})

    def __init__(self, spec: SampleSpec, *, width: PositiveInt = 16) -> None:
        super().__init__()
        frames, colours, height, columns = spec.shape
        size = width * (height // 2) * (columns // 2)
        video = nn.Conv3d(colours, width, (3, 4, 4), stride=(1, 2, 2), padding=1)
        image = nn.Conv2d(colours, width, 4, stride=2, padding=1)
        end = nn.LeakyReLU(0.2), nn.Flatten()
        self.video = nn.Sequential(video, *end, nn.Linear(frames * size, 1))
        self.image = nn.Sequential(image, *end, nn.Linear(size, 1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        images = self.image(x.flatten(0, 1)).view(x.shape[:2])
        return torch.cat([self.video(x.transpose(1, 2)).expand_as(images), images], 1)


class MovingDots(list):
    """A dot that moves right by one pixel a frame, from each place."""

    spec = SampleSpec("video", (4, 1, 8, 8), frame_rate=4.0)

    def __init__(self, split: str) -> None:
        videos, time = torch.zeros(64, 4, 1, 8, 8, dtype=torch.uint8), torch.arange(4)
        for place, video in enumerate(videos):
            video[time, 0, place // 8, (place + time) % 8] = 255
        super().__init__((video, None) for video in videos)
