"""Train the toy-cnn extractor; write its weights, and print their hash and accuracy.

    npm pack emoji-datasource-twitter@16.0.0 && tar xzf emoji-datasource-twitter-16.0.0.tgz
    python plugins/zoo/tools/train_toy_cnn.py package [OUT.safetensors]

Takes about seven minutes on one CPU thread. The network learns to classify digits, shapes and emoji
of the font Twemoji by their groups; from the same 64 features other heads classify all three
digits of a stacked image and the subgroup of an emoji. On another machine the result differs in
its last bits from the shipped file, which is identified by the hash in
``ganzoo_zoo/extractors/toy_cnn.py``. No picture of the data set ``emoji/noto`` is trained on; the
accuracy on it is printed, so `ganzoo-emoji` must be installed.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from ganzoo_emoji.noto import Noto, class_names
from ganzoo_zoo.datasets.digits import Digits
from ganzoo_zoo.datasets.shapes import Shapes
from ganzoo_zoo.extractors.toy_cnn import DIGITS, EMOJI, FILE, SHAPES, Network, to_input
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torch.nn import functional

STEPS = 6000
LEARNING_RATE = 4e-3
DIGITS_A_STEP, SHAPES_A_STEP, EMOJI_A_STEP, STACKS_A_STEP = 48, 96, 64, 32
STACK_WEIGHT = SUBGROUP_WEIGHT = 0.5
NOISE = 0.05

JOINER = "200D"
"""In the code points of an emoji that is made of others."""

METADATA = {
    "title": "toy-cnn: classifier of digits, shapes and groups of emoji, float16",
    "license": "Apache-2.0",
    "training data": "a third of UCI optdigits' test set (E. Alpaydin and C. Kaynak, 1998, "
    "https://doi.org/10.24432/C50P49, CC BY 4.0), generated shapes, and Twemoji (copyright "
    "Twitter, Inc and other contributors, CC BY 4.0, https://github.com/jdecked/twemoji) as in "
    "emoji-datasource-twitter 16.0.0",
    "made by": "plugins/zoo/tools/train_toy_cnn.py",
}


class Trained(Network):
    """The network with batch norm and more heads, which are not part of the result."""

    def __init__(self, subgroups: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(c.out_channels) for c in self.convolutions)
        self.stack_classifier = nn.Linear(64, 30)
        self.subgroup_classifier = nn.Linear(64, subgroups)

    def forward(self, x: Tensor) -> Tensor:
        x = x / 127.5 - 1
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.relu(norm(convolution(x)))
        return functional.relu(self.hidden(x.flatten(1)))

    def folded(self) -> dict[str, Tensor]:
        """Return the state of the plain network that is equivalent in eval mode."""
        plain = Network()
        plain.load_state_dict(self.state_dict(), strict=False)
        for convolution, norm in zip(plain.convolutions, self.norms, strict=True):
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            convolution.weight.data *= scale[:, None, None, None]
            convolution.bias.data = norm.bias + (convolution.bias - norm.running_mean) * scale
        return {name: weight.detach() for name, weight in plain.state_dict().items()}


class Twemoji:
    """The base emoji of Twemoji on white, float32 (N, 3, 32, 32), with groups and subgroups."""

    def __init__(self, package: Path) -> None:
        listed = json.loads((package / "emoji.json").read_text())
        groups = class_names()
        base = [
            emoji
            for emoji in listed
            if emoji["has_img_twitter"]
            and emoji["category"] in groups
            and JOINER not in emoji["unified"]
        ]
        self.subgroups = sorted({emoji["subcategory"] for emoji in base})
        folder = package / "img" / "twitter" / "64"
        self.images = torch.stack([picture(folder / emoji["image"]) for emoji in base])
        self.labels = torch.tensor([groups.index(emoji["category"]) for emoji in base])
        self.sublabels = torch.tensor([self.subgroups.index(e["subcategory"]) for e in base])


def picture(file: Path) -> Tensor:
    """Return a picture on white, at half its size."""
    with Image.open(file) as opened:
        drawn = opened.convert("RGBA")
    white = Image.new("RGBA", drawn.size, "white")
    white.alpha_composite(drawn)
    return torch.from_numpy(np.array(white.convert("RGB").reduce(2))).permute(2, 0, 1).float()


class Batches:
    """Random training batches, float32 (B, 3, 32, 32) in [0, 255], from one generator."""

    def __init__(self, emoji: Twemoji, seed: int) -> None:
        self.emoji = emoji
        self.generator = Generator().manual_seed(seed)
        digits, self.digit_labels = Digits("extractor").tensors()
        self.digits = to_input(digits)[:, :1]
        self.shapes, self.shape_labels = Shapes("extractor", length=50_000).tensors()

    def draw_digits(self, count: int) -> tuple[Tensor, Tensor]:
        """Return warped digits, a third of them in random colours."""
        chosen = self._choose(self.digits, count)
        images = self._warp(self.digits[chosen]).expand(-1, 3, -1, -1).clone()
        recoloured = count // 3
        ink, paper = self._uniform(2, recoloured, 3, 1, 1) * 255
        too_alike = (ink - paper).abs().mean(1, keepdim=True) < 80
        paper = torch.where(too_alike, (ink + 127.5) % 255, paper)
        images[:recoloured] = paper + (ink - paper) * images[:recoloured] / 255
        return images, self.digit_labels[chosen] + DIGITS.start

    def draw_shapes(self, count: int) -> tuple[Tensor, Tensor]:
        """Return shapes, some of them at half the resolution."""
        chosen = self._choose(self.shapes, count)
        images = self.shapes[chosen].float()
        coarse = to_input(functional.interpolate(images, (16, 16), mode="bicubic", antialias=True))
        images = torch.where(self._uniform(count, 1, 1, 1) < 0.15, coarse, images)
        return images, self.shape_labels[chosen] + SHAPES.start

    def draw_stacks(self, count: int) -> tuple[Tensor, Tensor]:
        """Return three warped digits in the channels of each image, and their labels (B, 3)."""
        chosen = self._choose(self.digits, 3 * count)
        images = self._warp(self.digits[chosen]).reshape(count, 3, 32, 32)
        return images, self.digit_labels[chosen].reshape(count, 3)

    def draw_emoji(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return warped emoji with other contrast and colours, their groups and subgroups."""
        chosen = self._choose(self.emoji.images, count)
        images = self._warp(self.emoji.images[chosen])
        grey = images.mean(1, keepdim=True)
        images = grey + (images - grey) * (0.7 + 0.6 * self._uniform(count, 1, 1, 1))
        # As in the other font, white stays white.
        images = 255 - (255 - images.clamp(0, 255)) * (0.75 + 0.5 * self._uniform(count, 3, 1, 1))
        return (
            images.clamp(0, 255),
            self.emoji.labels[chosen] + EMOJI.start,
            self.emoji.sublabels[chosen],
        )

    def add_noise(self, images: Tensor) -> Tensor:
        """Return images with Gaussian noise whose sd is uniform up to NOISE of the range."""
        sd = NOISE * 255 * self._uniform(len(images), 1, 1, 1)
        noise = torch.randn(images.shape, generator=self.generator)
        return (images + sd * noise).clamp(0, 255)

    def _warp(self, images: Tensor) -> Tensor:
        """Turn by up to 0.2 radians, shear and scale by up to 15 %, shift by up to 5 %."""
        turn, scale, shear, right, down = self._uniform(5, len(images)) * 2 - 1
        turn, scale, shear = 0.2 * turn, 1 + 0.15 * scale, 0.15 * shear
        c, s = turn.cos() / scale, turn.sin() / scale
        rows = torch.stack([c, shear - s, 0.1 * right, s, c, 0.1 * down], dim=1)
        grid = functional.affine_grid(rows.reshape(-1, 2, 3), images.shape, align_corners=False)
        return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)

    def _choose(self, pool: Tensor, count: int) -> Tensor:
        return torch.randint(len(pool), (count,), generator=self.generator)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator)


