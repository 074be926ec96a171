"""Optional ROS packages, of which no wheels exist: imported where installed, named once where not."""
from __future__ import annotations

import importlib
from types import ModuleType

OUTPUTS = {
    'cv_bridge': 'nothing is off: images are converted by this package itself',
    'sensor_msgs_py.point_cloud2': '~/target_cloud is off',
    'vision_msgs.msg': '~/detections is off',
}
"""module -> what a node without it does not do"""


def optional_module(name: str) -> ModuleType | None:
    """The module where it is installed and usable, else None.

    A package that is installed but cannot be loaded (cv_bridge without its compiled part) counts as absent.

    Raises:
        ValueError: a name that is not in `OUTPUTS`.
    """
    if name not in OUTPUTS:
        raise ValueError(f'expected one of {", ".join(OUTPUTS)}, got {name!r}')
    try:
        module = importlib.import_module(name)
        if name == 'cv_bridge':
            importlib.import_module('cv_bridge.boost.cv_bridge_boost')
    except ImportError:
        return None
    return module


def missing_modules(names: tuple[str, ...] = tuple(OUTPUTS)) -> list[str]:
    """One line for each of these modules that is not there, saying what is off; for a node to log once."""
    missing = [name for name in names if optional_module(name) is None]
    return [f'{name.split(".")[0]} is not installed: {OUTPUTS[name]}' for name in missing]
