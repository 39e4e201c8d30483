"""Players of windows of series."""
