"""Tables of runs and scores; which of them may be ranked together. No torch."""
