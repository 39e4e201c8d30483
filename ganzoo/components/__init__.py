"""Components: signatures to parameter models, a recipe to a plan, a plan to live instances."""
