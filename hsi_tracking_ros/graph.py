"""The one description of the node graph: which nodes, parameters and remappings, for launch files and command line.

Nothing of ROS is imported here: a launch file turns a `NodeSpec` into an action, `hsi-tracking` into a process.
"""
from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from hsi_models.boxes import Box
from hsi_models.runtime.executor import PRECISIONS, RUNTIMES
from hsi_tracking_ros.share import PACKAGE, share_file

VARIANTS = {
    'tracking': 'tracker and visualiser on a live camera',
    'replay': 'player, tracker, visualiser and evaluator on a sequence or a bag',
    'demo': 'the same on the shipped synthetic scene, stamped as if it were live',
    'drone': 'the tracker alone, respawned, with the camera placed on the vehicle',
}
DEMO_SOURCE = 'synthetic:demo?frames=100'
Value = bool | int | float | str


@dataclass(frozen=True)
class Option:
    """One argument of a launch file and of the verbs that start a graph; '' leaves it to the parameter files."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()
    variants: tuple[str, ...] = tuple(VARIANTS)


SWITCH = ('true', 'false')
_LIVE_OR_RECORDED = ('tracking', 'replay', 'drone')
OPTIONS = (
    Option('namespace', '', 'namespace of all nodes and topics'),
    Option('params_file', '', 'parameters that go before the shipped ones'),
    Option('use_sim_time', 'false', 'time from /clock, which the player then publishes', SWITCH),
    Option('autostart', '', 'configure and activate lifecycle nodes at start', ('', *SWITCH)),
    Option('device', '', 'where tracker and super-resolver compute: cpu, cuda, cuda:0'),
    Option('tracker', '', 'NAME or NAME:preset, see `hsi-tracking models`'),
    Option('weights', '', "of the tracker's network: a file, its card beside it, or a folder of `hsi-tracking export`"),
    Option('runtime', '', "what runs the tracker's network", ('', *RUNTIMES)),
    Option('precision', '', 'of its weights and activations', ('', *PRECISIONS)),
    Option('super_resolution', '', 'upscale the search region, inside the tracker (crop), or whole frames (frame)',
           ('', 'off', 'crop', 'frame')),
    Option('super_resolver', '', 'what upscales, NAME or NAME:preset, see `hsi-tracking models`'),
    Option('super_resolution_scale', '', 'enlargement of both sides', ('', '2', '3', '4', '8')),
    Option('camera_file', '', 'JSON that describes the camera (wavelengths.json), instead of hyperspectral_info',
           variants=_LIVE_OR_RECORDED),
    Option('calibration_file', '', '.npz with dark, white, defective as images, applied by the tracker',
           variants=_LIVE_OR_RECORDED),
    Option('init_box', '', 'X,Y,W,H in pixels of the image: the target in the first one; a player then names none',
           variants=_LIVE_OR_RECORDED),
    Option('rviz', 'false', 'start RViz', SWITCH, ('tracking', 'replay', 'demo')),
    Option('log_level', 'info', 'of all nodes', ('debug', 'info', 'warn', 'error', 'fatal')),
    Option('image_topic', 'image', "the camera's images; hyperspectral_info and camera_info lie beside it",
           variants=('tracking', 'drone')),
    Option('source', '', 'folder, bag or synthetic:SCENE to play', variants=('replay', 'demo')),
    Option('base_frame', 'base_link', 'frame of the vehicle that carries the camera', variants=('drone',)),
    Option('camera_frame', 'camera', 'frame_id of the images', variants=('drone',)),
    Option('camera_pose', '0 0 0 0 0 0', 'of the camera in base_frame: x y z [m] roll pitch yaw [rad]',
           variants=('drone',)),
)


@dataclass(frozen=True)
class NodeSpec:
    """One process of the graph.

    Args:
        executable: as installed in lib/PACKAGE; ours are modules of `hsi_tracking_ros.nodes`, too.
        package: where it comes from; another one than ours is left out by the command line.
        parameter_files: in this order, later ones win.
        parameters: set on top of the files.
        remappings: (from, to).
        arguments: before `--ros-args`.
        respawn: start it again when it ends.
    """

    executable: str
    package: str = PACKAGE
    namespace: str = ''
    parameter_files: tuple[str, ...] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()
    respawn: bool = False
    log_level: str = 'info'

    @property
    def name(self) -> str:
        """Of the node: `tracker` for `tracker_node`."""
        return self.executable.removesuffix('_node')

    @property
    def ros_arguments(self) -> list[str]:
        """What follows `--ros-args` beside name, namespace and remappings; parameters after the files they beat."""
        out = []
        for file in self.parameter_files:
            out += ['--params-file', file]
        for name, value in self.parameters.items():
            out += ['-p', f'{name}:={_yaml(value)}']
        return [*out, '--log-level', self.log_level]

    @property
    def command(self) -> list[str]:
        """The process without launch_ros: our module in this Python.

        Raises:
            ValueError: an executable of another package.
        """
        if self.package != PACKAGE:
            raise ValueError(f'expected a node of {PACKAGE}, got {self.executable} of {self.package}: it is started by '
                             'launch files only')
        out = [sys.executable, '-m', f'{PACKAGE}.nodes.{self.executable}', *self.arguments, '--ros-args',
               *self.ros_arguments, '-r', f'__node:={self.name}']
        if self.namespace:
            out += ['-r', f'__ns:={absolute(self.namespace)}']
        for source, target in self.remappings:
            out += ['-r', f'{source}:={target}']
        return out


def absolute(namespace: str) -> str:
    """A namespace with its leading slash."""
    return '/' + namespace.strip('/')


def _yaml(value: Value) -> str:
    """A value as rcl's YAML reads it back in the same type."""
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


