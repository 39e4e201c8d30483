"""ganzoo: a plugin-based zoo of generative adversarial networks.

``run``, ``resume``, ``load``, ``score``, ``compare`` and ``Recipe`` are imported at first use, so
that importing ganzoo imports no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganzoo.version import __version__

if TYPE_CHECKING:
    from ganzoo.recipes.load import Recipe as Recipe
    from ganzoo.report.compare import compare as compare
    from ganzoo.training.run import load as load
    from ganzoo.training.run import resume as resume
    from ganzoo.training.run import run as run
    from ganzoo.training.run import score as score

_LAZY = {
    "run": "ganzoo.training.run",
    "resume": "ganzoo.training.run",
    "load": "ganzoo.training.run",
    "score": "ganzoo.training.run",
    "compare": "ganzoo.report.compare",
    "Recipe": "ganzoo.recipes.load",
}

__all__ = ["Recipe", "__version__", "compare", "load", "resume", "run", "score"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'ganzoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
