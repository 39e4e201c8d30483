"""What a run leaves on disk: its directory, records, scores, checkpoints and lock. No torch."""
