"""The picture for humans: false colour, boxes, state by colour and by text, the target's spectrum, in one image."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.calibration import Calibration
from hsi_models.drawing import (
    GREY,
    INK,
    WHITE,
    Colour,
    Curve,
    Image,
    draw_box,
    draw_chip,
    draw_plot,
    draw_text,
    text_width,
)
from hsi_models.frame import HyperspectralFrame, Quantity
from hsi_models.tracking.state import TrackState, TrackStatus

# Okabe and Ito's palette: apart for every kind of colour vision. Never colour alone: the text says it too,
# and the box is dashed where it must not be acted on alone.
STATUS_COLOURS: dict[TrackStatus, Colour] = {
    TrackStatus.INITIALISING: (86, 180, 233),
    TrackStatus.TRACKING: (0, 200, 145),
    TrackStatus.UNCERTAIN: (240, 175, 20),
    TrackStatus.LOST: (240, 100, 20),
}
SURROUNDINGS: Colour = (176, 190, 214)
PANEL: Colour = (24, 27, 33)
PANEL_HEIGHT = 184
MIN_WIDTH = 960
MOST_PIXELS = 1 << 23
"""Of an enlarged picture: 24 MiB."""


@dataclass(frozen=True, eq=False)
class Spectra:
    """What the spectrum plot shows.

    Args:
        wavelengths_nm: (C,), ascending; empty where unknown, the axis then counts bands.
        target: mean spectrum inside the box, (C,).
        surroundings: mean spectrum of the ring around it, (C,).
        quantity: name of the values' axis.
    """

    wavelengths_nm: npt.NDArray[Any]
    target: npt.NDArray[Any]
    surroundings: npt.NDArray[Any]
    quantity: str = 'raw'


def measure_spectra(frame: HyperspectralFrame, box: Box, calibration: Calibration | None = None) -> Spectra | None:
    """Mean spectra of the inner part of `box` and of the ring from 1.2 to 2 times its size.

    Args:
        frame: bands in ascending wavelength where wavelengths are known.
        box: pixels of the frame, may reach out of it.
        calibration: levels of a frame that is raw: the two means are calibrated, not the whole frame.

    Returns:
        None where no pixel of the target or of its surroundings is inside the frame.
    """
    cx, cy = box.centre
    outer = _pixels(Box.from_centre(cx, cy, 2 * box.w + 4, 2 * box.h + 4), frame)
    patch = frame.part(slice(outer[1], outer[3]), slice(outer[0], outer[2]))
    if patch.size == 0:
        return None
    ring = np.ones(patch.shape[:2], bool)
    inside = np.zeros(patch.shape[:2], bool)
    for mask, share, value in ((ring, 1.2, False), (inside, 0.7, True)):
        x1, y1, x2, y2 = _pixels(Box.from_centre(cx, cy, share * box.w, share * box.h), frame)
        mask[max(y1 - outer[1], 0):max(y2 - outer[1], 0), max(x1 - outer[0], 0):max(x2 - outer[0], 0)] = value
    if not ring.any() or not inside.any():
        return None
    means = np.stack([patch[mask].mean(axis=0, dtype=np.float64) for mask in (inside, ring)])
    quantity = frame.info.quantity
    if calibration is not None:
        means = calibration.apply(means[None].astype(np.float32))[0]
        quantity = Quantity.RADIANCE if calibration.white is None else Quantity.REFLECTANCE
    return Spectra(np.asarray(frame.info.wavelengths_nm), means[0], means[1], quantity.value)


def _pixels(box: Box, frame: HyperspectralFrame) -> tuple[int, int, int, int]:
    """Whole pixels that a box covers, at least one, clipped to the frame."""
    x1, y1, x2, y2 = box.corners
    left, top = math.floor(x1 + 0.5), math.floor(y1 + 0.5)
    right, bottom = max(math.floor(x2 + 0.5), left + 1), max(math.floor(y2 + 0.5), top + 1)
    return (min(max(left, 0), frame.width), min(max(top, 0), frame.height),
            min(max(right, 0), frame.width), min(max(bottom, 0), frame.height))


def upscale_factor(width: int, height: int = 1) -> int:
    """The smallest whole factor that makes an image of `width` pixels at least `MIN_WIDTH` wide.

    At most 16, and less where the picture, its panel included, would have more than `MOST_PIXELS`.
    """
    factor = min(max(1, math.ceil(MIN_WIDTH / width)), 16)
    while factor > 1 and (height * factor + PANEL_HEIGHT) * max(width * factor, MIN_WIDTH) > MOST_PIXELS:
        factor -= 1
    return factor


def draw_overlay(rgb: npt.NDArray[np.uint8], states: Sequence[TrackState], *, truth: Box | None = None,
                 spectra: Spectra | None = None, title: str = '', footer: str = '') -> Image:
    """Draw targets on a false-colour image, with a panel of figures below that never covers the scene.

    Args:
        rgb: false colour, (H, W, 3) uint8; not changed.
        states: targets in pixels of `rgb`; the panel tells of the first.
        truth: ground truth, drawn thin and dashed, with the overlap in the panel.
        spectra: what the plot shows; without it the plot is left out.
        title: upper left of the picture, ASCII.
        footer: last line of the panel, ASCII: frame number, latency.

    Returns:
        (H * k + 184, W * k, 3) uint8, k = `upscale_factor(W, H)`, with room for the panel beside a picture of
        few pixels (960), both sides padded to even numbers for video codecs.

    Raises:
        ValueError: `rgb` is not (H, W, 3) uint8.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise ValueError(f'expected a false-colour image of shape (H, W, 3), uint8, got {rgb.shape}, {rgb.dtype}')
    k = upscale_factor(rgb.shape[1], rgb.shape[0])
    height, width = rgb.shape[0] * k, rgb.shape[1] * k
    wide = max(width, MIN_WIDTH)
    canvas: Image = np.empty((height + PANEL_HEIGHT + height % 2, wide + wide % 2, 3), np.uint8)
    canvas[height:] = PANEL
    canvas[:, width:] = PANEL
    scene = canvas[:height, :width]
    cv2.resize(rgb, (width, height), dst=scene, interpolation=cv2.INTER_CUBIC)
    panel = canvas[height:]
    first = states[0] if states else None
    _draw_zoom(panel, rgb, first.box if first else truth, first)
    if truth is not None:
        draw_box(scene, truth.scaled(k, k), WHITE, thickness=1, dashed=True)
    for state in states:
        _draw_state(scene, state, k)
    if title:
        draw_text(scene, title, 12, 24, size=13, bold=True)
    _draw_figures(panel, first, truth, footer)
    left = 470
    if spectra is None and first is not None and first.box is None:
        draw_text(panel, 'no spectrum while there is no box', left, 34, size=11, colour=GREY, halo=False)
    if spectra is not None and len(spectra.target) > 1:
        colour = STATUS_COLOURS[first.status] if first else WHITE
        known = len(spectra.wavelengths_nm) == len(spectra.target)
        draw_plot(panel, left, 8, panel.shape[1] - left - 8, PANEL_HEIGHT - 12,
                  spectra.wavelengths_nm if known else np.arange(len(spectra.target)),
                  [Curve(spectra.target, colour, 'target'),
                   Curve(spectra.surroundings, SURROUNDINGS, 'surroundings', dashed=True)],
                  x_label='wavelength, nm' if known else 'band (wavelengths unknown)', y_label=spectra.quantity)
    return canvas


