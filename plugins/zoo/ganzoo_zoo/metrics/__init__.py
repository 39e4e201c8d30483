"""Metrics beside the Fréchet distance, over the same features."""
