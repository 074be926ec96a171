"""What the tracker node publishes of one image: targets, and for whoever looks, detections, rays, points, times."""
from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, PointCloud2
from std_msgs.msg import Float64, Header
from visualization_msgs.msg import MarkerArray

from hsi_models.colour import FalseColour
from hsi_models.pipeline import PipelineResult, StageTimes
from hsi_tracking_ros import qos
from hsi_tracking_ros.bearings import markers_message
from hsi_tracking_ros.diagnostics import brief
from hsi_tracking_ros.messages import detections_message, stamp_ns, targets_message
from hsi_tracking_ros.msg import TrackedTargetArray
from hsi_tracking_ros.optional import optional_module
from hsi_tracking_ros.target_cloud import cloud_message

STAGES = ('decode', 'preprocess', 'infer', 'postprocess', 'publish')


class TargetOutputs:
    """The publishers of the tracker node.

    `~/targets` goes out for every image; the others only while someone subscribes, and `~/markers` and
    `~/target_cloud` only once a `camera_info` has come.

    Args:
        node: owner of the publishers.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._vision_msgs = optional_module('vision_msgs.msg')
        self._point_cloud2 = optional_module('sensor_msgs_py.point_cloud2')
        self._targets = self._publisher(TrackedTargetArray, 'targets')
        self._markers = self._publisher(MarkerArray, 'markers')
        self._detections = self._cloud = None
        if self._vision_msgs is not None:
            self._detections = self._publisher(self._vision_msgs.Detection2DArray, 'detections')
        if self._point_cloud2 is not None:
            self._cloud = self._publisher(PointCloud2, 'target_cloud', 'markers')
        # std_msgs has no stamped number; a plain Float64 is what plotting tools take.
        self._debug = {name: self._publisher(Float64, f'debug/{name}_ms', 'debug') for name in (*STAGES, 'age')}
        self._colour: FalseColour | None = None
        self._bad_camera = ''

    def publish(self, header: Header, result: PipelineResult, camera: CameraInfo | None, *, dropped: int,
                ray_length_m: float) -> tuple[StageTimes, float]:
        """Publish one image's result.

        Args:
            header: the source image's, goes out as it is.
            result: of that image, its stage `decode` filled in.
            camera: of that image, None where unknown.
            dropped: frames received but not processed since activation.
            ray_length_m: of the markers.

        Returns:
            The stage times with `publish` filled in, and the age of the image at publication in ms (nan without
            a stamp).
        """
        start = time.perf_counter()
        age_ms = self.age_ms(header)
        self._targets.publish(targets_message(result.states, header, frames_dropped=dropped,
                                              pipeline_latency_ms=age_ms))
        if self._vision_msgs is not None and self._detections is not None \
                and self._detections.get_subscription_count():
            self._detections.publish(detections_message(self._vision_msgs, result.states, header))
        if camera is not None:
            self._publish_bearings(header, result, camera, ray_length_m)
        stages = replace(result.stages, publish=1e3 * (time.perf_counter() - start))
        for name, value in (*asdict(stages).items(), ('age', age_ms)):
            if self._debug[name].get_subscription_count():
                self._debug[name].publish(Float64(data=value))
        return stages, age_ms

    def age_ms(self, header: Header) -> float:
        """Node clock minus stamp, ms; nan where the stamp is 0."""
        stamp = stamp_ns(header.stamp)
        return (self._node.get_clock().now().nanoseconds - stamp) * 1e-6 if stamp else float('nan')

    def destroy(self) -> None:
        """Destroy the publishers."""
        for publisher in (self._targets, self._markers, self._detections, self._cloud, *self._debug.values()):
            if publisher is not None:
                self._node.destroy_publisher(publisher)

    def _publisher(self, kind: type[Any], name: str, profile: str = '') -> Publisher[Any]:
        return self._node.create_publisher(kind, f'~/{name}', qos.profile(profile or name),
                                           qos_overriding_options=qos.overridable())

    def _publish_bearings(self, header: Header, result: PipelineResult, camera: CameraInfo, length_m: float) -> None:
        try:
            if self._markers.get_subscription_count():
                self._markers.publish(markers_message(result.states, header, camera, length_m))
            if self._point_cloud2 is not None and self._cloud is not None and self._cloud.get_subscription_count():
                if self._colour is None or len(self._colour.matrix) != result.frame.bands:
                    self._colour = FalseColour.fit(result.frame)
                self._cloud.publish(cloud_message(self._point_cloud2, result, header, camera, self._colour))
        except ValueError as error:
            if str(error) != self._bad_camera:      # once for each reason
                self._bad_camera = str(error)
                self._node.get_logger().warning(f'no bearings from camera_info: {brief(str(error))}')
