"""Tracks on a live camera, with an overlay to look at: remap `image` with image_topic:=/camera/image."""
from hsi_tracking_ros.launching import launch_description


def generate_launch_description():  # noqa: D103
    return launch_description('tracking')
