"""`NodeSpec`s as actions of launch_ros: what all launch files of this package share."""
from __future__ import annotations

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from hsi_tracking_ros.graph import OPTIONS, GraphOptions, NodeSpec, describe


def launch_description(variant: str) -> LaunchDescription:
    """The launch description of one variant of the graph, its arguments declared."""
    options = [option for option in OPTIONS if variant in option.variants]

    def expand(context: LaunchContext) -> list[Node]:
        values = {option.name: LaunchConfiguration(option.name).perform(context) for option in options}
        return [launch_node(spec) for spec in describe(variant, GraphOptions(**values))]
    return LaunchDescription([*(
        DeclareLaunchArgument(option.name, default_value=option.default, description=option.description,
                              choices=list(option.choices) or None) for option in options),
        OpaqueFunction(function=expand)])


def launch_node(spec: NodeSpec) -> Node:
    """One node; parameters go as arguments, since launch_ros would put its own file before the shipped ones."""
    return Node(package=spec.package, executable=spec.executable, name=spec.name, namespace=spec.namespace or None,
                arguments=list(spec.arguments), ros_arguments=spec.ros_arguments,
                remappings=list(spec.remappings), output='screen', respawn=spec.respawn, respawn_delay=2.0)
