"""Where the files lie that are shipped beside the code: config/ and launch/ of a checkout, share/ of an install."""
from __future__ import annotations

import os
import sys
from pathlib import Path

PACKAGE = 'hsi_tracking_ros'


def share_file(relative: str) -> Path:
    """Path of a shipped file, `config/tracker.yaml` say: the checkout's own, else the first installed one.

    Raises:
        FileNotFoundError: it is in none of the places, which are named.
    """
    checkout = Path(__file__).resolve().parents[1]
    places = [checkout] if (checkout / 'package.xml').is_file() else []
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    places += [Path(prefix) / 'share' / PACKAGE for prefix in prefixes if prefix]
    for place in places:
        if (place / relative).is_file():
            return place / relative
    raise FileNotFoundError(f'expected {relative} in {", ".join(map(str, places))}: install the package')
