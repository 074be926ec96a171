"""Names of topics that belong to an image topic."""
from __future__ import annotations

from rclpy.node import Node


def beside(node: Node, name: str, image: str = 'image') -> str:
    """Topic `name` in the namespace of the topic `image`, unless a remapping names it itself.

    With `image:=/camera/image`, `hyperspectral_info` is /camera/hyperspectral_info without further remapping.
    """
    if node.resolve_topic_name(name) != node.resolve_topic_name(name, only_expand=True):
        return name
    return f'{node.resolve_topic_name(image).rsplit("/", 1)[0]}/{name}'
