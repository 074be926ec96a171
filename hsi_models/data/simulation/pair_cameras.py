"""A snapshot camera as tensors on a device, and a pool of random ones: nothing is computed twice, nothing waits."""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.data.simulation.backdrop import hidden_spectra
from hsi_models.data.simulation.cameras import random_camera
from hsi_models.data.simulation.snapshot import SnapshotCamera

HIDDEN = 6          # differences kept a camera
_REACH = 2          # of the kernel that places a photosite in its cell, pixels


def on_device(values: npt.ArrayLike, device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
    """Small numbers to a device without waiting for it."""
    return torch.as_tensor(np.asarray(values), dtype=dtype).to(device, non_blocking=True)


@dataclass(frozen=True, eq=False)
class CameraTensors:
    """What pairs need of a camera, bands in ascending wavelength.

    Args:
        camera: noise, converter and stray light.
        responses: digital numbers of light on `GRID_NM` relative to sunlight at exposure 1, (C, L).
        kernel: moves each band to its photosite, (C, 1, 5, 5); None where all photosites see one point.
        hidden: differences that its false colours do not show, (L, `HIDDEN`).
        wavelengths_nm, fwhm_nm: of the bands, (C,), on the CPU.
    """

    camera: SnapshotCamera
    responses: Tensor
    kernel: Tensor | None
    hidden: Tensor
    wavelengths_nm: Tensor
    fwhm_nm: Tensor

    @classmethod
    def of(cls, camera: SnapshotCamera, rng: np.random.Generator, device: torch.device) -> CameraTensors:
        """The tensors of a camera.

        Args:
            camera: any.
            rng: of the hidden differences.
            device: where they are to lie.
        """
        description = camera.description()
        order = description.band_order(camera.bands)
        responses = camera.matrix(np.eye(camera.responses.shape[1]))[order]
        kernel = None
        if camera.mosaic[0] and camera.parallax:
            impulse = torch.zeros((1, camera.bands, 4 * _REACH + 1, 4 * _REACH + 1))
            impulse[:, :, 2 * _REACH, 2 * _REACH] = 1
            answer = replace(camera, stray_light=0.0).focus(impulse)[0, :, _REACH:-_REACH, _REACH:-_REACH]
            kernel = answer.flip(1, 2)[torch.as_tensor(order.copy())][:, None].contiguous().to(device)
        return cls(camera, on_device(responses, device), kernel,
                   on_device(hidden_spectra(camera, HIDDEN, rng), device),
                   torch.tensor(np.asarray(description.wavelengths_nm)[order], dtype=torch.float32),
                   torch.tensor(np.asarray(description.fwhm_nm)[order], dtype=torch.float32))

    def expose(self, signal: Tensor, generator: torch.Generator | None) -> Tensor:
        """Stray light, photosites, noise, converter: expected digital numbers (B, C, H, W) -> share of full scale."""
        stray = self.camera.stray_light
        signal = (1 - stray) * signal + stray * signal.mean(dim=(2, 3), keepdim=True)
        if self.kernel is not None:
            padded = F.pad(signal, (_REACH,) * 4, mode='replicate')
            signal = F.conv2d(padded, self.kernel, groups=len(self.kernel))
        return self.camera.digitise(signal.clamp(min=0), generator) / self.camera.full_scale


class CameraPool:
    """Random cameras by seed.

    Args:
        count: of different cameras, each made once, when first asked for; 0 makes a new one every time.
        device: where their tensors lie.
    """

    def __init__(self, count: int, device: torch.device) -> None:
        self.count, self.device = count, device
        self._made: dict[int, CameraTensors] = {}

    def draw(self, rng: np.random.Generator) -> CameraTensors:
        """The camera of a batch; equal generators draw equal cameras."""
        if not self.count:
            return CameraTensors.of(random_camera(rng), rng, self.device)
        number = int(rng.integers(self.count))
        if number not in self._made:
            own = np.random.default_rng((number, self.count))
            self._made[number] = CameraTensors.of(random_camera(own), own, self.device)
        return self._made[number]
