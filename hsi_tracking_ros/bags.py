"""rosbag2 (mcap, sqlite3) without a ROS installation, this package's own message types included."""
from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinitionFormat,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from hsi_tracking_ros.sequences import looks_like_bag

PACKAGE = 'hsi_tracking_ros'
STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
FOREVER = QosTime(9223372036, 854775807)    # rmw's "infinite", as rosbag2 writes it


class BagError(ValueError):
    """A bag that cannot be read: missing, truncated, corrupt, or with types nobody defines."""


@dataclass(frozen=True)
class BagTopic:
    """One topic of a bag."""

    name: str
    type: str
    """as ROS 2 writes it: `sensor_msgs/msg/Image`"""
    count: int
    latched: bool
    """recorded from a transient-local publisher"""
    reliable: bool


@dataclass(frozen=True)
class BagMessage:
    """One message as it is stored."""

    topic: str
    type: str
    stamp_ns: int
    """when it was recorded"""
    data: bytes
    """CDR, encapsulation header included: what `publish(bytes)` takes"""


def interface_folder() -> Path:
    """The folder with this package's .msg files: of the checkout, or of the installed share.

    Raises:
        FileNotFoundError: a pure Python install, which has none.
    """
    # Beside the compiled messages first: what they are compiled from is what the bytes mean.
    compiled = importlib.util.find_spec(f'{PACKAGE}.msg')
    origin = compiled.origin if compiled else None
    for start in (origin, __file__) if origin else (__file__,):
        for parent in Path(start).absolute().parents:
            for folder in (parent / 'share' / PACKAGE / 'msg', parent / 'msg'):
                if (folder / 'TrackedTarget.msg').is_file():
                    return folder
    raise FileNotFoundError(f"expected {PACKAGE}'s .msg files in a checkout or in share/{PACKAGE}/msg, found neither: "
                            'install the package with its ROS interfaces')


def own_typestore() -> Typestore:
    """The standard types of ROS 2 and this package's own, read from its .msg files."""
    store = get_typestore(Stores.ROS2_KILTED)
    types: dict[str, Any] = {}
    for file in sorted(interface_folder().glob('*.msg')):
        types.update(get_types_from_msg(file.read_text(), f'{PACKAGE}/msg/{file.stem}'))
    store.register(types)
    return store


def _bag_typestore(connections: Collection[Connection]) -> Typestore:
    """Types as the bag itself defines them, so that one recorded by another version stays readable."""
    store = get_typestore(Stores.ROS2_KILTED)
    for connection in connections:
        if connection.msgdef.format is MessageDefinitionFormat.MSG:
            types = get_types_from_msg(connection.msgdef.data, connection.msgtype)
            store.register({name: fields for name, fields in types.items() if name not in store.fielddefs})
    if any(connection.msgtype not in store.fielddefs and connection.msgtype.startswith(PACKAGE + '/')
           for connection in connections):
        own = own_typestore()
        store.register({name: fields for name, fields in own.fielddefs.items() if name not in store.fielddefs})
    return store


