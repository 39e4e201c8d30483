"""What all data sets say alike: that a split is not there, and that an index is not."""

from ganzoo.api import DataError


def require_split(dataset: str, split: str, splits: tuple[str, ...]) -> None:
    """Raise a DataError that names the splits, unless `split` is one of them."""
    if split not in splits:
        raise DataError(
            f"{dataset} has no split {split!r}; it has {', '.join(splits)}",
            hint=f"ask for the split {splits[0]!r}",
        )


def require_index(index: int, length: int) -> int:
    """Return `index`, counted from the end where it is negative.

    Raises:
        IndexError: it is outside; this is also what ends a loop over a data set.
    """
    if not -length <= index < length:
        raise IndexError(f"index {index} is outside of {length} samples")
    return index % length
