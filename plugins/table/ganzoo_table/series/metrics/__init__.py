"""How like the real windows generated ones are."""
