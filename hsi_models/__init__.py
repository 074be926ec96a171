"""Hyperspectral tracking and super-resolution without ROS: numpy and torch only."""

__version__ = '0.1.0'