class BagReader:
    """Messages of one bag in the order they were recorded.

    Args:
        path: a rosbag2 folder, or one .mcap or .db3 file.

    Raises:
        BagError: there is none, or it is truncated or corrupt.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not looks_like_bag(self.path):
            got = 'nothing there' if not self.path.exists() else \
                'a folder without metadata.yaml' if self.path.is_dir() else f'a {self.path.suffix or "nameless"} file'
            raise BagError(f'expected a rosbag2 folder, a .mcap or a .db3 file at {self.path}, got {got}')
        try:
            self._reader = Reader(self.path)
            self._reader.open()
            self._connections = list(self._reader.connections)
            self._types = _bag_typestore(self._connections)
            self._compiled: dict[str, type[Any] | None] = {}
        except Exception as error:      # whatever its storage raises: apsw, struct, zstd, yaml, assertions
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> BagError:
        reason = str(error) or type(error).__name__
        return BagError(f'expected a complete bag, got {self.path} truncated or corrupt ({reason}): record it again, '
                        'or try `ros2 bag reindex`')

    @property
    def topics(self) -> dict[str, BagTopic]:
        """What is in it, by name."""
        topics = {}
        for connection in self._connections:
            assert isinstance(connection.ext, ConnectionExtRosbag2)
            offered = connection.ext.offered_qos_profiles
            topics[connection.topic] = BagTopic(
                connection.topic, connection.msgtype, connection.msgcount,
                any(q.durability is QosDurability.TRANSIENT_LOCAL for q in offered),
                all(q.reliability is not QosReliability.BEST_EFFORT for q in offered))
        return topics

    @property
    def definitions(self) -> dict[str, tuple[str, str]]:
        """Types as the bag itself defines them, for `BagWriter`: name -> (definition, hash)."""
        return {c.msgtype: (c.msgdef.data, c.digest) for c in self._connections
                if c.msgdef.format is MessageDefinitionFormat.MSG and c.digest}

    def messages(self, topics: Collection[str] = (), start_ns: int | None = None) -> Iterator[BagMessage]:
        """The stored messages of these topics (all by default), recorded at `start_ns` or later.

        Raises:
            BagError: truncated or corrupt from here on.
        """
        wanted = [c for c in self._connections if not topics or c.topic in topics]
        if not wanted:      # an empty choice means "all" to rosbags
            return
        try:
            for connection, stamp_ns, data in self._reader.messages(wanted, start=start_ns):
                yield BagMessage(connection.topic, connection.msgtype, stamp_ns, bytes(data))
        except Exception as error:      # see __init__
            raise self._unreadable(error) from error

    def deserialise(self, message: BagMessage) -> Any:
        """The message with the fields of the ROS type.

        Where ROS has the type compiled, it reads its own bytes: rosbags 0.11 expects padding after an empty array of
        8-byte values, which is not there.

        Raises:
            BagError: the type is not defined here nor in the bag, or the bytes do not fit it.
        """
        if message.type not in self._types.fielddefs:
            raise BagError(f'expected a definition of {message.type} ({message.topic}) in {self.path} or in ROS 2, '
                           'found none')
        try:
            if message.type not in self._compiled:
                self._compiled[message.type] = self._compiled_type(message.type)
            compiled = self._compiled[message.type]
            if compiled is None:
                return self._types.deserialize_cdr(message.data, message.type)
            from rclpy.serialization import deserialize_message
            return deserialize_message(message.data, compiled)
        except Exception as error:      # neither documents what it raises
            raise BagError(f'expected a {message.type} in {self.path} on {message.topic} at {message.stamp_ns} ns, got '
                           f'{len(message.data)} bytes that do not fit ({error or type(error).__name__})') from error

    def _compiled_type(self, type_name: str) -> type[Any] | None:
        """The class that ROS compiled for a type, if it is here and means the same as in the bag."""
        package, kind, name = type_name.split('/')
        digests = {c.digest for c in self._connections if c.msgtype == type_name} - {''}
        if package == PACKAGE and not digests <= {own_typestore().hash_rihs01(type_name)}:
            return None
        try:
            importlib.import_module('rclpy.serialization')
            return getattr(importlib.import_module(f'{package}.{kind}'), name)  # type: ignore[no-any-return]
        except (ImportError, AttributeError):
            return None

    def close(self) -> None:
        """Release the files."""
        if self._reader.is_open:
            self._reader.close()

    def __enter__(self) -> BagReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def require_new_bag(path: Path) -> None:
    """Raise ValueError where something lies at the place of a bag that is to be made."""
    if path.exists():
        raise ValueError(f'expected a new folder for the bag, got {path}, which exists: remove it or choose another')


class BagWriter:
    """Writes messages, serialised already, into a new bag.

    Args:
        path: folder to make.
        storage: `mcap` or `sqlite3`.
        definitions: types from elsewhere, e.g. of a bag that is copied: name -> (definition, hash).

    Raises:
        ValueError: unknown storage, or the folder exists already.
    """

    def __init__(self, path: str | Path, storage: str = 'mcap',
                 definitions: Mapping[str, tuple[str, str]] | None = None) -> None:
        if storage not in STORAGES:
            raise ValueError(f'expected storage {" or ".join(STORAGES)}, got {storage!r}')
        self.path = Path(path)
        require_new_bag(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._types = own_typestore()
        self._definitions = dict(definitions or {})
        self._writer = Writer(self.path, version=9, storage_plugin=STORAGES[storage])
        self._writer.open()
        self._topics: dict[str, Connection] = {}
        self.counts: dict[str, int] = {}

    def add_topic(self, name: str, type_name: str, *, latched: bool = False, reliable: bool = True) -> None:
        """Announce a topic before its first message.

        Raises:
            ValueError: nobody defines the type.
        """
        if name in self._topics:
            return
        definition = self._definitions.get(type_name, (None, None))
        if type_name not in self._types.fielddefs and definition[0] is None:
            raise ValueError(f'expected a standard type of ROS 2 or one of {PACKAGE} on {name}, got {type_name}')
        qos = Qos(QosHistory.KEEP_LAST, 10,
                  QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
                  QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
                  FOREVER, FOREVER, QosLiveliness.AUTOMATIC, FOREVER, False)
        self._topics[name] = self._writer.add_connection(
            name, type_name, typestore=self._types, msgdef=definition[0], rihs01=definition[1],
            offered_qos_profiles=[qos])
        self.counts[name] = 0

    def write(self, topic: str, data: bytes, stamp_ns: int) -> None:
        """Append one serialised message, recorded at `stamp_ns`."""
        self._writer.write(self._topics[topic], stamp_ns, data)
        self.counts[topic] += 1

    def close(self) -> None:
        """Complete the file; without it the bag is truncated."""
        self._writer.close()

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
