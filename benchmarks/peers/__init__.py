"""Rows of the benchmark's table: what a user would take instead; `python -m benchmarks.peers --help`."""
