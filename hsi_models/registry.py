"""The one place that lists trackers and super-resolvers: name[:preset] to a factory, imported when asked for."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import Any, Literal, cast

from hsi_models.runtime.options import NetworkOptions
from hsi_models.tracking.state import Tracker

FEWEST_BANDS = 2        # that every network takes
Kind = Literal['tracker', 'super_resolver']


@dataclass(frozen=True)
class Entry:
    """One row of the registry.

    Args:
        name: without preset.
        kind: tracker or super_resolver.
        factory: `module:attribute` of a callable (device=..., **options), imported on first use.
        preset: variant, '' where there is only one.
        options: given to the factory before the caller's.
        alias_of: `module:attribute` of a callable (weights) that returns the name this entry stands for here, '' for an
            entry of its own.
        measure: `module:attribute` of a callable (bands, scale, **options) that returns (parameters, gmacs), ''
            for a model without a network: no parameters, gmacs unknown.
        weights: `module:attribute` of a callable (scale, **options) that returns the sha256 of the shipped weights or
            None, '' where there are none.
        note: what a user should know.
        ready: works as it is; False: the caller has to give a file of weights.
    """

    name: str
    kind: Kind
    factory: str
    preset: str = ''
    options: dict[str, Any] = field(default_factory=dict)
    alias_of: str = ''
    measure: str = ''
    weights: str = ''
    note: str = ''
    ready: bool = True

    @property
    def full_name(self) -> str:
        """`name:preset`, or the name where there is no preset."""
        return f'{self.name}:{self.preset}' if self.preset else self.name


_SR = 'hsi_models.superresolution.factory'


def _super_resolver(name: str, preset: str, note: str) -> Entry:
    return Entry(name, 'super_resolver', f'{_SR}:create_super_resolver', preset,
                 options={'name': f'{name}:{preset}' if preset else name}, measure=f'{_SR}:measure',
                 weights=f'{_SR}:shipped_sha256', note=note)


def _network(name: str, preset: str) -> Entry:
    module, shipped = 'hsi_models.tracking.network_trackers', preset == 'fast'
    return Entry(name, 'tracker', f'{module}:create', preset, options={'network': f'{name}:{preset}'},
                 measure=f'{module}:measure', weights=f'{module}:shipped_sha256', ready=shipped,
                 note='as published but for a light backbone; weights trained lightly, on a CPU' if shipped else
                 'as published; no trained weights are shipped: give weights=PATH')


ENTRIES: tuple[Entry, ...] = (
    Entry('auto', 'tracker', 'hsi_models.tracking.default:create', alias_of='hsi_models.tracking.default:chosen',
          measure='hsi_models.tracking.auto_tracker:measure', weights='hsi_models.tracking.auto_tracker:shipped_sha256',
          note='the default; spectral_dcf where its weights or PyTorch are missing'),
    Entry('spectral_dcf', 'tracker', 'hsi_models.tracking.spectral_dcf:create',
          note='correlation filter on spatial features and the target probability image; needs no weights'),
    *(_network(name, preset) for name in ('ssf_net', 'bcr_net') for preset in ('fast', 'paper')),
    _super_resolver('cst_eigen', '', 'a small CST over eigen-images of the frame, back-projected'),
    _super_resolver('cst', 'fast', 'CST blocks over eigen-images, back-projected'),
    _super_resolver('cst', 'paper', 'CST as published; train it first'),
    _super_resolver('back_projection', '', 'bicubic, made to agree with its input; without learning'),
    _super_resolver('bicubic', '', 'the yardstick; without learning'),
)


def create_tracker(name: str = 'auto', *, device: str = 'cpu', **options: Any) -> Tracker:
    """A new tracker.

    Args:
        name: `NAME` or `NAME:PRESET`, see `tracker_names`.
        device: where a network runs, `cpu` or `cuda[:N]`; trackers without a network run on the CPU.
        options: fields of the tracker's configuration; unknown ones are refused. Of a network: `weights`, `runtime`
            and `precision`, see `runtime.options.NetworkOptions`.

    Raises:
        ValueError: no such tracker or option.
    """
    entry = _find(name, 'tracker')
    of_networks = sorted(options.keys() & {item.name for item in fields(NetworkOptions)})
    if of_networks and not entry.measure:
        raise ValueError(f'expected no {" or ".join(of_networks)} for {entry.full_name}, which has no network, got '
                         f'{", ".join(repr(options[option]) for option in of_networks)}')
    return cast(Tracker, _create(entry, device, options))


def create_super_resolver(name: str, *, device: str = 'cpu', **options: Any) -> Any:
    """A new super-resolver; arguments as in `create_tracker`.

    Raises:
        ValueError: no such super-resolver or option.
    """
    return _create(_find(name, 'super_resolver'), device, options)


def tracker_names() -> tuple[str, ...]:
    """Names that `create_tracker` makes as they are, with presets: no networks without shipped weights."""
    return tuple(entry.full_name for entry in ENTRIES if entry.kind == 'tracker' and entry.ready)


def super_resolver_names() -> tuple[str, ...]:
    """Names that `create_super_resolver` knows, with presets."""
    return tuple(entry.full_name for entry in ENTRIES if entry.kind == 'super_resolver')


def resolve(name: str, weights: str = '') -> str:
    """The name that an alias stands for here (`auto` without its weights: `spectral_dcf`); other names unchanged.

    Args:
        name: of a tracker.
        weights: that it is given; '' for the shipped ones.

    Raises:
        ValueError: no such tracker.
    """
    entry = _find(name, 'tracker')
    return str(_load(entry.alias_of)(weights)) if entry.alias_of else entry.full_name


def require_known(name: str, kind: Kind) -> None:
    """Raise ValueError where there is no model of this name and kind; nothing is loaded."""
    _find(name, kind)


def models(bands: int = 16, scale: int = 2) -> list[dict[str, Any]]:
    """What exists: one dictionary {name, kind, preset, parameters, gmacs, weights, note} an entry.

    Args:
        bands: C, for models whose size depends on it.
        scale: super-resolution factor, likewise.

    Returns:
        parameters: a count; gmacs: 1e9 multiply-accumulates a frame, None where it is not a network; both None for a
        network that cannot take so few bands;
        weights: sha256 or None.

    Raises:
        ValueError: no band at all, or no such scale.
    """
    if bands < 1:
        raise ValueError(f'expected bands >= 1, got {bands}')
    rows = []
    for entry in ENTRIES:
        parameters, gmacs = _measure(entry, bands, scale)
        weights = _load(entry.weights)(scale, **entry.options) if entry.weights else None
        rows.append({'name': entry.name, 'kind': entry.kind, 'preset': entry.preset or None,
                     'parameters': parameters, 'gmacs': gmacs, 'weights': weights, 'note': entry.note})
    return rows


def _measure(entry: Entry, bands: int, scale: int) -> tuple[int | None, float | None]:
    if not entry.measure:
        return 0, None
    try:
        parameters, gmacs = _load(entry.measure)(bands, scale, **entry.options)
        return parameters, gmacs
    except (ArithmeticError, RuntimeError):
        if bands >= FEWEST_BANDS:
            raise
        return None, None       # it makes groups of bands, say


def _find(name: str, kind: Kind) -> Entry:
    entries = [entry for entry in ENTRIES if entry.kind == kind]
    for entry in entries:
        if entry.full_name == name:
            return entry
    for entry in entries:      # a name alone means its first preset
        if entry.name == name:
            return entry
    known = ', '.join(entry.full_name for entry in entries) or 'none yet'
    raise ValueError(f'expected a {kind.replace("_", "-")} ({known}), got {name!r}')


def _create(entry: Entry, device: str, options: dict[str, Any]) -> Any:
    return _load(entry.factory)(device=device, **{**entry.options, **options})


def _load(path: str) -> Callable[..., Any]:
    module, _, attribute = path.partition(':')
    return cast(Callable[..., Any], getattr(import_module(module), attribute))
