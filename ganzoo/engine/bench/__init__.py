"""Measures a recipe's training step: how fast, where its time and memory go, against what."""