@dataclass(frozen=True)
class GraphOptions:
    """Values of `OPTIONS`, as text like on a command line.

    Raises:
        ValueError: a value that is not among the choices, or cannot be read.
    """

    namespace: str = ''
    params_file: str = ''
    use_sim_time: str = 'false'
    autostart: str = ''
    device: str = ''
    tracker: str = ''
    weights: str = ''
    runtime: str = ''
    precision: str = ''
    super_resolution: str = ''
    super_resolver: str = ''
    super_resolution_scale: str = ''
    camera_file: str = ''
    calibration_file: str = ''
    init_box: str = ''
    rviz: str = 'false'
    log_level: str = 'info'
    image_topic: str = 'image'
    source: str = ''
    base_frame: str = 'base_link'
    camera_frame: str = 'camera'
    camera_pose: str = '0 0 0 0 0 0'

    def __post_init__(self) -> None:
        for option in OPTIONS:
            value = getattr(self, option.name)
            if option.choices and value not in option.choices:
                raise ValueError(f'expected {option.name} of {", ".join(filter(None, option.choices))}, got {value!r}')
        if self.init_box:
            Box.parse(self.init_box)
        if len(self.camera_pose.split()) != 6:
            raise ValueError(f'expected camera_pose as six numbers x y z roll pitch yaw, got {self.camera_pose!r}')
        if self.calibration_file and self.super_resolution == 'frame':
            raise ValueError("expected super_resolution of off, crop with calibration_file, got 'frame': references of "
                             f"each pixel ({self.calibration_file}) are of the size of the camera's own images")


TRACKER, VISUALISER, PLAYER, EVALUATOR = 'tracker_node', 'visualiser_node', 'player_node', 'evaluator_node'
UPSCALER = 'super_resolution_node'
TARGETS, INIT = ('targets', 'tracker/targets'), ('init', 'tracker/init')


