"""Sharper cubes: whole frames in tiles, or one crop."""
