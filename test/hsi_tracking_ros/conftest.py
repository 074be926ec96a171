"""Real rclpy in this process, on a domain of its own that does not leave the machine."""
from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from hsi_tracking_ros.processes import free_domain_id


class Graph:
    """Nodes on one executor that a test turns by hand."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        self.executor = SingleThreadedExecutor()
        self.nodes: list[Any] = []
        self.peer = self.add(rclpy.create_node('peer'))

    def add(self, node: Any) -> Any:
        """Take over a node: it is spun, and destroyed at the end."""
        self.executor.add_node(node)
        self.nodes.append(node)
        return node

    def spin(self, seconds: float) -> None:
        """Execute callbacks for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.executor.spin_once(timeout_sec=left)

    def spin_until(self, condition: Callable[[], Any], timeout_s: float = 40.0) -> None:
        """Execute callbacks until the condition holds; fails where it never does."""
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f'waited {timeout_s} s in vain'
            self.executor.spin_once(timeout_sec=0.02)

    def call(self, kind: Any, name: str, request: Any) -> Any:
        """Call a service of one of the nodes and wait for the answer."""
        client = self.peer.create_client(kind, name)
        self.spin_until(client.service_is_ready)
        future = client.call_async(request)
        self.spin_until(future.done)
        self.peer.destroy_client(client)
        return future.result()

    def collect(self, kind: Any, topic: str, profile: Any = 10) -> list[Any]:
        """A list that fills with the messages of a topic."""
        messages: list[Any] = []
        self.peer.create_subscription(kind, topic, messages.append, profile)
        return messages

    def close(self) -> None:
        """Destroy the nodes."""
        for node in self.nodes:
            self.executor.remove_node(node)
            node.destroy_node()
        self.executor.shutdown()
        if any(hasattr(node, 'trigger_configure') for node in self.nodes):
            gc.collect()        # a lifecycle node lies in a cycle; until it is gone its name and logger are taken


class CubeRig:
    """A node that makes cubes, the camera before it and a reader behind it.

    Args:
        graph: executes them.
        create: makes the node.
        camera: described on hyperspectral_info; None: never.
        image: sent where a test names none.
        read: false: nobody subscribes to the cubes.
        parameters: of the node.
    """

    def __init__(self, graph: Graph, create: Callable[..., Any], camera: Any, image: Any, *, read: bool = True,
                 **parameters: Any) -> None:
        from rclpy.parameter import Parameter
        from sensor_msgs.msg import Image

        from hsi_tracking_ros import qos
        from hsi_tracking_ros.messages import info_from_camera
        from hsi_tracking_ros.msg import HyperspectralInfo
        self.graph, self.image = graph, image
        self.images = graph.peer.create_publisher(Image, 'image', qos.profile('every_frame'))
        self.infos = graph.peer.create_publisher(HyperspectralInfo, 'hyperspectral_info', qos.profile('info'))
        if camera is not None:
            self.infos.publish(info_from_camera(camera))
        self.node = graph.add(create(parameter_overrides=[
            Parameter(name, value=value) for name, value in parameters.items()]))
        name, profile = self.node.get_name(), qos.profile('every_frame' if parameters.get('every_frame') else 'image')
        profile.depth = 100     # a test is no camera: it looks at every cube, however late it comes to that
        self.cubes = graph.collect(Image, f'{name}/image', profile) if read else []
        self.out_infos = graph.collect(HyperspectralInfo, f'{name}/hyperspectral_info', qos.profile('info'))
        graph.spin_until(lambda: self.node.is_active)
        if read:
            self.wait_until_read()

    def wait_until_read(self) -> None:
        """Until the node receives images."""
        self.graph.spin_until(self.images.get_subscription_count)
        self.graph.spin(0.1)

    def send(self, image: Any = None, stamp: int = 5) -> Any:
        """Publish an image; returns the cube as an array."""
        from hsi_tracking_ros.image_codec import to_array, to_message
        from hsi_tracking_ros.messages import header_message
        count = len(self.cubes)
        message = to_message(self.image if image is None else image, header_message(stamp, 'camera'))
        self.images.publish(message)
        self.graph.spin_until(lambda: len(self.cubes) > count and self.out_infos)
        assert self.cubes[-1].header == message.header
        return to_array(self.cubes[-1])


@pytest.fixture(scope='session')
def ros() -> Iterator[None]:
    """rclpy, initialised once a session; a test without ROS 2 is skipped."""
    rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
    from hsi_tracking_ros import transport
    transport.prepare()
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    os.environ['ROS_DOMAIN_ID'] = str(free_domain_id())
    rclpy.init()
    keeper = rclpy.create_node('keeper')    # keeps the participant, which takes .3 s to make
    yield
    keeper.destroy_node()
    rclpy.try_shutdown()


@pytest.fixture
def graph(ros: None) -> Iterator[Graph]:
    """An executor with a node `peer`, for messages to and from the nodes under test."""
    graph = Graph()
    yield graph
    graph.close()


@pytest.fixture
def cube_rig(graph: Graph) -> Callable[..., CubeRig]:
    """Makes a CubeRig on the graph of this test."""
    return partial(CubeRig, graph)
