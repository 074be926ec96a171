"""Runs everything on the shipped synthetic scene."""
from hsi_tracking_ros.launching import launch_description


def generate_launch_description():  # noqa: D103
    return launch_description('demo')
