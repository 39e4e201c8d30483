"""Rows as networks see them, as features."""

from torch import Tensor


class Codec:
    """A row in model form: places within modes, and one-hot choices. Nothing is trained.

    So a Fréchet distance compares the means and covariances of all values and choices: the shares
    of categories, modes and missing values, and how they go together two by two.
    """

    input_shape = None
    model_form = True
    num_features = None
    layer = "model form"
    weights_sha256 = None

    def __call__(self, x: Tensor) -> Tensor:
        return x.float()
