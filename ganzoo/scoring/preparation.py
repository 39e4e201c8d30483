"""From stored samples to the input of an extractor; ours, so that no library's default decides.

Quantisation is `ganzoo.nn.decode`: clamp, then round. The resize is one batched bicubic one with
antialias on float values in [0, 255], which equals clean-fid's PIL rule (Parmar et al. 2022,
arXiv:2104.11222); like there, its overshoot is not clamped.
"""

from torch import Tensor
from torch.nn import functional

from ganzoo.api import SampleSpec
from ganzoo.errors import DataError

Shape = tuple[int, ...]


def prepare(stored: Tensor, input_shape: Shape | None, modality: str) -> Tensor:
    """Return float32 (B, *input_shape), or (B, *shape) as stored where `input_shape` is None.

    Args:
        stored: (B, *shape), the stored form of the modality; images are uint8 (B, C, H, W).

    Raises:
        DataError: a value that is not finite, or a shape that no rule leads from.
    """
    if stored.is_floating_point() and not bool(stored.isfinite().all()):
        raise DataError("a sample holds values that are not finite")
    x = stored.float()
    if input_shape is None:
        return x
    shape = tuple(stored.shape[1:])
    _check(shape, input_shape, modality)
    if shape[-2:] != input_shape[-2:]:
        x = functional.interpolate(x, input_shape[-2:], mode="bicubic", antialias=True)
    return x.repeat(1, 3, 1, 1) if shape[0] == 1 and input_shape[0] == 3 else x


def unrounded(spec: SampleSpec, samples: Tensor) -> Tensor:
    """Return samples in model form on the scale of the stored form, float32, not rounded to it.

    Raises:
        DataError: the stored form has no scale between its values (text).
    """
    if spec.stored_dtype == "int64":
        raise DataError(f"{spec} is made of symbols, and nothing lies between two of them")
    samples = samples.float()
    return samples.clamp(-1, 1).add(1).mul(127.5) if spec.stored_dtype == "uint8" else samples


def input_rule(spec: SampleSpec, input_shape: Shape | None) -> str:
    """Return in words what `prepare` does with samples of `spec`, for the protocol.

    Raises:
        DataError: no rule leads from the samples to `input_shape`.
    """
    quantised = spec.stored_dtype == "uint8"
    words = ["clamp and round to uint8"] if quantised else []
    if input_shape is None:
        return "; ".join([*words, "as stored"])
    _check(spec.shape, input_shape, spec.modality)
    if spec.shape[0] != input_shape[0]:
        words.append("grey->rgb")
    if spec.shape[-2:] != input_shape[-2:]:
        sizes = ("x".join(map(str, shape[-2:])) for shape in (spec.shape, input_shape))
        words.append(f"bicubic antialias {'->'.join(sizes)}")
    return "; ".join([*words, "float32 in [0, 255]" if quantised else "float32"])


def _check(shape: Shape, input_shape: Shape, modality: str) -> None:
    """Raise DataError unless the shapes are equal, or both are images and the channels fit."""
    if shape == input_shape:
        return
    if modality != "image" or len(input_shape) != 3:
        raise DataError(f"the extractor takes samples of shape {input_shape}, not {shape}")
    if shape[0] != input_shape[0] and (shape[0], input_shape[0]) != (1, 3):
        raise DataError(f"the extractor takes images of {input_shape[0]} channels, not {shape[0]}")
