"""PatchGAN: a discriminator with a logit for every patch of the image.

Layers, initial weights and the number of parameters are those of
junyanz/pytorch-CycleGAN-and-pix2pix at 7891385, which has ``batch`` norm for pix2pix and
``instance`` norm for CycleGAN, both with three halvings: patches of 70x70 pixels.

Source: Isola et al. 2017, arXiv:1611.07004.
"""

import torch
from torch import Tensor, nn

from ganzoo.api import NonNegativeInt, PositiveInt, SampleSpec
from ganzoo_zoo.blocks.translation import Norm, as_input, initialise, norm_layer, shape_of_condition

WIDEST = 8
"""No layer has more than this many times `width` channels."""

MOST_HALVINGS = 3


class Discriminator(nn.Module):
    """PatchGAN. If conditional, it judges the image and its condition, an image, together.

    Args:
        width: channels after the first layer; doubled with each further one, up to eight times.
        halvings: convolutions of stride 2. With 0, 1, 2, 3, 4 and 5 of them a patch has 1, 16, 34,
            70, 142 and 286 pixels at a side; null means 3, or fewer for a small image.
        norm: ``batch``, ``instance`` (without gain and shift) or ``none``.
        halves: the image is two side by side, as CycleGAN's are; judge each by a critic of its
            own.
        conditional: use the condition; the data must have an image as condition.

    Raises:
        ValueError: conditional, and the condition of the data is no image; too many `halvings` for
            the image; or `halves` of an odd width, or together with a condition.
    """

    capabilities = frozenset({"batch-coupled", "conditional", "graph-safe"})

    def __init__(
        self,
        spec: SampleSpec,
        *,
        width: PositiveInt = 64,
        halvings: NonNegativeInt | None = None,
        norm: Norm = "instance",
        halves: bool = False,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        if not conditional:
            self.capabilities -= {"conditional"}
        if norm != "batch":
            self.capabilities -= {"batch-coupled"}
        if halves and (conditional or spec.width % 2):
            raise ValueError(
                f"halves: true is for images of two halves, judged without a condition, not {spec}"
                + (": set conditional: false" if conditional else "")
            )
        self.size, self.conditional = (spec.height, spec.width), conditional
        side = min(spec.height, spec.width // (1 + halves))
        most = max((n for n in range(side.bit_length()) if side // 2**n >= 3), default=0)
        halvings = min(MOST_HALVINGS, most) if halvings is None else halvings
        if halvings > most:
            raise ValueError(f"halvings: {halvings} is too many for {spec}; at most {most}")
        inputs = spec.channels + (shape_of_condition(spec)[0] if conditional else 0)
        self.critics = nn.ModuleList(
            critic(inputs, width, halvings, norm) for _ in range(1 + halves)
        )
        self.apply(initialise)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Return logits (B, patches) of images (B, C, H, W) in [-1, 1]; y are the conditions."""
        if self.conditional:
            if y is None:
                raise ValueError("a conditional network needs conditions: it was called with None")
            x = torch.cat([x, as_input(y, self.size)], 1)
        parts = x.chunk(len(self.critics), dim=3)
        return torch.cat(
            [each(part).flatten(1) for each, part in zip(self.critics, parts, strict=True)], 1
        )


def critic(inputs: int, width: int, halvings: int, norm: Norm) -> nn.Sequential:
    """Return the layers of one critic; without halvings they are 1x1 convolutions."""
    bias = norm != "batch"
    kernel, padding = (4, 1) if halvings else (1, 0)
    first = nn.Conv2d(inputs, width, kernel, 2 if halvings else 1, padding)
    layers: list[nn.Module] = [first, nn.LeakyReLU(0.2)]
    channels = width
    for level in range(1, max(halvings, 1) + 1):
        outputs = width * min(2**level, WIDEST)
        stride = 2 if level < halvings else 1
        layers.append(nn.Conv2d(channels, outputs, kernel, stride, padding, bias=bias))
        layers += [*norm_layer(norm, outputs), nn.LeakyReLU(0.2)]
        channels = outputs
    last_bias = bias or halvings > 0
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, kernel, 1, padding, bias=last_bias))
