"""Feature extractors that need no download."""
