"""What Siamese trackers look at: the pixels of a region, the spectrum of a box."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.crops import crop
from hsi_models.tracking.views import Pixels, inner_spectrum


def test_pixels_show_a_region_like_the_plain_crop():
    rng = np.random.default_rng(0)
    image = HyperspectralFrame(rng.random((90, 120, 5), np.float32))
    for region in (Box(10.3, 20.6, 40, 40), Box(-15, 60, 50, 50)):
        pixels = Pixels.around(image, region, 127)
        assert pixels.step == 1
        np.testing.assert_allclose(pixels.crop(pixels.values, region, 127), crop(image.data, region, (127, 127)),
                                   atol=1e-5)
    assert Pixels.around(image, Box(0, 0, 90, 90), 20).step == 4


def test_the_spectrum_of_a_box_is_that_of_its_inner_part():
    image, box = np.full((120, 200, 4), 0.1, np.float32), Box(80, 50, 24, 18)
    image[50:68, 80:104] = (0.9, 0.6, 0.5, 0.4)
    frame = HyperspectralFrame(image)
    np.testing.assert_allclose(inner_spectrum(frame, box), [0.9, 0.6, 0.5, 0.4], rtol=1e-5)
    assert inner_spectrum(frame, Box(-30, -30, 4, 4)).shape == (4,)


@pytest.mark.parametrize('value', [np.nan, -np.inf, 1e16])
def test_values_whose_squares_could_not_be_summed_are_refused(value):
    image = np.ones((60, 60, 4), np.float32)
    image[20, 30, 1] = value
    with pytest.raises(ValueError, match='expected finite values below .* larger in 1 pixels'):
        Pixels.around(HyperspectralFrame(image), Box(10, 10, 40, 40), 64)
