"""Data sets: one a file, beside the parts that several of them share."""
