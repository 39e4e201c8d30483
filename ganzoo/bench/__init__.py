"""`ganzoo bench`: measure the speed of a recipe's training step, and where the time goes."""
