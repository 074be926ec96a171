"""One node per file; each has `main(args=None)`."""
