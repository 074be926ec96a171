"""The program `hsi-tracking`: one verb per file, each a thin shell over a documented function."""
