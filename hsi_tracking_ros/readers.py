"""Who reads which topic of a graph: what a player waits for before its first frame."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hsi_tracking_ros.graph import EVALUATOR, TRACKER, UPSCALER, VISUALISER

TOPICS = ('image', 'ground_truth', 'init', 'targets')
RECORDER, WATCHER = 'recorder', 'watcher'
_READS = {
    TRACKER: ('image', 'init'), UPSCALER: ('image',), EVALUATOR: ('ground_truth', 'targets'), RECORDER: TOPICS,
    VISUALISER: ('image', 'ground_truth', 'targets'),       # while its pictures are looked at
    WATCHER: ('targets',)}


def readers_of(*names: str) -> str:
    """What these read together, as the player's parameter `wait_for_readers`.

    Args:
        names: executables of the graph, RECORDER, WATCHER; a visualiser whose pictures nobody looks at reads nothing
            and is left out.
    """
    counts = Counter(topic for name in names for topic in _READS[name])
    if UPSCALER in names and TRACKER in names:
        counts['image'] -= 1        # the tracker reads what the super-resolver gives
    return readers_text(counts)


def readers_text(counts: Mapping[str, int]) -> str:
    """`image=2 targets=1`."""
    return ' '.join(f'{topic}={counts[topic]}' for topic in TOPICS if topic in counts)


def parse_readers(text: str) -> dict[str, int]:
    """Topic -> least number of readers.

    Args:
        text: as `readers_text` writes it.

    Raises:
        ValueError: another topic, or no number.
    """
    counts = {}
    for word in text.split():
        topic, _, number = word.partition('=')
        if topic not in TOPICS or not (number.isascii() and number.isdigit()):
            raise ValueError(f"parameter 'wait_for_readers': expected TOPIC=NUMBER of {', '.join(TOPICS)}, separated "
                             f'by blanks, got {word!r}')
        counts[topic] = int(number)
    return counts
