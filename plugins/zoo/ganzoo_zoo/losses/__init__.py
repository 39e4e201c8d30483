"""Losses and regularizers; one loss is one file."""
