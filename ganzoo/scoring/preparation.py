"""From stored samples to the input of an extractor; ours, so that no library's default decides.

Quantisation is `ganzoo.nn.decode`: clamp, then round. How shapes are adapted is the modality's.
"""

from torch import Tensor

from ganzoo.api import SampleSpec
from ganzoo.errors import DataError
from ganzoo.modalities import modality as modality_of

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
    return x if input_shape is None else modality_of(modality).fit_input(x, input_shape)


def unrounded(spec: SampleSpec, samples: Tensor) -> Tensor:
    """Return samples in model form on the scale of the stored form, float32, not rounded to it.

    Raises:
        DataError: the stored form has no scale between its values (text).
    """
    return spec.kind.unrounded(spec, samples)


def input_rule(spec: SampleSpec, input_shape: Shape | None) -> str:
    """Return in words what `prepare` does with samples of `spec`, for the protocol.

    Raises:
        DataError: no rule leads from the samples to `input_shape`.
    """
    quantised = spec.stored_dtype == "uint8"
    words = ["clamp and round to uint8"] if quantised else []
    if input_shape is None:
        return "; ".join([*words, "as stored"])
    words += spec.kind.input_steps(spec.shape, input_shape)
    return "; ".join([*words, "float32 in [0, 255]" if quantised else "float32"])
