"""Differentiable augmentations of what D sees."""
