"""A small classifier of digits, shapes and emoji, whose last hidden layer is a feature extractor.

It does for the bundled data sets what Inception does for photographs, and means nothing on other
data.
"""

from pathlib import Path

from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional

from ganzoo_zoo.extractors.verified import verified_bytes

FILE = Path(__file__).parents[1] / "data" / "toy-cnn.safetensors"
WEIGHTS_SHA256 = "3b18e2132fc4a340fc66e3a0fd236649acc8c39cbf1d078a6aedfd012176de3c"

DIGITS = slice(0, 10)
SHAPES = slice(10, 20)
EMOJI = slice(20, 29)
"""Which of the classifier's 29 classes belong to `digits`, to `shapes` and to groups of emoji."""


SPATIAL_CHANNELS = 7
"""As of Inception's spatial features."""


class Network(nn.Module):
    """Four strided convolutions, a fully connected layer of 64 features, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, padding=1),
            nn.Conv2d(32, 48, 3, stride=2, padding=1),
            nn.Conv2d(48, 64, 3, stride=2, padding=1),
            nn.Conv2d(64, 96, 3, stride=2, padding=1),
        )
        self.hidden = nn.Linear(96 * 2 * 2, 64)
        self.classifier = nn.Linear(64, EMOJI.stop)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, 64), none negative, for float32 (B, 3, 32, 32) in [0, 255]."""
        x = x / 127.5 - 1
        for convolution in self.convolutions:
            x = functional.relu(convolution(x))
        return functional.relu(self.hidden(x.flatten(1)))

    def spatial_features(self, x: Tensor) -> Tensor:
        """Return the first 7 of 48 channels of the second convolution at 8x8 places, (B, 448)."""
        x = x / 127.5 - 1
        for convolution in self.convolutions[:2]:
            x = functional.relu(convolution(x))
        return x[:, :SPATIAL_CHANNELS].flatten(1)

    def class_logits(self, features: Tensor) -> Tensor:
        """Return logits (B, 29): ten digits, ten shapes, nine groups of emoji.

        Shapes are in the order of `shapes`, groups in the order of `emoji/noto`.
        """
        return self.classifier(features)


class ToyCNN(Network):
    """A small classifier of digits, shapes and groups of emoji; 64 features.

    Trained by ``plugins/zoo/tools/train_toy_cnn.py`` on the ``extractor`` splits of `digits`
    (enlarged, warped, recoloured, stacked) and `shapes`, on no sample of their other splits, and on
    the emoji of another font than that of `emoji/noto` (Twemoji). As the script prints, at 32 x 32
    it classifies 99.6 % of the 1,198 other digits and 98.2 % of 5,000 other shapes correctly, and
    64 % of the 1,639 pictures of `emoji/noto` by their nine groups.

    Raises:
        DataError: the file of weights is missing or is not the one of this version.
    """

    input_shape = (3, 32, 32)
    num_features = 64
    layer = "hidden"
    weights_sha256 = WEIGHTS_SHA256

    def __init__(self) -> None:
        super().__init__()
        self.load_state_dict(read_weights(FILE, WEIGHTS_SHA256))
        self.eval().requires_grad_(False)


def read_weights(file: Path, expected_sha256: str) -> dict[str, Tensor]:
    """Return the network's float32 state from a file of float16 weights.

    Raises:
        DataError: the file cannot be read, or its hash differs.
    """
    content = verified_bytes(file, expected_sha256, hint="pip install --force-reinstall ganzoo-zoo")
    return {name: weight.float() for name, weight in load(content).items()}


def to_input(images: Tensor) -> Tensor:
    """Return uint8 images (B, 1 or 3, H, W) as float32 (B, 3, 32, 32) in [0, 255].

    Bicubic, antialiased, clamped, grey repeated, as the core prepares samples for scoring.
    """
    images = images.float().expand(-1, 3, -1, -1)
    if images.shape[-2:] == (32, 32):
        return images
    return functional.interpolate(images, (32, 32), mode="bicubic", antialias=True).clamp(0, 255)