def _draw_state(scene: Image, state: TrackState, k: int) -> None:
    """Box and label of one target; a lost one has no box, it marks the border of the picture instead."""
    colour = STATUS_COLOURS[state.status]
    height, width = scene.shape[:2]
    label = f'#{state.id} {state.status.value} {state.score:.2f}'
    if state.box is None:
        cv2.rectangle(scene, (2, 2), (width - 3, height - 3), INK, 6)
        cv2.rectangle(scene, (2, 2), (width - 3, height - 3), colour, 3)
        draw_chip(scene, label, (width - text_width(label, 18, bold=True)) / 2, 36, size=18, colour=colour)
        return
    box = state.box.scaled(k, k)
    draw_box(scene, box, colour, dashed=state.status is not TrackStatus.TRACKING)
    draw_chip(scene, label, box.x - 3, box.y - 6 if box.y > 30 else box.y + box.h + 28, colour=colour)


def _draw_zoom(panel: Image, rgb: npt.NDArray[np.uint8], box: Box | None, state: TrackState | None) -> None:
    """The target enlarged, pixels left visible, since it is often a few pixels in the scene."""
    side, left, top = 144, 14, 12
    tile = np.full((side, side, 3), INK, np.uint8)
    if box is not None:
        size = max(2.0 * max(box.w, box.h), 12.0)
        scale = side / size
        shift = [side / 2 - 0.5 - scale * (centre - 0.5) for centre in box.centre]
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        cv2.warpAffine(rgb, matrix, (side, side), dst=tile, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT,
                       borderValue=INK)
        if state is not None and state.box is not None:
            framed = Box.from_centre(side / 2, side / 2, box.w * scale, box.h * scale)
            draw_box(tile, framed, STATUS_COLOURS[state.status], dashed=state.status is not TrackStatus.TRACKING)
    else:
        draw_text(tile, 'no box', (side - text_width('no box', 11)) / 2, side / 2 + 4, size=11, colour=GREY, halo=False)
    panel[top:top + side, left:left + side] = tile
    cv2.rectangle(panel, (left - 1, top - 1), (left + side, top + side), GREY, 1)


