"""What is looked at before a graph is started, so that a mistake costs one line and not a minute."""
from __future__ import annotations

import os

from hsi_models.data.open import open_sequence
from hsi_models.registry import require_known
from hsi_tracking_ros.sequences import is_synthetic, looks_like_bag, open_synthetic

MOST_DOMAIN = 232       # ports of a higher one lie beyond 65535


def require_domain(domain_id: int | None = None) -> None:
    """Refuse a ROS domain that has no ports; None: the one of the environment.

    Raises:
        ValueError: no whole number, or out of 0..232.
    """
    name, text = 'a ROS domain', str(domain_id)
    if domain_id is None:
        name, text = 'ROS_DOMAIN_ID', os.environ.get('ROS_DOMAIN_ID', '').strip() or '0'
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_DOMAIN):
        raise ValueError(f'expected {name} 0..{MOST_DOMAIN}, got {text}; choose one below 102, where ports are free')


def require_models(tracker: str = '', super_resolver: str = '') -> None:
    """Refuse names that the registry does not know; '' is the default one.

    Raises:
        ValueError: no such tracker or super-resolver.
    """
    if tracker:
        require_known(tracker, 'tracker')
    if super_resolver:
        require_known(super_resolver, 'super_resolver')


def require_source(text: str) -> None:
    """Refuse what cannot be played: a folder is listed, of a bag the index is read.

    Raises:
        ValueError: no sequence, or a damaged one.
        FileNotFoundError: no such path.
    """
    if is_synthetic(text):
        open_synthetic(text)
    elif looks_like_bag(text):
        from hsi_tracking_ros.bags import BagReader  # needs message types, a folder does not
        BagReader(text).close()
    else:
        open_sequence(text)
