"""What ``ganzoo new`` writes: a recipe, or a working plugin with its tests."""