def train(network: Trained, batches: Batches) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, STEPS)
    for step in range(1, STEPS + 1):
        digits, digit_labels = batches.draw_digits(DIGITS_A_STEP)
        shapes, shape_labels = batches.draw_shapes(SHAPES_A_STEP)
        emoji, emoji_labels, subgroups = batches.draw_emoji(EMOJI_A_STEP)
        stacks, stack_labels = batches.draw_stacks(STACKS_A_STEP)
        images = batches.add_noise(torch.cat([digits, shapes, emoji, stacks]))
        features = network(images.contiguous(memory_format=torch.channels_last))
        single, stacked = features.split([len(features) - STACKS_A_STEP, STACKS_A_STEP])
        labels = torch.cat([digit_labels, shape_labels, emoji_labels])
        loss = functional.cross_entropy(network.class_logits(single), labels)
        named = network.subgroup_classifier(single[-EMOJI_A_STEP:])
        loss = loss + SUBGROUP_WEIGHT * functional.cross_entropy(named, subgroups)
        three = network.stack_classifier(stacked).reshape(-1, 10)
        loss = loss + STACK_WEIGHT * functional.cross_entropy(three, stack_labels.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 0:
            print(f"step {step}  loss {loss.item():.3f}", flush=True)


@torch.no_grad()
def accuracy(network: Network, images: Tensor, labels: Tensor) -> float:
    """Return how often the likeliest of the 29 classes is the right one."""
    logits = [network.class_logits(network(to_input(part))) for part in images.split(512)]
    return (torch.cat(logits).argmax(1) == labels).double().mean().item()


def report(file: Path) -> None:
    """Print the hash of a file of weights, and its accuracy on what it was not trained on."""
    network = Network().eval()
    network.load_state_dict({name: weight.float() for name, weight in load_file(file).items()})
    for size in (8, 16, 32):
        parts = [Digits(split, size=size).tensors() for split in ("train", "test")]
        images, labels = (torch.cat(column) for column in zip(*parts, strict=True))
        print(f"digits at {size} px, train + test: {accuracy(network, images, labels):.2%}")
    for size in (16, 32, 64):
        images, labels = Shapes("test", size=size).tensors()
        right = accuracy(network, images, labels + SHAPES.start)
        print(f"shapes at {size} px, test: {right:.2%}")
    for split in ("train", "test"):
        images, labels = Noto(split).tensors()
        right = accuracy(network, images, labels + EMOJI.start)
        print(f"emoji/noto by group, {split}: {right:.2%}")
    print(f"{file}: {file.stat().st_size:,} bytes")
    print(f'WEIGHTS_SHA256 = "{sha256(file.read_bytes()).hexdigest()}"')


def main(package: Path, out: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    emoji = Twemoji(package)
    network = Trained(len(emoji.subgroups)).to(memory_format=torch.channels_last)
    train(network, Batches(emoji, seed=0))
    weights = {name: weight.half().contiguous() for name, weight in network.folded().items()}
    save_file(weights, out, metadata=METADATA)
    report(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else FILE)
