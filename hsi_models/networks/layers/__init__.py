"""Building blocks of the networks, one a file, under the papers' names."""
