"""The life of a run: logging, pictures, health, checkpoints, signals, and how it ends."""
