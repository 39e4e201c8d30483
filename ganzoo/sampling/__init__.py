"""Sampling: the sampler, files of samples, export."""
