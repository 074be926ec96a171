"""The overlay: what it shows is where it should be, readable on any background, and nothing stale."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.calibration import Calibration
from hsi_models.drawing import INK, draw_text, nice_limit
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.overlay import (
    PANEL_HEIGHT,
    STATUS_COLOURS,
    Spectra,
    contact_sheet,
    draw_overlay,
    measure_spectra,
    upscale_factor,
)
from hsi_models.tracking.state import TrackState, TrackStatus

BOX = Box(60.0, 30.0, 20.0, 12.0)
GREY = np.full((64, 160, 3), 128, np.uint8)


def state(status=TrackStatus.TRACKING, box=BOX, score=0.9):
    return TrackState(None if status is TrackStatus.LOST else box, box, score, status, np.zeros(0, np.float32))


def near(image, colour, tolerance=12):
    return (np.abs(image.astype(int) - colour) <= tolerance).all(axis=2)


@pytest.mark.parametrize('status', [TrackStatus.TRACKING, TrackStatus.UNCERTAIN])
def test_box_is_drawn_around_its_pixels_in_the_colour_of_the_status(status):
    rgb, factor = GREY, upscale_factor(160)
    scene = draw_overlay(rgb, [state(status)])[:64 * factor]
    rows, columns = np.nonzero(near(scene, STATUS_COLOURS[status]))
    x1, y1, x2, y2 = (factor * value for value in BOX.corners)
    # Its chip with the text lies above; the frame itself is just outside of the box.
    assert x1 - 8 <= columns[rows > y1].min() <= x1
    assert x2 - 1 <= columns[rows > y1].max() <= x2 + 8
    assert y2 - 1 <= rows.max() <= y2 + 8
    inside = scene[int(y1) + 8:int(y2) - 8, int(x1) + 8:int(x2) - 8]
    assert (inside == 128).all(), 'the target itself must not be covered'


@pytest.mark.parametrize('background', [0, 128, 255])
def test_text_stands_out_from_any_background(background):
    image = np.full((40, 200, 3), background, np.uint8)
    draw_text(image, 'TRACKING', 10, 28, size=16, bold=True, colour=(255, 170, 60))
    light, dark = near(image, (255, 170, 60)), near(image, INK, 45)
    assert light.sum() > 100
    assert dark.sum() > 100
    # Every stroke has the dark halo beside it.
    rows, columns = np.nonzero(light)
    window = np.lib.stride_tricks.sliding_window_view(np.pad(dark, 4), (9, 9)).any(axis=(2, 3))
    assert window[rows, columns].mean() > 0.9      # OpenCV 4 and 5 smooth strokes differently: .94 and more


def test_a_lost_target_has_no_box_and_marks_the_border():
    factor = upscale_factor(160)
    scene = draw_overlay(GREY, [state(TrackStatus.LOST, score=0.1)])[:64 * factor]
    x1, y1, x2, y2 = (int(factor * value) for value in BOX.corners)
    assert (scene[y1 - 12:y2 + 12, x1 - 12:x2 + 12] == 128).all()
    assert near(scene[:8], STATUS_COLOURS[TrackStatus.LOST]).sum() > 160


def test_status_differs_by_more_than_colour():
    solid, dashed = (draw_overlay(GREY, [state(status)]) for status in (TrackStatus.TRACKING, TrackStatus.UNCERTAIN))
    factor = upscale_factor(160)
    row = int(BOX.corners[3] * factor) + 1
    columns = slice(int(BOX.x * factor), int((BOX.x + BOX.w) * factor))
    assert near(solid[row:row + 2, columns], STATUS_COLOURS[TrackStatus.TRACKING], 40).any(axis=0).all()
    assert not near(dashed[row:row + 2, columns], STATUS_COLOURS[TrackStatus.UNCERTAIN], 40).any(axis=0).all()


@pytest.mark.parametrize(('shape', 'factor'), [
    ((256, 512), 2), ((64, 160), 6), ((64, 60), 16), ((1000, 500), 2), ((1200, 900), 2), ((4000, 600), 1),
    ((16384, 1), 1), ((8000, 200), 1), ((2000, 40), 4)])
def test_a_picture_is_not_enlarged_beyond_what_can_be_shown(shape, factor):
    assert upscale_factor(shape[1], shape[0]) == factor
    image = draw_overlay(np.zeros((*shape, 3), np.uint8), [])
    assert image.nbytes <= 48 << 20


@pytest.mark.parametrize('shape', [(17, 33), (64, 160), (217, 409), (256, 512), (1200, 900)])
def test_size_suits_video_codecs_and_keeps_pixels_whole(shape):
    image = draw_overlay(np.zeros((*shape, 3), np.uint8), [])
    factor = upscale_factor(shape[1], shape[0])
    assert image.shape[0] % 2 == image.shape[1] % 2 == 0
    assert image.shape[0] - PANEL_HEIGHT - shape[0] * factor in (0, 1)
    assert image.shape[1] - max(shape[1] * factor, 960) in (0, 1)


def test_input_is_left_alone_and_drawing_is_reproducible():
    rgb = np.random.default_rng(0).integers(0, 255, (64, 160, 3), np.uint8)
    before = rgb.copy()
    spectra = Spectra(np.linspace(460, 620, 16), np.linspace(1, 9, 16), np.linspace(9, 1, 16), 'raw')
    arguments = {'truth': BOX, 'spectra': spectra, 'title': 'title', 'footer': 'frame 1'}
    first, second = (draw_overlay(rgb, [state()], **arguments) for _ in range(2))
    np.testing.assert_array_equal(rgb, before)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize('box', [Box(-30, -20, 40, 30), Box(150, 55, 60, 60), Box(1000, 1000, 5, 5), Box(3, 2, .1, .1)])
def test_boxes_that_reach_out_of_the_image_are_no_error(box):
    draw_overlay(GREY, [state(box=box)], truth=box)


@pytest.mark.parametrize('status', [TrackStatus.TRACKING, TrackStatus.UNCERTAIN])
def test_a_box_without_end_costs_no_more_than_a_large_one(status):
    image = np.zeros((60, 120, 3), np.uint8)
    edge = {}
    for size in (1e4, 1e18):
        box = Box(20, -size / 2, size, size)
        edge[size] = draw_overlay(image, [state(status, box)], truth=box)
    scene = slice(0, 60 * upscale_factor(120))
    np.testing.assert_array_equal(edge[1e4][scene], edge[1e18][scene])
    assert edge[1e18][scene].any()


def test_spectra_of_target_and_surroundings():
    data = np.full((40, 40, 3), 10, np.uint16)
    data[10:20, 12:22] = (100, 200, 300)
    frame = HyperspectralFrame(data, SpectralInfo((500.0, 550.0, 600.0)))
    spectra = measure_spectra(frame, Box(12, 10, 10, 10))
    np.testing.assert_array_equal(spectra.target, (100, 200, 300))
    np.testing.assert_array_equal(spectra.surroundings, (10, 10, 10))
    np.testing.assert_array_equal(spectra.wavelengths_nm, (500, 550, 600))


def test_spectra_are_calibrated_where_levels_are_known():
    data = np.full((40, 40, 2), (110, 210), np.uint16)
    levels = Calibration(np.array([10.0, 10.0]), np.array([210.0, 410.0]))
    spectra = measure_spectra(HyperspectralFrame(data), Box(12, 10, 10, 10), levels)
    np.testing.assert_allclose(spectra.target, (0.5, 0.5), rtol=1e-6)
    assert spectra.quantity == 'reflectance'


def test_no_spectra_for_a_box_outside_the_frame():
    frame = HyperspectralFrame(np.ones((20, 20, 3), np.uint8))
    assert measure_spectra(frame, Box(100, 100, 5, 5)) is None


def test_unknown_wavelengths_are_plotted_by_band_number():
    spectra = Spectra(np.empty(0), np.arange(8.0), np.full(8, np.nan))
    draw_overlay(GREY, [state()], spectra=spectra)


def test_contact_sheet_places_images_row_by_row():
    images = [np.full((30, 60, 3), 20 * i, np.uint8) for i in range(1, 6)]
    sheet = contact_sheet(images, columns=2, tile_width=60)
    assert sheet.shape == (3 * 36 + 6, 2 * 66 + 6, 3)
    assert (sheet[6:36, 72:132] == 40).all()
    assert (sheet[78:108, 6:66] == 100).all()


@pytest.mark.parametrize(('call', 'message'), [
    (lambda: draw_overlay(np.zeros((4, 4), np.uint8), []), r'expected a false-colour image of shape \(H, W, 3\)'),
    (lambda: draw_overlay(np.zeros((4, 4, 3)), []), 'uint8, got .*float64'),
    (lambda: contact_sheet([]), 'expected at least one image'),
    (lambda: contact_sheet([GREY], ['a', 'b']), r'expected one label an image \(1\), got 2'),
])
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(('value', 'limit'), [(0.31, 0.5), (0.0, 1.0), (1.0, 1.0), (7.6, 10.0), (float('nan'), 1.0)])
def test_axis_limit_is_a_round_number_above_the_values(value, limit):
    assert nice_limit(value) == pytest.approx(limit)


@pytest.mark.parametrize('shape', [(1, 1), (3, 8), (40, 2), (8, 30)])
def test_a_picture_of_few_pixels_has_room_for_the_panel(shape):
    rgb = np.full((*shape, 3), 128, np.uint8)
    spectra = Spectra(np.linspace(460, 600, 16), np.ones(16), np.zeros(16))
    for one in (state(box=Box(0, 0, *shape[::-1])), state(TrackStatus.LOST)):
        out = draw_overlay(rgb, [one], truth=BOX, spectra=spectra, title='a title that is longer than the picture')
        assert out.shape == (16 * shape[0] + PANEL_HEIGHT, 960, 3)
        assert near(out, STATUS_COLOURS[one.status]).any()
