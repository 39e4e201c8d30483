"""Errors that all data sets share: for an unknown split, and for an index out of range."""

from ganzoo.api import DataError


def require_split(dataset: str, split: str, splits: tuple[str, ...]) -> None:
    """Raise DataError, naming the splits, unless `split` is one of them."""
    if split not in splits:
        raise DataError(
            f"{dataset} has no split {split!r}; it has {', '.join(splits)}",
            hint=f"eval.reference={splits[0]}",
        )


def require_index(index: int, length: int) -> int:
    """Return `index`; a negative one counts from the end.

    Raises:
        IndexError: it is out of range, which also ends a loop over a data set.
    """
    if not -length <= index < length:
        raise IndexError(f"index {index} is outside of {length} samples")
    return index % length
