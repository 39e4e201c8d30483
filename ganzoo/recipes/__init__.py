"""From YAML to a `Recipe`: strict loading, `extends`, overrides, skeleton, ids, lock. No torch.

A recipe is read in passes, each of which reports everything that it finds: `strict_yaml` (1),
the skeleton in `check` (2), ids in `ids` (3). Parameters and fit (4, 5) need the components
themselves and belong to `ganzoo.components`.
"""

from ganzoo.recipes.recipe import Recipe
from ganzoo.recipes.schema import Node, RegularizerNode, Settings
from ganzoo.recipes.source import Origin

__all__ = ["Node", "Origin", "Recipe", "RegularizerNode", "Settings"]
