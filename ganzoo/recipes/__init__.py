"""From YAML to a `Recipe`: strict loading, `extends`, overrides, skeleton, ids, lock. No torch.

A recipe is read in passes, each of which reports everything that it finds: `strict_yaml` (1),
the skeleton in `check` (2), ids in `ids` (3). Parameters and fit (4, 5) need the components
themselves and belong to `ganzoo.build`.
"""

from ganzoo.recipes.layer import Origin
from ganzoo.recipes.recipe import Recipe
from ganzoo.recipes.skeleton import Node, RegularizerNode, Settings

__all__ = ["Node", "Origin", "Recipe", "RegularizerNode", "Settings"]
