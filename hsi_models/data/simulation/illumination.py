"""Light over the bands and over time: daylight, cloud, a lamp switched on, flicker."""
from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

GRID_NM: Array = np.arange(400.0, 1001.0, 10.0)
"""The wavelengths of everything simulated, nm, (L,) = (61,)."""

COURSES = ('steady', 'drift', 'cloud', 'shadow', 'lamp', 'flicker')

# Components of daylight, 400-830 nm in steps of 10 nm: CIE 15, table 5.
_S0 = (94.8, 104.8, 105.9, 96.8, 113.9, 125.6, 125.5, 121.3, 121.3, 113.5, 113.1, 110.8, 106.5, 108.8, 105.3, 104.4,
       100.0, 96.0, 95.1, 89.1, 90.5, 90.3, 88.4, 84.0, 85.1, 81.9, 82.6, 84.9, 81.3, 71.9, 74.3, 76.4, 63.3, 71.7,
       77.0, 65.2, 47.7, 68.6, 65.0, 66.0, 61.0, 53.3, 58.9, 61.9)
_S1 = (43.4, 46.3, 43.9, 37.1, 36.7, 35.9, 32.6, 27.9, 24.3, 20.1, 16.2, 13.2, 8.6, 6.1, 4.2, 1.9, 0.0, -1.6, -3.5,
       -3.5, -5.8, -7.2, -8.6, -9.5, -10.9, -10.7, -12.0, -14.0, -13.6, -12.0, -13.3, -12.9, -10.6, -11.6, -12.2,
       -10.2, -7.8, -11.2, -10.4, -10.6, -9.7, -8.3, -9.3, -9.8)
_S2 = (-1.1, -0.5, -0.7, -1.2, -2.6, -2.9, -2.8, -2.6, -2.6, -1.8, -1.5, -1.3, -1.2, -1.0, -0.5, -0.3, 0.0, 0.2, 0.5,
       2.1, 3.2, 4.1, 4.7, 5.1, 6.7, 7.3, 8.6, 9.8, 10.2, 8.3, 9.6, 8.5, 7.0, 7.6, 8.0, 6.7, 5.2, 7.4, 6.8, 7.0, 6.4,
       5.5, 6.1, 6.5)


def planck(temperature_k: float) -> Array:
    """Spectral radiance of a black body on `GRID_NM`, relative to 560 nm, shape (L,)."""
    def radiance(nm: Array) -> Array:
        out: Array = nm ** -5.0 / np.expm1(1.4388e7 / (nm * temperature_k))
        return out
    spectrum: Array = radiance(GRID_NM) / radiance(np.array(560.0))
    return spectrum


def daylight(temperature_k: float) -> Array:
    """Daylight of a correlated colour temperature on `GRID_NM`, 1 at 560 nm, shape (L,).

    To 830 nm the CIE D series (CIE 15, section 4.1.2); beyond, where that is not defined, a black body of 5800 K with
    the absorption of water vapour near 940 nm.

    Raises:
        ValueError: outside 4000-25000 K, where the D series is defined.
    """
    if not 4000 <= temperature_k <= 25000:
        raise ValueError(f'expected a daylight of 4000..25000 K, got {temperature_k:g} K')
    t = 1e3 / temperature_k
    x = (-4.6070 * t ** 3 + 2.9678 * t ** 2 + 0.09911 * t + 0.244063 if temperature_k <= 7000 else
         -2.0064 * t ** 3 + 1.9018 * t ** 2 + 0.24748 * t + 0.237040)
    y = -3 * x ** 2 + 2.87 * x - 0.275
    divisor = 0.0241 + 0.2562 * x - 0.7341 * y
    m1 = (-1.3515 - 1.7703 * x + 5.9114 * y) / divisor
    m2 = (0.0300 - 31.4424 * x + 30.0717 * y) / divisor
    visible = np.array(_S0) + m1 * np.array(_S1) + m2 * np.array(_S2)
    infrared = planck(5800) * (1 - 0.45 * np.exp(-0.5 * ((GRID_NM - 942) / 14) ** 2))
    infrared *= visible[-4:].mean() / infrared[len(visible) - 4:len(visible)].mean()
    spectrum: Array = np.concatenate([visible, infrared[len(visible):]]) / visible[16]
    return spectrum


def illumination_course(kind: str, frames: int, rng: np.random.Generator, frame_rate_hz: float = 25.0,
                        strength: float = 1.0) -> Array:
    """Light of each frame relative to the light under which the white reference was taken.

    Args:
        kind: `steady`; `drift`, slow change of strength and colour temperature; `cloud`, darker and bluer for a
            while; `shadow`, a fast and deep cloud lit by blue sky only; `lamp`, a tungsten lamp switched on;
            `flicker`, mains frequency aliased by the frame rate.
        frames: number of frames N.
        rng: source of everything random.
        frame_rate_hz: frames per second.
        strength: 0..2, how strong the change is; 1 is what is seen outdoors within a few seconds.

    Returns:
        Factor a frame and wavelength of `GRID_NM`, shape (N, L), about 1.

    Raises:
        ValueError: no such kind.
    """
    if kind not in COURSES:
        raise ValueError(f'expected an illumination of {", ".join(COURSES)}, got {kind!r}')
    time = np.arange(frames) / frame_rate_hz
    share = np.linspace(0, 1, frames)
    sun = daylight(5500)
    if kind == 'steady':
        return np.ones((frames, len(GRID_NM)))
    if kind == 'flicker':
        beat_hz, phase = rng.uniform(1.0, 9.0), rng.uniform(0, 2 * np.pi)
        gain = 1 + 0.08 * strength * np.sin(2 * np.pi * beat_hz * time + phase)
        return gain[:, None] * np.ones(len(GRID_NM))
    if kind == 'lamp':
        on = np.where(share >= rng.uniform(0.25, 0.6), 1.0, 0.0)
        lamp = planck(2900) / sun
        mix: Array = 1 + strength * rng.uniform(0.08, 0.22) * on[:, None] * lamp / lamp[:31].mean()
        return mix
    if kind == 'drift':
        wave = np.sin(2 * np.pi * (rng.uniform(0.3, 0.8) * share + rng.uniform()))
        wave -= wave[0]
        gain, blue = 1 + 0.15 * strength * wave, 0.25 * strength * wave
    else:
        depth, width = (0.35, 0.18) if kind == 'cloud' else (0.6, 0.07)
        edge = 1 / (1 + np.exp(-(np.abs(share - rng.uniform(0.4, 0.7)) - width) / (0.03 if kind == 'cloud' else 0.012)))
        gain, blue = 1 - depth * strength * (1 - edge), (0.5 if kind == 'cloud' else 1.0) * strength * (1 - edge)
    sky = daylight(9500) / sun
    colour = 1 + np.clip(blue, -0.9, 1.5)[:, None] * (sky / sky[:31].mean() - 1)
    course: Array = np.clip(gain, 0.15, None)[:, None] * colour
    return course
