"""MoCoGAN: a clip has one content and a motion, which a recurrent network makes of noise.

Written from the paper alone: Tulyakov, Liu, Yang & Kautz 2018, arXiv:1707.04993, section 3.
"""

import torch
from ganzoo_zoo.networks import dcgan
from torch import Tensor, nn

from ganzoo.api import DiscriminatorOutput, PositiveInt, SampleSpec
from ganzoo.nn import label_classes, required_labels
from ganzoo_video.networks.conv3d import Norm, VideoCritic, frame_of


class Generator(nn.Module):
    """A frame is decoded from the clip's content and the state of a GRU over noise.

    z holds the content z_C, the first state of the GRU, and the noise of each frame (eq. 3 and 4);
    so a clip is a function of z. The decoder is DCGAN's. If conditional, a learned vector of the
    label goes into each step of the GRU and of the decoder.

    Args:
        width: channels of the decoder before the frame; each smaller size has twice as many.
        content_dim: length of z_C; the paper has 50.
        motion_dim: length of a frame's noise and of the GRU's state; the paper has 10.
        conditional: use the labels; the data must have classes.

    Input: z (B, content_dim + motion_dim * (frames + 1)). Output: (B, T, C, H, W) in [-1, 1].

    Raises:
        ValueError: frames below 8x8 pixels; or conditional, and the data has no classes.
    """

    capabilities = frozenset({"conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        content_dim: PositiveInt = 50,
        motion_dim: PositiveInt = 10,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.frames, self.content_dim, self.motion_dim = spec.shape[0], content_dim, motion_dim
        self.latent_dim = content_dim + motion_dim * (self.frames + 1)
        classes = label_classes(spec, conditional)
        if not classes:
            self.capabilities -= {"conditional"}
        self.labels = nn.Embedding(classes, motion_dim) if classes else None
        extra = motion_dim if classes else 0
        self.motion = nn.GRU(motion_dim + extra, motion_dim, batch_first=True)
        code = content_dim + motion_dim + extra
        self.decoder = dcgan.Generator(frame_of(spec), width=width, latent_dim=code)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return clips of latents (B, latent_dim) and labels (B,) int64."""
        content, first, noise = z.split(
            [self.content_dim, self.motion_dim, self.frames * self.motion_dim], 1
        )
        content = content[:, None].expand(-1, self.frames, -1)
        steps = noise.unflatten(1, (self.frames, self.motion_dim))
        if self.labels is not None:
            asked = self.labels(required_labels(y))[:, None].expand(-1, self.frames, -1)
            content, steps = torch.cat([content, asked], 2), torch.cat([steps, asked], 2)
        motion, _ = self.motion(steps, first[None].contiguous())
        codes = torch.cat([content, motion], 2)  # (B, T, code)
        return self.decoder(codes.flatten(0, 1)).unflatten(0, (-1, self.frames))


class Discriminator(nn.Module):
    """A critic of clips and a critic of frames, with the same weight in a loss (eq. 5).

    The logit of the clip stands beside that of each frame, once for each of them: their mean is
    half that of the clip and half that of the frames. So the critic of frames sees every frame,
    where the paper draws one; the expectation is the same. Whatever sums logits, as penalties on
    gradients do, counts the clip `frames` times.

    Args:
        width: channels after the first convolution of both; doubled with every halving.
        norm: ``batch`` as in the paper, ``spectral`` (arXiv:1802.05957), or ``none``.
        conditional: use the labels by projection (arXiv:1802.05637) in both critics; the data must
            have classes.

    Input: (B, T, C, H, W). Output: logits (B, 2 T); features of the critic of clips.

    Raises:
        ValueError: frames below 8x8 pixels; or conditional, and the data has no classes.
    """

    capabilities = frozenset({"batch-coupled", "conditional", "features", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        norm: Norm = "batch",
        conditional: bool = False,
    ) -> None:
        super().__init__()
        if not conditional:
            self.capabilities -= {"conditional"}
        if norm != "batch":
            self.capabilities -= {"batch-coupled"}
        classes = label_classes(spec, conditional)
        self.video = VideoCritic(spec, width, norm, classes, strided=False)
        self.image = dcgan.Discriminator(
            frame_of(spec),
            width=width,
            spectral_norm=norm == "spectral",
            batch_norm=norm == "batch",
            conditional=conditional,
        )

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge clips (B, T, C, H, W) in [-1, 1], given labels (B,) int64 if conditional."""
        frames = x.shape[1]
        clips = self.video(x, y)
        repeated = None if y is None else y.repeat_interleave(frames)
        images = self.image(x.flatten(0, 1), repeated).logits.view(-1, frames)
        return clips._replace(logits=torch.cat([clips.logits.expand_as(images), images], 1))
