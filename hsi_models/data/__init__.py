"""Sequences, cameras, simulation: everything that frames come from."""
