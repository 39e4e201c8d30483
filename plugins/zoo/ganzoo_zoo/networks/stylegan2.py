"""StyleGAN2: a mapping from z to styles, a synthesis that they modulate, and a residual D.

Layout, initialisation and the number of parameters are those of `stylegan2-ada-pytorch`, with
`channel_max` 512 (a quarter is the default, for small images) and these settings:

    ========  ============  ==============  ============  =====================================
    config    channel_base  mapping_layers  architecture  other
    ========  ============  ==============  ============  =====================================
    auto      16384         2               resnet        32768 from 512x512 on
    paper256  16384         8               resnet        minibatch_stddev 8
    cifar     32768         2               orig          minibatch_stddev 32, style_mixing 0
    ========  ============  ==============  ============  =====================================

`mapping_layers` and `style_mixing` are of the generator, `architecture` and `minibatch_stddev` of
the discriminator (whose own mapping, of labels, has 8 layers in all of them).

Differences: style mixing draws one cut for each sample, not one for a batch; the mean of w is
computed over 4,096 styles of the sampled weights, not averaged during training; the groups of the
minibatch standard deviation are consecutive samples. Modulation scales the activations instead of
the weights, which is the same up to rounding, and lets the network be exported for any batch.

Source: Karras et al. 2020, arXiv:1912.04958; conditional as in Karras et al. 2020,
arXiv:2006.06676.
"""

from itertools import pairwise
from math import sqrt
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo.api import (
    DiscriminatorOutput,
    Fraction,
    Noise,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SampleSpec,
)
from ganzoo.nn import centred, growth, label_classes, required_labels
from ganzoo_zoo.blocks.equalised import EqualisedConv2d, EqualisedLinear, unit_norm
from ganzoo_zoo.blocks.heads import CLASS_WORDS, Head, Heads, outputs_of
from ganzoo_zoo.blocks.minibatch_stddev import MinibatchStddev
from ganzoo_zoo.blocks.resampling import Resampling

Architecture = Literal["skip", "resnet", "orig"]

STYLES_OF_MEAN = 4096
"""Styles that the mean of w is computed over."""


