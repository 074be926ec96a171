"""Any camera in front of the networks: few bands, NIR, RedNIR, unknown wavelengths; every band counts."""
from __future__ import annotations

import warnings
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.camera import Camera
from hsi_models.data.cameras import hotc_camera
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.pipeline import TrackingPipeline
from hsi_models.runtime.eager import EagerExecutor
from hsi_models.runtime.export import build_network
from hsi_models.runtime.paths import network_paths
from hsi_models.tracking.network_matcher import HyperspectralMatcher
from hsi_models.tracking.siamese import SiameseTracker
from hsi_models.tracking.state import TrackStatus

START = Box(50, 40, 30, 20)
CAMERAS = {
    **{f'{bands} bands': tuple(np.linspace(450, 680, bands)) for bands in range(3, 9)},
    'RedNIR': tuple(np.linspace(600, 850, 15)),
    'SWIR': tuple(np.linspace(1000, 1700, 9)),
    'uneven': (460.0, 461.0, 470.0, 550.0, 640.0, 900.0),
}


@pytest.fixture(scope='module', params=['ssf_net:fast', 'bcr_net:fast'])
def matcher(request: pytest.FixtureRequest) -> HyperspectralMatcher:
    torch.manual_seed(0)
    network = build_network(request.param)
    for module in network.modules():    # untrained features fade away from layer to layer otherwise
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return HyperspectralMatcher(EagerExecutor(network_paths(network, bands=8)))


def scene(wavelengths_nm: tuple[float, ...], bands: int = 0) -> HyperspectralFrame:
    """A target with a spectrum of its own on a textured ground."""
    bands = bands or len(wavelengths_nm)
    texture = cv2.resize(np.random.default_rng(0).random((9, 12)).astype(np.float32), (120, 90))
    cube = texture[..., None] * np.linspace(300, 600, bands)
    cube[40:60, 50:80] = np.linspace(800, 200, bands)
    return HyperspectralFrame(cube.astype(np.uint16), SpectralInfo(wavelengths_nm, saturation=1000))


@pytest.mark.parametrize('camera', CAMERAS)
def test_a_network_tracks_on_any_camera(matcher: HyperspectralMatcher, camera: str):
    with warnings.catch_warnings():
        warnings.simplefilter('error')      # known wavelengths: nothing to be told
        frame = scene(CAMERAS[camera])
        tracker = SiameseTracker(matcher)
        assert tracker.initialise(frame, START).status is TrackStatus.TRACKING
        state = tracker.update(frame)
    assert np.isfinite(tuple(state.best_guess)).all()
    assert state.spectrum.shape == (len(CAMERAS[camera]),)


@pytest.mark.parametrize('camera', ['3 bands', '5 bands', 'uneven'])
def test_every_band_counts(matcher: HyperspectralMatcher, camera: str):
    """What only one band shows changes the answer, whichever band it is."""
    frame = scene(CAMERAS[camera])
    template, region = matcher.template(frame, START), Box(15, 0, 100, 100)
    before = matcher.search(template, frame, region)
    for band in range(frame.bands):
        cube = frame.data.copy()
        cube[::2, :, band] = 1000 - cube[::2, :, band]
        after = matcher.search(template, HyperspectralFrame(cube, frame.info), region)
        assert float(np.abs(after.boxes - before.boxes).max()) > 1e-3, band


def test_one_warning_where_wavelengths_are_missing(matcher: HyperspectralMatcher):
    """Bands in index order, and Python's usual once; neither frames nor further targets repeat it."""
    frame, known = scene((), 6), scene(tuple(np.linspace(400, 1000, 6)))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('default')
        for _ in range(3):
            tracker = SiameseTracker(matcher)
            tracker.initialise(frame, START)
            states = [tracker.update(frame) for _ in range(2)]
        unknown = matcher.template(frame, START).constants
    assert [str(one.message) for one in told] == [
        'no wavelengths known: bands are taken in index order, evenly over 400-1000 nm']
    # Index order is what a camera with these bands in this order would give; only false colour may differ.
    for one, other in zip(unknown, matcher.template(known, START).constants, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert np.isfinite(tuple(states[-1].best_guess)).all()


def test_warming_up_tells_nothing(matcher: HyperspectralMatcher):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        TrackingPipeline(SiameseTracker(matcher)).warm_up(64, 64, 8)


@pytest.mark.parametrize('bands', [1, 2])
def test_too_few_bands_are_refused(matcher: HyperspectralMatcher, bands: int):
    with pytest.raises(ValueError, match=f'expected at least 3 bands, got {bands}'):
        SiameseTracker(matcher).initialise(scene(tuple(np.linspace(500, 600, bands))), START)


def test_the_order_of_a_mosaic_does_not_matter(matcher: HyperspectralMatcher):
    """The pipeline sorts by wavelength before any network sees a band."""
    frame = scene(tuple(np.linspace(450, 680, 8)))
    order = np.random.default_rng(1).permutation(8)
    answers = []
    for data, wavelengths in ((frame.data, frame.info.wavelengths_nm),
                              (frame.data[..., order], tuple(np.asarray(frame.info.wavelengths_nm)[order]))):
        pipeline = TrackingPipeline(SiameseTracker(matcher), camera=Camera(wavelengths_nm=wavelengths, saturation=1000))
        pipeline.initialise(START)
        pipeline.process(np.ascontiguousarray(data), stamp_ns=1)
        answers.append(tuple(pipeline.process(np.ascontiguousarray(data), stamp_ns=2).states[0].best_guess))
    assert answers[0] == pytest.approx(answers[1], abs=1e-3)


@pytest.mark.parametrize(('kind', 'bands'), [('vis', 16), ('nir', 25), ('rednir', 15)])
def test_the_mosaics_of_the_benchmarks_three_cameras(matcher: HyperspectralMatcher, kind: str, bands: int):
    camera = hotc_camera(kind)
    shape = 64 * camera.mosaic_rows, 80 * camera.mosaic_columns
    mosaic = np.random.default_rng(0).integers(0, 1023, shape, np.uint16)
    pipeline = TrackingPipeline(SiameseTracker(matcher), camera=camera)
    pipeline.initialise(Box(100, 100, 80, 60))
    pipeline.process(mosaic, stamp_ns=1)
    state, = pipeline.process(mosaic, stamp_ns=2).states
    assert state.spectrum.shape == (bands,)
    assert np.isfinite(tuple(state.best_guess)).all()


@pytest.mark.parametrize('name', ['4_baichideng2_11', 'outside_palace_small_easterngate2_prefix_13'])
def test_frames_of_a_real_snapshot_camera(matcher: HyperspectralMatcher, shared_data, name: str):
    mosaic = cv2.imread(str(shared_data / 'real_mosaics' / f'{name}.tif'), cv2.IMREAD_UNCHANGED)
    pipeline = TrackingPipeline(SiameseTracker(matcher), camera=replace(hotc_camera('vis'), bit_depth=8))
    pipeline.process(mosaic, stamp_ns=1)
    first = pipeline.initialise(Box(800, 400, 200, 120))
    state, = pipeline.process(np.roll(mosaic, 8, axis=1), stamp_ns=40_000_001).states
    assert first.states[0].spectrum.shape == (16,)
    assert np.isfinite(tuple(state.best_guess)).all()
