"""From YAML to a `Recipe`: strict loading, `extends`, overrides, schema, ids, lock. No torch.

`load.py` lists the passes in order.
"""

from ganzoo.recipes.load import Recipe
from ganzoo.recipes.merge import Origin
from ganzoo.recipes.schema import Node, RegularizerNode, Settings

__all__ = ["Node", "Origin", "Recipe", "RegularizerNode", "Settings"]
