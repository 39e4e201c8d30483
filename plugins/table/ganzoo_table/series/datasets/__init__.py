"""Series by a known law, and those of a file."""
