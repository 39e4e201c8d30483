"""Generators and discriminators: one architecture a file, both of its networks side by side."""
