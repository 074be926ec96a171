"""Messages of one image find each other by stamp, whatever order they come in."""
from __future__ import annotations

from hsi_tracking_ros.pairing import StampPairing


def test_pairs_by_stamp_in_any_order():
    pairing = StampPairing({'image': 4, 'targets': 4}, {'truth': 4})
    assert pairing.put('image', 1, 'image 1') is None
    assert pairing.put('image', 2, 'image 2') is None
    assert pairing.put('truth', 2, 'truth 2') is None
    assert pairing.put('targets', 2, 'targets 2') == {'image': 'image 2', 'targets': 'targets 2', 'truth': 'truth 2'}
    assert pairing.put('targets', 1, 'targets 1') == {'image': 'image 1', 'targets': 'targets 1', 'truth': None}
    assert pairing.put('targets', 1, 'again') is None


def test_buffers_are_bounded_and_the_oldest_goes():
    pairing = StampPairing({'image': 2, 'targets': 2})
    for stamp in range(10):
        pairing.put('image', stamp, stamp)
    assert pairing.unmatched == 8
    assert pairing.put('targets', 7, 'late') is None
    assert pairing.put('targets', 9, 'in time') == {'image': 9, 'targets': 'in time'}


def test_what_waits_from_before_can_be_taken():
    pairing = StampPairing({'truth': 10, 'targets': 10})
    for stamp in (3, 1, 2, 7):
        pairing.put('truth', stamp, f'truth {stamp}')
    assert pairing.take_older('truth', 3) == [(1, 'truth 1'), (2, 'truth 2')]
    assert pairing.take_older('truth', 3) == []
    pairing.clear()
    assert pairing.take_older('truth', 100) == []
