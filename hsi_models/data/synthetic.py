"""A scene made by code alone: a car drives through a landscape among cars that only look like it.

It needs no data file, so that a demo, a test or a bag can be made anywhere. The target passes look-alikes of the
same false colour but another paint, and once a lap disappears below trees for about ten frames.
"""
from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.camera import Camera
from hsi_models.colour import band_weights
from hsi_models.data.simulation.landscape import CAR_MATERIALS, car_sprite, paint_landscape
from hsi_models.data.simulation.materials import hidden_difference, reflectance
from hsi_models.frame import Quantity

Array = npt.NDArray[Any]

FRAME_RATE_HZ = 25.0
LAP_FRAMES = 180                # the target's way round, so that a sequence of any length goes on
PAN_PX = 12                     # the camera wanders by up to this many pixels of the cube
NOISE_BANK_PX = 64
STRIP_CELLS = 8
SHADOW_DEPTH = 0.55
DARK_DN, BIT_DEPTH = 12.0, 10
FULL_WELL_ELECTRONS = 9000.0    # of the CMV2000 behind the 4x4 and 5x5 filters, at 1023 DN
READ_NOISE_DN = 1.2
HIDDEN_BELOW = 0.1              # share of the target's area still visible
SCENES = ('demo', 'open')

_IMEC_4X4_NM = (482, 493, 470, 465, 568, 581, 553, 544, 611, 620, 603, 590, 530, 539, 515, 503)


def synthetic_camera(name: str = 'vis16') -> Camera:
    """The camera of a synthetic scene, complete with reference levels.

    Args:
        name: `vis16` and `rednir15` (4 x 4 mosaics; the latter's last cell carries no band), `nir25` (5 x 5
            mosaic), `vis31` and `visnir61` (cubes).

    Raises:
        ValueError: no such camera.
    """
    sides, centres = {
        'vis16': (4, np.array(_IMEC_4X4_NM, float)),
        # Centres of these two are even steps in the row order of the 4x4 pattern above: nominal.
        'rednir15': (4, np.append(np.linspace(600, 850, 15)[np.argsort(np.argsort(_IMEC_4X4_NM[:15]))], np.nan)),
        'nir25': (5, np.linspace(665, 960, 25)[(np.arange(25) * 7 + 3) % 25]),
        'vis31': (0, np.linspace(400, 700, 31)),
        'visnir61': (0, np.linspace(400, 1000, 61)),
    }.get(name, (-1, np.empty(0)))
    if sides < 0:
        raise ValueError(f'expected a camera of vis16, nir25, rednir15, vis31, visnir61, got {name!r}')
    # Quantum efficiency of silicon and the lamp fall to both ends: bands saturate at different illumination.
    response = np.nan_to_num(0.45 + 0.55 * np.exp(-0.5 * ((centres - 600) / 190) ** 2))
    return Camera(model=f'synthetic-{name}', serial='0', wavelengths_nm=tuple(centres),
                  fwhm_nm=tuple(np.full(len(centres), 15.0)), nominal=name in ('rednir15', 'nir25'),
                  quantity=Quantity.RAW, bit_depth=BIT_DEPTH, mosaic_rows=sides, mosaic_columns=sides,
                  dark_levels=tuple(np.full(len(centres), DARK_DN)),
                  white_levels=tuple(DARK_DN + 980.0 * response), exposure_s=0.008)


