"""From a recipe to live components: signatures → parameters, Plan → Components."""