def describe(variant: str, options: GraphOptions | None = None,
             extra: Mapping[str, Mapping[str, Value]] | None = None) -> list[NodeSpec]:
    """The nodes of one variant.

    Args:
        variant: one of `VARIANTS`.
        options: what the user chose.
        extra: executable -> parameters on top.

    Raises:
        ValueError: no such variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f'expected a graph of {", ".join(VARIANTS)}, got {variant!r}')
    options = options or GraphOptions()
    sim_time = options.use_sim_time == 'true'
    chosen = _chosen(options)
    chosen[PLAYER] = {'publish_clock': sim_time}
    source = options.source or (DEMO_SOURCE if variant == 'demo' else '')
    if source:
        chosen[PLAYER]['source'] = source
    if options.init_box:
        chosen[PLAYER]['send_init'] = False
    upscaled = options.super_resolution == 'frame'
    names = (UPSCALER,) * upscaled + {'tracking': (TRACKER, VISUALISER), 'drone': (TRACKER,)}.get(
        variant, (TRACKER, VISUALISER, EVALUATOR, PLAYER))
    remappings: dict[str, tuple[tuple[str, str], ...]] = {
        UPSCALER: (), TRACKER: (), VISUALISER: (TARGETS,), EVALUATOR: (TARGETS,), PLAYER: (TARGETS, INIT)}
    # hyperspectral_info and camera_info follow by themselves: they lie beside the image
    camera = () if options.image_topic == 'image' else (('image', options.image_topic),)
    specs = []
    for name in names:
        parameters = {**chosen.get(name, {}), **(extra or {}).get(name, {})}
        if name != PLAYER:
            parameters['use_sim_time'] = sim_time
        specs.append(NodeSpec(
            name, namespace=options.namespace, parameter_files=_files(name, variant, options.params_file, upscaled),
            parameters=parameters, remappings=remappings[name] + camera, respawn=variant == 'drone',
            log_level=options.log_level))
    return specs + _of_others(variant, options)


def _chosen(options: GraphOptions) -> dict[str, dict[str, Value]]:
    """Parameters that the user chose, by executable; those of tracker and super-resolver agree."""
    both: dict[str, Value] = {'device': options.device} if options.device else {}
    if options.autostart:
        both['autostart'] = options.autostart == 'true'
    # Who reads the camera's images, or boxes in pixels of them; the super-resolver describes what it gives itself.
    camera: dict[str, Value] = {'camera_file': options.camera_file} if options.camera_file else {}
    upscaled = options.super_resolution == 'frame'
    tracker: dict[str, Value] = {
        name: getattr(options, name)
        for name in ('tracker', 'weights', 'runtime', 'precision', 'super_resolution', 'super_resolver',
                     'calibration_file', 'init_box')
        if getattr(options, name)}
    if not upscaled:
        tracker |= camera
    upscaler: dict[str, Value] = {'model': options.super_resolver} if options.super_resolver else {}
    upscaler |= camera
    if options.super_resolution_scale:
        tracker['super_resolution_scale'] = upscaler['scale'] = int(options.super_resolution_scale)
    return {TRACKER: {**both, **tracker}, UPSCALER: {**both, **upscaler}, VISUALISER: camera, EVALUATOR: camera}


def _files(name: str, variant: str, params_file: str, upscaled: bool) -> tuple[str, ...]:
    files = [f'config/{name.removesuffix("_node")}.yaml']
    if upscaled and name == TRACKER:
        files.append('config/super_resolution.yaml')
    if variant == 'demo':
        files.append('config/demo.yaml')
    return *(str(share_file(file)) for file in files), *([params_file] if params_file else [])


def _of_others(variant: str, options: GraphOptions) -> list[NodeSpec]:
    """What other packages bring: RViz, the transform of the camera."""
    specs = []
    if options.rviz == 'true':
        specs.append(NodeSpec('rviz2', 'rviz2', namespace=options.namespace, log_level=options.log_level,
                              arguments=('-d', str(share_file('config/tracking.rviz')))))
    if variant == 'drone':
        names = ('--x', '--y', '--z', '--roll', '--pitch', '--yaw')
        pose = [word for pair in zip(names, options.camera_pose.split(), strict=True) for word in pair]
        specs.append(NodeSpec('static_transform_publisher', 'tf2_ros', namespace=options.namespace, respawn=True,
                              log_level=options.log_level,
                              arguments=(*pose, '--frame-id', options.base_frame,
                                         '--child-frame-id', options.camera_frame)))
    return specs