class Generator(nn.Module):
    """StyleGAN2's generator.

    A mapping network turns z, and a learned vector of the label if conditional, into w. A learned
    constant grows to the image by blocks of two 3x3 convolutions whose input channels are scaled by
    w and whose outputs are scaled back to unit size (demodulation); each adds noise of learned
    strength. There is no tanh: samples are clamped when they are stored.

    The sampling parameter `truncation` moves w towards its mean: 1 leaves it, 0 is the mean.

    Args:
        channel_base: channels times height at each size, up to `channel_max`.
        channel_max: most channels at any size; 512 in the paper.
        architecture: ``skip`` adds up images of all sizes; ``resnet`` has a shortcut around each
            block, ``orig`` has none, and both make an image at the full size only.
        latent_dim: length of z, which is scaled to unit root mean square.
        style_dim: length of w, and width of the mapping network.
        mapping_layers: layers of the mapping network.
        mapping_lr_factor: factor on the learning rate of the mapping network; 1 if a parameter
            group for ``mapping.*`` has it.
        style_mixing: probability that a sample in training has a second style from a random layer
            on.
        clamp: largest size of an activation, against overflow in half precision (256 in the
            authors' code); null: no limit.
        conditional: use the labels; the data must have classes.

    Raises:
        ValueError: not an image of at least 8x8 pixels; or conditional, and the data has no
            classes.
    """

    capabilities = frozenset({"conditional", "graph-safe", "styles", "unbounded"})
    w_mean: Tensor

    def __init__(
        self,
        spec: SampleSpec,
        *,
        channel_base: PositiveInt = 16384,
        channel_max: PositiveInt = 128,
        architecture: Architecture = "skip",
        latent_dim: PositiveInt = 512,
        style_dim: PositiveInt = 512,
        mapping_layers: PositiveInt = 8,
        mapping_lr_factor: PositiveFloat = 0.01,
        style_mixing: Fraction = 0.9,
        clamp: PositiveFloat | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim, self.style_mixing = latent_dim, style_mixing
        if not conditional:
            self.capabilities -= {"conditional"}
        self.size = (spec.height, spec.width)
        classes = label_classes(spec, conditional)
        doublings, base, _ = growth(spec)
        channels = widths(channel_base, channel_max, doublings + 1)[::-1]
        self.layers = 2 * len(channels)

        self.mapping = Mapping(latent_dim, classes, style_dim, mapping_layers, mapping_lr_factor)
        self.constant = nn.Parameter(torch.randn(channels[0], *base))
        given: dict[str, Any] = {"style_dim": style_dim, "clamp": clamp}
        colours = spec.channels
        self.first = StyledConv2d(0, channels[0], channels[0], **given)
        self.first_image = (
            ToImage(channels[0], colours, **given) if architecture == "skip" else None
        )
        self.blocks = nn.ModuleList()
        for level, (inputs, outputs) in enumerate(pairwise(channels), 1):
            makes_image = architecture == "skip" or level == doublings
            self.blocks.append(
                UpBlock(
                    level,
                    inputs,
                    outputs,
                    colours if makes_image else 0,
                    shortcut=architecture == "resnet",
                    **given,
                )
            )
        self.resampling = Resampling()
        self.register_buffer("w_mean", torch.zeros(style_dim))

    def styles(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return w, the same for all layers, (B, layers, style_dim)."""
        w: Tensor = self.mapping(z, y)
        return w[:, None].expand(-1, self.layers, -1)

    def from_styles(self, w: Tensor, *, noise: Noise | None = None) -> Tensor:
        """Return images (B, C, H, W) of styles (B, layers, style_dim); without `noise`, it is 0."""
        x = self.first(self.constant.expand(w.shape[0], -1, -1, -1), w[:, 0], noise)
        image = None if self.first_image is None else self.first_image(x, w[:, 1])
        blocks: Any = self.blocks
        for level, block in enumerate(blocks, 1):
            # A block has three styles; the third one, of its image, is the next block's first.
            x = block(x, w[:, 2 * level - 1], w[:, 2 * level], noise)
            if image is not None:
                image = self.resampling.doubled(image)
            if block.image is not None:
                part = block.image(x, w[:, 2 * level + 1])
                image = part if image is None else image + part
        assert image is not None
        return centred(image, self.size)

    def forward(
        self, z: Tensor, y: Tensor | None = None, *, noise: Noise, truncation: Fraction = 1.0
    ) -> Tensor:
        """Return images (B, C, H, W) of latents (B, latent_dim), labels (B,) int64.

        Args:
            truncation: share of w's distance from its mean that is kept.
        """
        w = self.styles(z, y)
        if self.training and self.style_mixing:
            w = self.mixed(w, y, noise)
        return self.from_styles(self.w_mean.to(w).lerp(w, truncation), noise=noise)

    def mixed(self, w: Tensor, y: Tensor | None, noise: Noise) -> Tensor:
        """Give some samples a second style, of a standard normal z, from a random layer on."""
        other = self.styles(noise.normal("second style", self.latent_dim), y)
        cut = 1 + noise.uniform("cut", 1, 1) * (self.layers - 1)  # in [1, layers), (B, 1, 1)
        is_mixed = noise.uniform("style mixing", 1, 1) < self.style_mixing
        layer = torch.arange(1, self.layers + 1, device=w.device)[:, None]
        return torch.where(is_mixed & (layer > cut), other, w)

    def prepare_sampling(self, draw: Any) -> None:
        """Compute the mean of w, which `truncation` moves styles to."""
        z, y, _ = draw(STYLES_OF_MEAN)
        self.w_mean.copy_(self.styles(z, y)[:, 0].mean(0))


class Discriminator(nn.Module):
    """StyleGAN2's discriminator.

    Blocks of two 3x3 convolutions, the second of which halves the size after a low-pass filter,
    then the standard deviation over groups of samples, a convolution and two linear layers. If
    conditional, the last layer has a vector for output, and the logit is its product with a mapping
    of the label; or a head reads the last hidden layer. The features are the outputs of the blocks
    and of the last hidden layer.

    Args:
        channel_base: channels times height at each size, up to `channel_max`.
        channel_max: most channels at any size; 512 in the paper.
        architecture: ``resnet`` has a shortcut around each block; ``skip`` adds the image at each
            size; ``orig`` has neither.
        minibatch_stddev: number of consecutive samples whose standard deviation is a channel before
            the last convolution; the batch must be a multiple of it. 0: no such channel.
        mapping_layers: layers of the mapping of labels, if conditional.
        mapping_lr_factor: factor on the learning rate of that mapping.
        clamp: largest size of an activation of a convolution, against overflow in half precision
            (256 in the authors' code); null: no limit.
        conditional: use the labels; the data must have classes. Without effect with another
            `head`.
        head: how D uses classes: `projection` if conditional; the others as in `resnet`. StudioGAN
            has `embedding` with `d2d-ce`.
        embedding_dim: length of the vectors of `embedding`; null means 512.

    Raises:
        ValueError: not an image of at least 8x8 pixels; or conditional or a class head, and the
            data has no classes.
    """

    capabilities = frozenset(
        {
            "class-logits",
            "conditional",
            "features",
            "graph-safe",
            "zoo/discriminative-class-logits",
            "zoo/embedding",
            "zoo/multi-hinge",
            "zoo/twin-class-logits",
        }
    )
    numbers = 0
    """Numbers of a sample that the mapping reads beside its label; 0 unless a subclass has some."""

    def __init__(
        self,
        spec: SampleSpec,
        *,
        channel_base: PositiveInt = 16384,
        channel_max: PositiveInt = 128,
        architecture: Architecture = "resnet",
        minibatch_stddev: NonNegativeInt = 4,
        mapping_layers: PositiveInt = 8,
        mapping_lr_factor: PositiveFloat = 0.01,
        clamp: PositiveFloat | None = None,
        conditional: bool = False,
        head: Head = "projection",
        embedding_dim: PositiveInt | None = None,
    ) -> None:
        super().__init__()
        self.batch_multiple = minibatch_stddev or 1
        classes = label_classes(spec, conditional and head == "projection")
        doublings, base, self.size = growth(spec)
        channels = widths(channel_base, channel_max, doublings + 1)
        last, pixels, skip = channels[-1], base[0] * base[1], architecture == "skip"

        self.from_images = nn.ModuleList(
            FilteredConv2d(spec.channels, width, 1, clamp=clamp)
            for width in (channels if skip else channels[:1])
        )
        self.blocks = nn.ModuleList(
            DownBlock(inputs, outputs, shortcut=architecture == "resnet", clamp=clamp)
            for inputs, outputs in pairwise(channels)
        )
        self.resampling = Resampling()
        self.stddev = MinibatchStddev(minibatch_stddev) if minibatch_stddev else None
        self.convolution = FilteredConv2d(last + bool(minibatch_stddev), last, 3, clamp=clamp)
        self.hidden = EqualisedLinear(last * pixels, last)
        conditions = classes + self.numbers
        self.logit = EqualisedLinear(last, last if conditions else outputs_of(head, spec))
        self.mapping = (
            Mapping(0, classes, last, mapping_layers, mapping_lr_factor, self.numbers)
            if conditions
            else None
        )
        self.heads = Heads(
            spec, last, None, head=head, self_supervision="none", embedding_dim=embedding_dim
        )
        self.capabilities = self.capabilities - CLASS_WORDS | self.heads.capabilities
        if not classes:
            self.capabilities -= {"conditional"}

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judge images (B, C, H, W) in [-1, 1], given labels (B,) int64 if conditional."""
        return self.judged(x, y)

    def judged(
        self, x: Tensor, y: Tensor | None, numbers: Tensor | None = None
    ) -> DiscriminatorOutput:
        """Judge images, given labels if conditional, and numbers (B, `numbers`) if there are."""
        image = centred(x, self.size)
        h = self.from_images[0](image)
        features = []
        for depth, block in enumerate(self.blocks, 1):
            h = block(h)
            if depth < len(self.from_images):
                image = self.resampling.halved(image)
                h = h + self.from_images[depth](image)
            features.append(h)
        h = self.convolution(h if self.stddev is None else self.stddev(h))
        h = activated(self.hidden(h.flatten(1)))
        outputs = self.logit(h)
        if self.mapping is not None:
            vector = self.mapping(None, y, numbers)
            outputs = (outputs * vector).sum(1, keepdim=True) / sqrt(outputs.shape[1])
        output: DiscriminatorOutput = self.heads(outputs, h, (*features, h))
        return output


class Mapping(nn.Module):
    """Map a latent, a label or both to a style.

    Args:
        latent_dim: length of z; 0: there is none.
        classes: number of labels; 0: there are none.
        numbers: how many numbers there are beside the label.
    """

    def __init__(
        self,
        latent_dim: int,
        classes: int,
        style_dim: int,
        layers: int,
        lr_factor: float,
        numbers: int = 0,
    ) -> None:
        super().__init__()
        self.classes = classes
        conditions = classes + numbers
        self.label = EqualisedLinear(conditions, style_dim) if conditions else None
        inputs = latent_dim + (style_dim if conditions else 0)
        self.layers = nn.ModuleList(
            EqualisedLinear(style_dim if depth else inputs, style_dim, lr_factor=lr_factor)
            for depth in range(layers)
        )

    def forward(self, z: Tensor | None, y: Tensor | None, numbers: Tensor | None = None) -> Tensor:
        """Return w (B, style_dim) of z (B, latent_dim), y int64 (B,) and numbers (B, N)."""
        parts = [] if z is None else [unit_norm(z)]
        if self.label is not None:
            conditions = []
            if self.classes:
                # F.one_hot reads the largest label on the CPU, which a captured graph cannot.
                classes = torch.arange(self.classes, device=self.label.weight.device)
                conditions.append(required_labels(y)[:, None] == classes)
            if numbers is not None:
                conditions.append(numbers)
            given = torch.cat(conditions, 1).to(self.label.weight.dtype)
            parts.append(unit_norm(self.label(given).float()))
        w = torch.cat(parts, 1)
        for layer in self.layers:
            w = activated(layer(w))
        return w


class StyledConv2d(nn.Module):
    """A 3x3 convolution scaled by a style, then noise, bias and leaky ReLU.

    Equations 1 and 3, with s on the input channels: the kernel w_ijk s_i / sigma_j is never made.

    Args:
        number: counts the layers, to name their noise.
        doubles: double the size, by a transposed convolution and the low-pass filter.
        gain: factor on the result.
    """

    def __init__(
        self,
        number: int,
        inputs: int,
        outputs: int,
        *,
        style_dim: int,
        clamp: float | None,
        doubles: bool = False,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.number, self.gain, self.clamp = number, gain, clamp
        self.scale = 1 / sqrt(9 * inputs)
        self.affine = EqualisedLinear(style_dim, inputs, bias_start=1)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.strength = nn.Parameter(torch.zeros(()))
        self.resampling = Resampling() if doubles else None

    def forward(self, x: Tensor, w: Tensor, noise: Noise | None) -> Tensor:
        """Return (B, outputs, H', W') of x (B, inputs, H, W) and w (B, style_dim)."""
        s, weight = self.affine(w), self.weight * self.scale
        x = x * s[:, :, None, None]
        if self.resampling is None:
            x = functional.conv2d(x, weight, padding=1)
        else:
            x = functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            x = self.resampling.filtered(x, padding=1, gain=4)
        x = x * demodulation(s, weight)[:, :, None, None]
        if noise is not None:
            x = x + self.strength * noise.normal(f"layer {self.number}", 1, *x.shape[2:])
        return activated(x + self.bias[:, None, None], self.gain, self.clamp)


def demodulation(s: Tensor, weight: Tensor) -> Tensor:
    """Return 1/sigma_j (B, outputs) of styles s (B, inputs); equation 3.

    A product and a sum, not a matrix product: autocast leaves these in float32, and in half
    precision a sum of so many squares would have few correct digits.
    """
    squares = weight.square().sum((2, 3))  # (outputs, inputs)
    return ((s.float().square()[:, None] * squares).sum(2) + 1e-8).rsqrt()


class ToImage(nn.Module):
    """A 1x1 convolution to colours, scaled by a style and not demodulated."""

    def __init__(self, inputs: int, colours: int, *, style_dim: int, clamp: float | None) -> None:
        super().__init__()
        self.clamp, self.scale = clamp, 1 / sqrt(inputs)
        self.affine = EqualisedLinear(style_dim, inputs, bias_start=1)
        self.weight = nn.Parameter(torch.randn(colours, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(colours))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Return float32 (B, colours, H, W) of x (B, inputs, H, W) and w (B, style_dim)."""
        s = self.affine(w) * self.scale
        x = functional.conv2d(x * s[:, :, None, None], self.weight, self.bias).float()
        return x if self.clamp is None else x.clamp(-self.clamp, self.clamp)


class UpBlock(nn.Module):
    """Double the size by two styled convolutions, perhaps with a shortcut and with an image."""

    def __init__(
        self,
        level: int,
        inputs: int,
        outputs: int,
        colours: int,
        *,
        shortcut: bool,
        style_dim: int,
        clamp: float | None,
    ) -> None:
        super().__init__()
        given: dict[str, Any] = {"style_dim": style_dim, "clamp": clamp}
        gain = sqrt(0.5) if shortcut else 1.0
        self.convolution1 = StyledConv2d(2 * level - 1, inputs, outputs, doubles=True, **given)
        self.convolution2 = StyledConv2d(2 * level, outputs, outputs, gain=gain, **given)
        self.image = ToImage(outputs, colours, **given) if colours else None
        self.shortcut = (
            EqualisedConv2d(inputs, outputs, 1, bias=False, gain=gain) if shortcut else None
        )
        self.resampling = Resampling() if shortcut else None

    def forward(self, x: Tensor, w1: Tensor, w2: Tensor, noise: Noise | None) -> Tensor:
        h = self.convolution1(x, w1, noise)
        h = self.convolution2(h, w2, noise)
        if self.shortcut is None or self.resampling is None:
            return h
        return h + self.resampling.doubled(self.shortcut(x))


class DownBlock(nn.Module):
    """Halve the size by two convolutions, perhaps with a shortcut."""

    def __init__(self, inputs: int, outputs: int, *, shortcut: bool, clamp: float | None) -> None:
        super().__init__()
        gain = sqrt(0.5) if shortcut else 1.0
        self.convolution1 = FilteredConv2d(inputs, inputs, 3, clamp=clamp)
        self.convolution2 = FilteredConv2d(inputs, outputs, 3, halves=True, gain=gain, clamp=clamp)
        self.shortcut = (
            EqualisedConv2d(inputs, outputs, 1, bias=False, gain=gain) if shortcut else None
        )
        self.resampling = Resampling() if shortcut else None

    def forward(self, x: Tensor) -> Tensor:
        h = self.convolution2(self.convolution1(x))
        if self.shortcut is None or self.resampling is None:
            return h
        return h + self.shortcut(self.resampling.halved(x))


class FilteredConv2d(nn.Module):
    """A convolution and leaky ReLU; with `halves`, after a low-pass filter and with stride 2."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        clamp: float | None,
        halves: bool = False,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.gain, self.clamp = gain, clamp
        self.resampling = Resampling() if halves else None
        stride, padding = (2, 0) if halves else (1, None)
        self.convolution = EqualisedConv2d(inputs, outputs, size, stride=stride, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        if self.resampling is not None:
            x = self.resampling.filtered(x, padding=2)
        return activated(self.convolution(x), self.gain, self.clamp)


def widths(base: int, most: int, levels: int) -> list[int]:
    """Return the channels at `levels` sizes, the full size first; the smallest counts as 4x4."""
    return [max(1, min(base // 2 ** (2 + level), most)) for level in reversed(range(levels))]


def activated(x: Tensor, gain: float = 1.0, clamp: float | None = None) -> Tensor:
    """Return leaky ReLU of slope 0.2, times sqrt(2) and `gain`, within gain * clamp."""
    x = functional.leaky_relu(x, 0.2) * (sqrt(2) * gain)
    return x if clamp is None else x.clamp(-gain * clamp, gain * clamp)
