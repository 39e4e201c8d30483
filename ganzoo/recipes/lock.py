"""`recipe.lock.yaml`: a recipe with nothing left open, and what it was resolved with.

A lock is itself a recipe, with one more key, `lock`, under which `ganzoo.components` records
revisions, distributions, versions and hashes.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.errors import Problem, RecipeError
from ganzoo.recipes.locate import read_text
from ganzoo.recipes.overrides import plain
from ganzoo.recipes.schema import Settings
from ganzoo.recipes.yaml import load_document, to_yaml
from ganzoo.runs.files import write_atomic

NOT_THE_EXPERIMENT = ("seed", "name", "description", "paper", "published", "reproduced")
"""What two runs of one experiment may differ in."""

_ORDER = (*Settings.model_fields, "lock")


def write_lock(path: Path, lock: Mapping[str, Any]) -> None:
    """Write a lock: plain data, its outermost keys in the order of the skeleton."""
    write_atomic(path, lock_text(lock).encode())


def lock_text(lock: Mapping[str, Any]) -> str:
    """Return the text of a lock.

    The order of inner keys is kept: that of regularizers decides how a sum of terms is rounded.
    """
    outer = sorted(lock, key=_ORDER.index)
    return to_yaml({key: plain(lock[key]) for key in outer})


def read_lock(path: Path) -> dict[str, Any]:
    """Return the lock in a file.

    Raises:
        RecipeError: a file that cannot be read, or that is not a lock.
    """
    document = load_document(read_text(path, str(path)), str(path))
    if not isinstance(document.data.get("lock"), dict):
        problem = Problem(str(path), 1, 1, "lock", "is not here: this file is not a lock")
        raise RecipeError([problem])
    return document.data


def identity(lock: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Return what a list of many runs needs of a lock, with the hash of the file that holds it.

    While the file's hash is the same, it need not be read again.
    """
    return {
        "sha256": file_hash(path),
        "experiment": experiment_id(lock),
        "dataset": str(lock["dataset"]["use"]),
    }


def file_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hex; empty where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def experiment_id(lock: Mapping[str, Any]) -> str:
    """Return 12 hex digits that runs share which differ in seed and name alone."""
    essence = {key: value for key, value in lock.items() if key not in NOT_THE_EXPERIMENT}
    canonical = json.dumps(essence, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
