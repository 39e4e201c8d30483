"""A run on disk: its directory, records, scores, checkpoint files and owner. No torch."""
