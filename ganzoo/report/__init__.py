"""Leaderboards, lists of runs, and HTML pages. No torch."""
