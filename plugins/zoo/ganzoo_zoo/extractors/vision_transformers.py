"""DINOv2 and CLIP, from folders in the format of the package `transformers`.

The package is an extra (``pip install 'ganzoo-zoo[transformers]'``), imported only when such an
extractor is built. Weights are read from the folder as safetensors: nothing is downloaded, and no
code from the folder runs.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from ganzoo.api import (
    DAMAGE,
    DataError,
    PluginError,
    PositiveInt,
    parse_json,
    read_regular,
)

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Mean and standard deviation of each channel's values in [0, 1]."""

NOT_THE_NETWORK = {"transformers_version", "_name_or_path", "dtype", "torch_dtype", "architectures"}
"""Keys of a configuration that do not change what the network computes."""


class _Folder(NamedTuple):
    """A folder whose configuration has the right model type."""

    path: Path
    config: dict[str, Any]
    weights_sha256: str
    """Of the file, or of its parts one after the other."""

    @property
    def digest(self) -> str:
        """The first 12 hex digits of a hash of the network's configuration."""
        network = {key: self.config[key] for key in self.config.keys() - NOT_THE_NETWORK}
        return sha256(json.dumps(network, sort_keys=True).encode()).hexdigest()[:12]


class _VisionTransformer(nn.Module):
    """A network with its image size and normalisation."""

    def __init__(
        self,
        network: nn.Module,
        size: int,
        normalisation: tuple[Sequence[float], Sequence[float]],
        what: str,
        folder: _Folder,
    ) -> None:
        super().__init__()
        self.network = network.float().eval().requires_grad_(False)
        self.input_shape = (3, size, size)
        mean, std = normalisation
        self.layer = f"{what} for (x/255 - {list(mean)})/{list(std)}, config {folder.digest}"
        self.weights_sha256 = folder.weights_sha256
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def normalised(self, x: Tensor) -> Tensor:
        """Return the network's input for float32 images (B, 3, size, size) in [0, 255]."""
        return (x / 255 - self.mean) / self.std

    @property
    def token_width(self) -> int:
        """Length of a token."""
        return int(self.network.config.hidden_size)

    def token_maps(self, x: Tensor, count: int) -> list[Tensor]:
        """Return the tokens of the patches after each of `count` equal shares of the layers.

        Args:
            x: float32 images (B, 3, size, size) in [0, 255].

        Returns:
            float32 (B, `token_width`, rows, columns) each, without class and register tokens.
        """
        states = self.network(
            pixel_values=self.normalised(x), output_hidden_states=True
        ).hidden_states
        layers = len(states) - 1  # the first is what enters the layers
        side = x.shape[2] // self.network.config.patch_size
        chosen = (states[-(-layers * (share + 1) // count)] for share in range(count))
        return [h[:, -side * side :].transpose(1, 2).unflatten(2, (side, side)) for h in chosen]


class Dinov2(_VisionTransformer):
    """DINOv2's class token, from a folder of yours; needs the package transformers.

    It is taken after the last norm and has 384, 768, 1,024 or 1,536 features. The core resizes the
    whole picture to size x size (bicubic, antialiased, no crop), as Stein et al. do for the Fréchet
    distance, but without rounding the result. `transformers` interpolates the position embeddings,
    not bit for bit as the authors' code does.

    Source: Oquab et al. 2023, arXiv:2304.07193; as features of a Fréchet distance Stein et al.
    2023, arXiv:2306.04675.

    Args:
        path: a folder with ``config.json`` and ``model.safetensors``, such as a copy of
            ``facebook/dinov2-large``.
        size: height and width of the input, in pixels; a multiple of the patch size.
        sha256: of the weights, 64 hex digits; if given, other weights are refused.

    Raises:
        DataError: the folder is missing, holds another network, or lacks weights.
        PluginError: `transformers` cannot be imported.
    """

    def __init__(self, *, path: Path, size: PositiveInt = 224, sha256: str | None = None) -> None:
        folder = _folder(path, ("dinov2", "dinov2_with_registers"), sha256)
        patch = folder.config.get("patch_size", 14)
        if size % patch:
            raise DataError(
                f"size is {size}, no multiple of the patches of {patch} pixels",
                hint=f"size={max(1, size // patch) * patch}",
            )
        network = _loaded("AutoModel", folder)
        super().__init__(network, size, IMAGENET, "class token", folder)
        self.num_features: int = network.config.hidden_size

    def forward(self, x: Tensor) -> Tensor:
        """Return float32 (B, num_features) for float32 (B, 3, size, size) in [0, 255]."""
        return self.network(pixel_values=self.normalised(x)).last_hidden_state[:, 0]


class Clip(_VisionTransformer):
    """CLIP's image embedding, from a folder of yours; needs the package transformers.

    It is the projection into the space shared with text, not normalised. The core resizes the
    whole picture to the network's training size (bicubic, antialiased, no crop).

    Source: Radford et al. 2021, arXiv:2103.00020; as features of a Fréchet distance Kynkäänniemi
    et al. 2022, arXiv:2203.06026.

    Args:
        path: a folder with ``config.json`` and ``model.safetensors``, such as a copy of
            ``openai/clip-vit-base-patch32``, with or without the text encoder.
        sha256: of the weights, 64 hex digits; if given, other weights are refused.

    Raises:
        DataError: the folder is missing, holds another network, or lacks weights.
        PluginError: `transformers` cannot be imported.
    """

    def __init__(self, *, path: Path, sha256: str | None = None) -> None:
        folder = _folder(path, ("clip", "clip_vision_model"), sha256)
        network = _loaded("CLIPVisionModelWithProjection", folder)
        super().__init__(network, network.config.image_size, CLIP, "image embedding", folder)
        self.num_features: int = network.config.projection_dim

    def forward(self, x: Tensor) -> Tensor:
        """Return float32 (B, num_features) for float32 (B, 3, size, size) in [0, 255]."""
        return self.network(pixel_values=self.normalised(x)).image_embeds


def _folder(path: Path, kinds: Sequence[str], expected: str | None) -> _Folder:
    try:
        config = parse_json(read_regular(path / "config.json"))
        kind = config["model_type"]
    except OSError as error:
        raise DataError(
            f"{path} is not the folder of a model: config.json: {error.strerror}",
            hint="set path= to a folder with config.json and model.safetensors",
        ) from error
    except DAMAGE as error:
        raise DataError(
            f"{path}/config.json is no configuration of a model",
            hint="copy the folder again, with its config.json",
        ) from error
    if kind not in kinds:
        raise DataError(
            f"{path} holds a {kind}, not a {' or a '.join(kinds)}",
            hint="set path= to the folder of such a model",
        )
    parts = sorted(path.glob("model*.safetensors"))
    if not parts:
        raise DataError(
            f"{path} has no model.safetensors, and other formats are not read: they can run code",
            hint="model.save_pretrained(FOLDER, safe_serialization=True)",
        )
    found = _hash_of(parts)
    if expected not in (None, found):
        raise DataError(
            f"{path} is another model than is meant: sha256 {found}, not {expected}",
            hint=f"sha256={found}   # if these weights are meant",
        )
    return _Folder(path, config, found)


def _hash_of(parts: Sequence[Path]) -> str:
    digest = sha256()
    for part in parts:
        with part.open("rb") as file:
            while block := file.read(1 << 24):
                digest.update(block)
    return digest.hexdigest()


def _loaded(kind: str, folder: _Folder) -> Any:
    """Return the network of a folder, with all of its weights from there.

    Raises:
        DataError: the folder cannot be read, or lacks weights.
    """
    package = _package()
    with _quietly(package), torch.random.fork_rng(devices=()):
        try:
            config = package.AutoConfig.from_pretrained(
                folder.path, local_files_only=True, trust_remote_code=False
            )
            if config.model_type == "clip":  # keep the image half only
                projection = config.projection_dim
                config = config.vision_config
                config.projection_dim = projection
            network, about = getattr(package, kind).from_pretrained(
                folder.path,
                config=config,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
        except (OSError, RuntimeError, ValueError, TypeError, KeyError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"{folder.path} cannot be read by transformers: {reason}") from error
    if missing := sorted(about["missing_keys"]):
        raise DataError(
            f"{folder.path} lacks {len(missing)} of the network's weights, the first {missing[0]}",
            hint="copy the folder again, with all its model*.safetensors",
        )
    return network


def _package() -> Any:
    try:
        return import_module("transformers")
    except (ImportError, RuntimeError) as error:  # RuntimeError: of a torchvision that is broken
        raise PluginError(
            f"this extractor needs the package transformers: {' '.join(str(error).split())}",
            hint="pip install 'ganzoo-zoo[transformers]'",
        ) from error


@contextmanager
def _quietly(package: Any) -> Iterator[None]:
    """Silence the package's reports and progress bars."""
    logging = package.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