def _draw_figures(panel: Image, state: TrackState | None, truth: Box | None, footer: str) -> None:
    """Status, score and angle in words and as a bar."""
    x = 176
    if state is None:
        draw_text(panel, 'no target', x, 36, size=18, colour=GREY, bold=True, halo=False)
    else:
        colour = STATUS_COLOURS[state.status]
        draw_text(panel, state.status.value, x, 34, size=18, colour=colour, bold=True, halo=False)
        bar = 150
        cv2.rectangle(panel, (x, 48), (x + bar, 54), (58, 63, 72), -1)
        cv2.rectangle(panel, (x, 48), (x + round(bar * state.score), 54), colour, -1)
        draw_text(panel, f'score {state.score:.2f}', x + bar + 10, 56, size=11, halo=False)
        angle = math.degrees(state.spectral_angle_rad)
        overlap = state.box.iou(truth) if state.box is not None and truth is not None else math.nan
        rows = [('spectral angle', f'{angle:.1f} deg' if math.isfinite(angle) else '-'),
                ('box', f'{state.box.w:.0f} x {state.box.h:.0f} px' if state.box else 'none'),
                ('overlap with truth' if truth is not None else 'seen',
                 (f'{overlap:.2f}' if math.isfinite(overlap) else '-') if truth is not None
                 else ('now' if state.frames_since_seen == 0 else f'{state.frames_since_seen} frames ago'))]
        for i, (name, value) in enumerate(rows):
            draw_text(panel, name, x, 82 + 22 * i, size=11, colour=GREY, halo=False)
            draw_text(panel, value, x + 150, 82 + 22 * i, size=11, halo=False)
    draw_text(panel, footer, 14, PANEL_HEIGHT - 10, size=10, colour=GREY, halo=False)


def contact_sheet(images: Sequence[npt.NDArray[np.uint8]], labels: Sequence[str] = (), *, columns: int = 3,
                  tile_width: int = 480) -> Image:
    """Images of one size side by side, row by row, each with its label.

    Args:
        images: at least one, (H, W, 3) uint8.
        labels: one an image, or none; ASCII.
        columns: images a row.
        tile_width: pixels.

    Returns:
        (H', W', 3) uint8.

    Raises:
        ValueError: no images, or another number of labels.
    """
    if not images:
        raise ValueError('expected at least one image for a contact sheet, got none')
    if labels and len(labels) != len(images):
        raise ValueError(f'expected one label an image ({len(images)}), got {len(labels)}')
    columns = min(columns, len(images))
    tile_height = round(images[0].shape[0] * tile_width / images[0].shape[1])
    rows, gap = math.ceil(len(images) / columns), 6
    sheet: Image = np.full((rows * (tile_height + gap) + gap, columns * (tile_width + gap) + gap, 3), INK, np.uint8)
    for i, image in enumerate(images):
        y, x = gap + i // columns * (tile_height + gap), gap + i % columns * (tile_width + gap)
        tile = sheet[y:y + tile_height, x:x + tile_width]
        cv2.resize(image, (tile_width, tile_height), dst=tile, interpolation=cv2.INTER_AREA)
        if labels:
            width = text_width(labels[i], 12, bold=True)
            draw_text(tile, labels[i], tile_width - width - 8, 18, size=12, bold=True)
    return sheet
