"""Samples of a generator: drawn, written as files, exported, and scored."""
