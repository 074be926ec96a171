"""`python -m hsi_tracking_ros` is `hsi-tracking`."""
import sys

from hsi_tracking_ros.cli.main import main

if __name__ == '__main__':
    sys.exit(main())
