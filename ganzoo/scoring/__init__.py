"""From samples to a score: preparation, features, moments, Fréchet distance, other metrics."""
