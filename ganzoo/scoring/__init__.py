"""From samples to a value: preparation, features, moments, the Fréchet distance, other metrics."""
