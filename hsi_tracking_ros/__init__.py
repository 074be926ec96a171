"""ROS 2 nodes and command line around `hsi_models`; importing this package imports no rclpy."""
from pkgutil import extend_path

# The generated interfaces (msg, srv) lie in the installed copy of this package: let a source checkout,
# where tests run, see them too.
__path__ = extend_path(__path__, __name__)
__version__ = '0.1.0'
