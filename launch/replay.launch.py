"""Plays a sequence or a bag (source:=PATH) through tracker, visualiser and evaluator."""
from hsi_tracking_ros.launching import launch_description


def generate_launch_description():  # noqa: D103
    return launch_description('replay')
