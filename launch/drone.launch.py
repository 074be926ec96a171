"""The tracker alone, respawned when it ends, and where the camera sits on the vehicle."""
from hsi_tracking_ros.launching import launch_description


def generate_launch_description():  # noqa: D103
    return launch_description('drone')
