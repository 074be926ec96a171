"""Trackers: one protocol, one state, several ways to find a target."""
