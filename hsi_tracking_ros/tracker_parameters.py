"""The parameters of the tracker node."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from hsi_models.runtime.executor import PRECISIONS, RUNTIMES
from hsi_models.runtime.options import NetworkOptions
from hsi_models.superresolution.settings import MODES, SCALES, Mode, SuperResolution
from hsi_models.tracking.confidence import StatusThresholds
from hsi_tracking_ros import qos
from hsi_tracking_ros.camera_file import CAMERA_FILE
from hsi_tracking_ros.memory import RESERVE
from hsi_tracking_ros.parameters import Entry

TABLE = (
    Entry('tracker', 'auto', 'name of the tracker, NAME or NAME:preset (hsi-tracking models)'),
    Entry('device', 'cpu', 'where networks compute: cpu, cuda or cuda:N'),
    Entry('weights', '', "of the tracker's network: a file, its card beside it, or a folder made by `hsi-tracking "
                         'export`; empty: the shipped ones'),
    Entry('runtime', '', "what runs the tracker's network; empty: onnx for auto on a CPU, else eager",
          choices=('', *RUNTIMES)),
    Entry('precision', '', 'of its weights and activations; empty: fp32', choices=('', *PRECISIONS)),
    Entry('super_resolution', 'off', 'crop: the surroundings of the target are upscaled inside; frame: images come '
                                     'from super_resolution_node', choices=MODES),
    Entry('super_resolver', SuperResolution.model, 'crop: what upscales, NAME or NAME:preset (hsi-tracking models)'),
    Entry('super_resolution_scale', 2, 'crop: enlargement of both sides; frame: the one that hyperspectral_info has to '
                                       'agree with', choices=SCALES),
    CAMERA_FILE,
    Entry('calibration_file', '', '.npz with dark, white, defective as images; empty: the levels that the description '
                                  'of the camera states'),
    Entry('calibrate', True, 'apply these references or levels'),
    Entry('every_frame', False, 'reliable, first in first out: for evaluation, results do not depend on speed'),
    Entry('queue_depth', qos.EVERY_FRAME_DEPTH, 'images that may wait with every_frame', low=1, high=100_000),
    Entry('history', 30, 'recent images kept, for an initialisation that refers to an older one', low=1, high=1000),
    Entry('init_box', '', 'X,Y,W,H in pixels of the image: the target in the first image; empty: none'),
    Entry('max_gap_s', 10.0, 'stamps further apart are a jump of the clock: forget the target; 0: never', 's', low=0.0,
          high=1e6),
    Entry('warm_up_height', 128, 'rows of the noise that warms the tracker up; 0: no warm-up', 'px', low=0, high=65535),
    Entry('warm_up_width', 128, 'columns of that noise', 'px', low=16, high=65535),
    Entry('warm_up_bands', 16, 'bands of that noise', low=1, high=512),
    RESERVE,
    Entry('status.tracking_score', StatusThresholds.tracking_score, 'score from which a target counts as seen',
          low=0.0, high=1.0, runtime=True),
    Entry('status.uncertain_score', StatusThresholds.uncertain_score, 'score below which TRACKING becomes UNCERTAIN',
          low=0.0, high=1.0, runtime=True),
    Entry('status.lost_score', StatusThresholds.lost_score, 'score below which a frame counts towards LOST',
          low=0.0, high=1.0, runtime=True),
    Entry('status.lost_frames', StatusThresholds.lost_frames, 'such frames in a row that make LOST', low=1, high=1000,
          runtime=True),
    Entry('status.found_frames', StatusThresholds.found_frames, 'good frames in a row that end LOST', low=1, high=1000,
          runtime=True),
    Entry('status.max_spectral_angle_rad', StatusThresholds.max_spectral_angle_rad,
          'a frame with a larger angle to the template does not count as seen', 'rad', low=0.001, high=3.2,
          runtime=True),
    Entry('status.max_jump', StatusThresholds.max_jump,
          'nor one where the centre moved further, in units of the square root of the area', low=0.001, high=1e6,
          runtime=True),
    Entry('status.found_contrast', StatusThresholds.found_contrast,
          'nor, for a LOST target, one where the target probability stands out less, as a share of the first image',
          low=0.0, high=1.0, runtime=True),
    Entry('ray_length_m', 10.0, 'length of the bearing rays in ~/markers', 'm', low=0.001, high=1e6, runtime=True),
    Entry('slowdown_ms', 0.0, 'for tests of overload: the worker sleeps this long before each image', 'ms',
          low=0.0, high=10_000.0),
)


def thresholds_from(values: Mapping[str, Any]) -> StatusThresholds:
    """Thresholds of the parameters `status.*`."""
    return StatusThresholds(**{item.name: values[f'status.{item.name}'] for item in fields(StatusThresholds)})


def network_from(values: Mapping[str, Any]) -> NetworkOptions:
    """How the tracker's network is run."""
    return NetworkOptions(**{item.name: values[item.name] for item in fields(NetworkOptions)})


def check_together(values: Mapping[str, Any]) -> None:
    """Raise ValueError where values contradict each other."""
    thresholds_from(values)
    for name in ('camera_file', 'calibration_file'):
        if values['super_resolution'] == 'frame' and values[name]:
            raise ValueError(f"expected {name} to be empty with super_resolution 'frame', got {values[name]!r}: "
                             'super_resolution_node describes the cubes it gives, and calibrates none')


def super_resolution_from(values: Mapping[str, Any]) -> SuperResolution:
    """What the tracker itself upscales: nothing where images come upscaled."""
    mode: Mode = 'crop' if values['super_resolution'] == 'crop' else 'off'
    return SuperResolution(mode, values['super_resolver'], values['super_resolution_scale'])
