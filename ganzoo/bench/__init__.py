"""`ganzoo bench`: how fast a recipe's training step is, and where the time goes."""
