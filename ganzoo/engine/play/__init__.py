"""The arithmetic of a game: noise and data in, one update of each player, new weights out."""
