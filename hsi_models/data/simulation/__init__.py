"""Camera and scene simulation: colour video or measured cubes in, what a snapshot camera would have seen out."""