class SyntheticSequence:
    """A sequence (see `hsi_models.data.sequence.Sequence`) computed frame by frame; equal for equal arguments.

    Args:
        seed: of landscape, paths and noise.
        frames: number of frames N; the target's way is periodic.
        size: (H, W) of the cube in pixels, each at least 64.
        camera: name for `synthetic_camera`.
        scene: `demo`, or `open`: the same without the trees that hide the target.

    Raises:
        ValueError: an argument out of range.
    """

    def __init__(self, seed: int = 0, frames: int = 100, size: tuple[int, int] = (256, 512), camera: str = 'vis16',
                 scene: str = 'demo') -> None:
        if frames < 1:
            raise ValueError(f'expected frames >= 1, got {frames}')
        if min(size) < 64:
            raise ValueError(f'expected a size of at least 64 x 64 pixels (H, W), got {size[0]} x {size[1]}')
        if scene not in SCENES:
            raise ValueError(f'expected a scene of {", ".join(SCENES)}, got {scene!r}')
        self.name = f'synthetic_{scene}_{camera}_{seed}'
        self.camera = synthetic_camera(camera)
        self.frame_rate_hz = FRAME_RATE_HZ
        self.attributes = ('camouflage', 'scale', 'illumination') + (('occlusion',) if scene == 'demo' else ())
        self._seed, self._frames, self._size = seed, frames, size
        rng = np.random.default_rng([seed, 1])
        self._landscape = paint_landscape(rng, (size[0] + 2 * PAN_PX, size[1] + 2 * PAN_PX), trees=scene == 'demo')
        self._phases = rng.uniform(0, 2 * np.pi, 4)
        self._prepare_spectra(rng)
        self._prepare_levels(rng)
        self.boxes = np.array([self._box(index) for index in range(frames)])

    def __len__(self) -> int:
        return self._frames

    def stamp_ns(self, index: int) -> int:
        """Time of exposure of frame `index`, ns: index / frame rate from 1 s on."""
        return 1_000_000_000 + round(index * 1e9 / FRAME_RATE_HZ)

    def image(self, index: int) -> npt.NDArray[np.uint16]:
        """Frame `index`: a mosaic (rows * H, columns * W), or a cube (H, W, C) where the camera has none; uint16.

        Raises:
            IndexError: no such frame.
        """
        if not 0 <= index < self._frames:
            raise IndexError(f'expected a frame 0..{self._frames - 1}, got {index}')
        height, width = self._size
        rows, columns = self._cell
        dy, dx = self._pan(index)
        view = self._ground[dy:dy + height, :, dx * columns:(dx + width) * columns].copy()
        for pose, spectra in self._cars(index):
            self._draw(view, pose, spectra, dy, dx)
        image = self._expose(view.reshape(height * rows, width * columns), index)
        return image if self.camera.is_mosaic else image.reshape(height, width, columns)

    def _expose(self, reflectance_on_sensor: Array, index: int) -> npt.NDArray[np.uint16]:
        """Light, shot and read noise, dark level, quantisation and saturation; by strips, which stay in the cache."""
        rng = np.random.default_rng([self._seed, 2, index])
        top, left = rng.integers(0, NOISE_BANK_PX, 2)
        time_s = index / FRAME_RATE_HZ
        gain = 1.0 + 0.10 * np.sin(0.9 * time_s + self._phases[2])
        warmth = 0.10 * np.sin(0.5 * time_s + self._phases[3])
        dn_per_electron = 2 ** BIT_DEPTH / FULL_WELL_ELECTRONS
        height, width = reflectance_on_sensor.shape
        rows, columns = self._cell
        light = gain * (1 + warmth * self._tilt).reshape(self._cell)
        light = np.tile(light, (STRIP_CELLS, width // columns)).astype(np.float32)
        image = np.empty((height, width), np.uint16)
        for start in range(0, height, STRIP_CELLS * rows):
            strip = slice(start, start + STRIP_CELLS * rows)
            signal = cv2.multiply(reflectance_on_sensor[strip], self._white[strip])
            signal = cv2.multiply(signal, light[:len(signal)], dst=signal)
            sigma = cv2.sqrt(cv2.addWeighted(signal, dn_per_electron, signal, 0.0, READ_NOISE_DN ** 2))
            noise = self._noise[top + start:top + start + len(signal), left:left + width]
            signal = cv2.add(signal, cv2.multiply(sigma, noise, dst=sigma), dst=signal)
            exposed = cv2.addWeighted(signal, 1.0, signal, 0.0, DARK_DN, dtype=cv2.CV_16U)
            np.minimum(exposed, np.uint16(2 ** BIT_DEPTH - 1), out=image[strip])
        return image

    def _prepare_spectra(self, rng: np.random.Generator) -> None:
        """Reflectance of the ground and of the paints in the bands of the camera.

        The ground lies in memory as (H, rows, W * columns): as a mosaic does, so that it never has to be rearranged;
        a cube is the same with one row of C columns.
        """
        centres = np.asarray(self.camera.wavelengths_nm)
        cell = self.camera.mosaic_rows or 1, self.camera.mosaic_columns or len(centres)
        known = np.isfinite(centres)

        def bands(spectrum: Array) -> Array:
            out = np.zeros(len(centres), np.float32)
            out[known] = spectrum
            return out

        self._cell = cell
        land = self._landscape
        spectra = np.stack([bands(reflectance(name, centres[known])) for name in land.materials])
        cube = land.abundance @ spectra
        self._ground = self._as_sensor_rows(cube)
        others = [bands(reflectance(name, centres[known])) for name in CAR_MATERIALS]
        salmon = bands(0.45 * reflectance('red_paint', centres[known]) + np.float32(0.14))
        difference = self._hidden_difference(rng)
        self._paints = {name: np.stack([paint, *others]) for name, paint in {
            'target': salmon + 0.07 * difference, 'twin': salmon - 0.07 * difference,
            'white': bands(reflectance('white_paint', centres[known])),
            'blue': bands(reflectance('blue_paint', centres[known]))}.items()}
        self._sprite = car_sprite(rng)

    def _hidden_difference(self, rng: np.random.Generator) -> Array:
        """What no false colour shows, neither of the image nor of its reflectance: (C,), largest value 1."""
        order = self.camera.band_order(len(self.camera.wavelengths_nm))
        info = self.camera.spectral_info(len(self.camera.wavelengths_nm))
        weights = band_weights(info, len(order)).T
        white = np.asarray(self.camera.white_levels)[order] - np.asarray(self.camera.dark_levels)[order]
        out = np.zeros(len(self.camera.wavelengths_nm), np.float32)
        out[order] = hidden_difference(info.wavelengths_nm, np.concatenate([weights, weights * white]), rng)
        return out

    def _as_sensor_rows(self, cube: Array) -> Array:
        """(H, W, C) -> (H, rows, W * columns)."""
        height, width = cube.shape[:2]
        rows, columns = self._cell
        return cube.reshape(height, width, rows, columns).transpose(0, 2, 1, 3).reshape(height, rows, width * columns)

    def _prepare_levels(self, rng: np.random.Generator) -> None:
        """White level of each photosite, slope of the light's colour a band, and the noise bank."""
        height, width = self._size
        rows, columns = self._cell
        centres = np.asarray(self.camera.wavelengths_nm)
        white = np.asarray(self.camera.white_levels) - np.asarray(self.camera.dark_levels)
        middle = (np.nanmax(centres) + np.nanmin(centres)) / 2
        self._tilt = np.nan_to_num((centres - middle) / np.ptp(centres[np.isfinite(centres)]))
        y, x = np.mgrid[-1:1:height * 1j, -1:1:width * 1j]
        vignetting = 1 - 0.12 * (y ** 2 + x ** 2)
        levels = (vignetting[:, None, :, None] * white.reshape(1, rows, 1, columns)).reshape(height * rows, -1)
        self._white = (levels * (1 + 0.008 * rng.standard_normal(levels.shape, np.float32))).astype(np.float32)
        self._noise = rng.standard_normal(np.add(self._white.shape, NOISE_BANK_PX), np.float32)

    def _pan(self, index: int) -> tuple[int, int]:
        """Offset (y, x) of the view in the landscape, pixels of the cube, 0..2 PAN_PX."""
        sway = np.sin(2 * np.pi * index / np.array([230.0, 170.0]) + self._phases[:2])
        dy, dx = np.rint(PAN_PX * (1 + sway)).astype(int)
        return int(dy), int(dx)

    def _cars(self, index: int) -> list[tuple[npt.NDArray[np.float64], Array]]:
        """What moves, farthest first: matrix from the sprite into the landscape, and spectra."""
        lap = index / LAP_FRAMES
        moves = [(lap, 1, 'target'), (lap - 0.09, 1, 'twin'), (lap + 0.12, 1, 'blue'), (lap + 0.5, 1, 'white'),
                 (0.36 - 0.8 * lap, -1, 'twin'), (0.58 - 0.8 * lap, -1, 'twin'), (0.93 - 0.8 * lap, -1, 'white')]
        return [(self._landscape.car_pose(position % 1.0, lane), self._paints[paint])
                for position, lane, paint in moves]

    def _coverage(self, pose: npt.NDArray[np.float64], flags: int = cv2.INTER_LINEAR) -> tuple[slice, slice, Array]:
        """The sprite in the landscape: rows, columns and weights (h, w, 4); the last channel is the opacity."""
        height, width = self._landscape.canopy.shape
        h, w = self._sprite.shape[:2]
        corners = pose @ np.array([[0, w, w, 0], [0, 0, h, h], [1, 1, 1, 1]])
        x0, y0 = np.clip(np.floor(corners.min(1)).astype(int) - 1, 0, (width - 1, height - 1))
        x1, y1 = np.clip(np.ceil(corners.max(1)).astype(int) + 1, (x0 + 1, y0 + 1), (width, height))
        moved = pose.copy()
        moved[:, 2] -= x0, y0
        patch = cv2.warpAffine(self._sprite, moved, (int(x1 - x0), int(y1 - y0)), flags=flags)
        return slice(y0, y1), slice(x0, x1), patch

    def _draw(self, view: Array, pose: npt.NDArray[np.float64], spectra: Array, dy: int, dx: int) -> None:
        """Put a car and its shadow into the view, below the trees."""
        shadow = pose.copy()
        shadow[:, 2] += 3 * self._landscape.unit
        for matrix, casts_shadow in ((shadow, True), (pose, False)):
            rows, columns, patch = self._coverage(matrix)
            top, left = max(rows.start, dy), max(columns.start, dx)
            bottom, right = min(rows.stop, dy + self._size[0]), min(columns.stop, dx + self._size[1])
            if bottom <= top or right <= left:
                continue
            patch = patch[top - rows.start:bottom - rows.start, left - columns.start:right - columns.start]
            open_sky = 1 - self._landscape.canopy[top:bottom, left:right]
            opacity = patch[..., 3] * open_sky * (SHADOW_DEPTH if casts_shadow else 1.0)
            cells = self._cell[1]
            target = view[top - dy:bottom - dy, :, (left - dx) * cells:(right - dx) * cells]
            target *= np.repeat(1 - opacity, cells, axis=1)[:, None]
            if not casts_shadow:
                target += self._as_sensor_rows((patch[..., :3] * open_sky[..., None]) @ spectra)

    def _box(self, index: int) -> tuple[float, float, float, float]:
        """Box of the target in frame `index`, the part in the picture; nan while it cannot be seen."""
        rows, columns, patch = self._coverage(self._cars(index)[0][0])
        dy, dx = self._pan(index)
        opacity = patch[..., 3]
        seen = opacity * (1 - self._landscape.canopy[rows, columns])
        ys, xs = np.nonzero(opacity > 0.5)
        if not len(ys) or seen.sum() < HIDDEN_BELOW * opacity.sum():
            return (np.nan,) * 4
        x0, x1 = np.clip([xs.min() + columns.start - dx, xs.max() + 1 + columns.start - dx], 0, self._size[1])
        y0, y1 = np.clip([ys.min() + rows.start - dy, ys.max() + 1 + rows.start - dy], 0, self._size[0])
        return (float(x0), float(y0), float(x1 - x0), float(y1 - y0)) if x1 > x0 and y1 > y0 else (np.nan,) * 4
