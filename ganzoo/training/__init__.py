"""Training: the GAN step, and a run from its first step to its end."""
