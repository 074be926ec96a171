"""FEAR-XS on false colour: a row of the table. Network, crops and decoding as its authors published them.

Source: FEAR (Borsuk et al., ECCV 2022), github.com/PinataFarms/FEARTracker (MIT, (c) 2022 Pinata Farms), the release
without dynamic template update; written anew from the facts of its layers. Names of the weights are of the file that
was converted from the authors' export: batch norms folded into the convolutions, float16.

- Network, normalisation: fear_net.py, blocks.py; an FBNet-C cut at stride 16, template 8 x 8 cells, search 16 x 16.
- Crops: siam_tracker.yaml, get_extended_crop. The box and a share of its sides on each side, .2 for the template and 2
  for the search, stretched to a square: the target is 1.8 times larger in the template than in the search crop. Outside
  of the frame lies the first frame's mean colour.
- Decoding: fear_tracker.py, box_coder.py. Cell (i, j) stands for the point (16 j, 16 i) of the search crop; the box of
  the cell with the highest score is the answer, cut at the edge of the frame, at least 3 pixels wide. The published
  configuration names a penalty, a cosine window and a rate of the size, which its code looks at only with `smooth`,
  and does not set `smooth`: there is none here.

Not as published: boxes are not rounded to whole pixels of the frame, and the crop averages where it makes smaller, as
for every other row (targets of 10 pixels, and a truth in fractions of them).
"""
from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hsi_models.boxes import Box
from hsi_models.checkpoint import load_weights
from hsi_models.colour import FalseColour
from hsi_models.frame import HyperspectralFrame
from hsi_models.networks.backbone import ImageNetNormalisation
from hsi_models.networks.nanotrack import MAX_LOG_DISTANCE
from hsi_models.runtime.executor import Executor, Runtime, State, mix
from hsi_models.runtime.paths import SiamesePaths, _Half, create_executor
from hsi_models.tracking.confidence import StatusThresholds
from hsi_models.tracking.crops import crop, to_crop, to_frame
from hsi_models.tracking.matcher import Geometry, Response
from hsi_models.tracking.network_matcher import target_score
from hsi_models.tracking.siamese import SiameseTracker
from hsi_models.tracking.siamese_config import SiameseConfig
from hsi_models.tracking.views import planes

WEIGHTS_SHA256 = '5f83ca72a9c9a2b33af03d083f4b8197436aa16426d91e93c30c4c7e7289de38'
"""Of the published weights as safetensors, float16."""

GEOMETRY = Geometry(cells=16, stride=16, template_size=128, search_size=256)
TEMPLATE_MARGIN, SEARCH_MARGIN = 0.2, 2.0
MINIMUM_PX = 3.0

_FEATURES, _TEMPLATE_CELLS = 256, 64
# kernel, hidden, out, stride; no first 1x1 where it would not expand
_BLOCKS = ((3, 16, 16, 1), (3, 96, 24, 2), (3, 24, 24, 1), (3, 24, 24, 1), (5, 144, 32, 2), (5, 96, 32, 1),
           (5, 192, 32, 1), (3, 192, 32, 1), (5, 192, 64, 2), (5, 192, 64, 1), (5, 384, 64, 1), (5, 384, 64, 1),
           (5, 384, 112, 1), (5, 672, 112, 1), (5, 672, 112, 1), (5, 336, 112, 1))
Floats = npt.NDArray[np.float32]


class _Block(nn.Module):
    """Inverted residual of FBNet, without attention."""

    def __init__(self, channels: int, kernel: int, hidden: int, out: int, stride: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels, hidden, 1) if hidden != channels else None
        self.depth = nn.Conv2d(hidden, hidden, kernel, stride, kernel // 2, groups=hidden)
        self.project = nn.Conv2d(hidden, out, 1)
        self.skip = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, out, H / stride, W / stride)."""
        y = x if self.expand is None else F.relu(self.expand(x))
        y = cast(Tensor, self.project(F.relu(self.depth(y))))
        return x + y if self.skip else y


class _Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        inputs = (16, *(out for _, _, out, _ in _BLOCKS))
        self.blocks = nn.Sequential(*(_Block(channels, *block) for channels, block in zip(inputs, _BLOCKS,
                                                                                          strict=False)))
        self.neck = nn.Conv2d(inputs[-1], _FEATURES, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 256, S / 16, S / 16)."""
        return cast(Tensor, self.neck(self.blocks(F.relu(self.stem(image)))))


def _separable(channels: int, out: int, bias: bool = True) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=bias),
                         nn.Conv2d(channels, out, 1))


class _Branch(nn.Module):
    """Every cell of the template is a 1x1 kernel on the encoded search features; their tower and its answer."""

    def __init__(self, out: int) -> None:
        super().__init__()
        self.encode = _separable(_FEATURES, _FEATURES, bias=False)
        self.mix = _separable(_FEATURES + _TEMPLATE_CELLS, _FEATURES)
        self.tower = nn.ModuleList(_separable(_FEATURES, _FEATURES) for _ in range(2))
        self.predict = _separable(_FEATURES, out)

    def forward(self, kernels: Tensor, search: Tensor) -> Tensor:
        """(B, 64, 256), (B, 256, 16, 16) -> (B, out, 16, 16)."""
        x = F.relu(self.encode(search))
        response = (kernels @ x.flatten(2)).reshape(*kernels.shape[:2], *x.shape[2:])
        x = F.relu(self.mix(torch.cat([x, response], 1)))
        for layer in self.tower:
            x = F.relu(layer(x))
        return cast(Tensor, self.predict(x))


class FearXS(nn.Module):
    """Template and search half; stateless."""

    def __init__(self) -> None:
        super().__init__()
        self.normalise = ImageNetNormalisation()
        self.backbone, self.cls, self.reg = _Backbone(), _Branch(1), _Branch(4)

    def template(self, false_colour: Tensor) -> tuple[Tensor]:
        """(B, 3, 128, 128), RGB, 0..1 -> kernels (B, 64, 256) of both branches."""
        return (self._features(false_colour).flatten(2).transpose(1, 2),)

    def search(self, false_colour: Tensor, kernels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 256, 256) -> logits (B, 2, 16, 16), the background's 0, and distances l, t, r, b in pixels of the
        crop (B, 4, 16, 16)."""
        features = self._features(false_colour)
        target = self.cls(kernels, features)
        distances = self.reg(kernels, features).clamp_max(MAX_LOG_DISTANCE).exp()
        return torch.cat([torch.zeros_like(target), target], 1), distances

    def _features(self, false_colour: Tensor) -> Tensor:
        return cast(Tensor, self.backbone(self.normalise(false_colour)))


@dataclass(frozen=True, eq=False)
class _Template:
    """False colour and mean colour (3,), 0..255, of the first frame, what the network keeps, and the last size."""

    colour: FalseColour
    outside: Floats
    state: State
    size: tuple[float, float]


class FearMatcher:
    """FEAR's crops and decoding; follows `Matcher`.

    `SiameseTracker` speaks of a square region around the last box: its centre is where to look, and its crop the
    frame in which boxes are handed over; what the network sees is a region of FEAR's own.

    Args:
        executor: of `FearXS`.
    """

    geometry = GEOMETRY

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    def template(self, frame: HyperspectralFrame, box: Box) -> _Template:
        """See `Matcher.template`."""
        colour = FalseColour.fit(frame)
        template = _Template(colour, colour.apply(frame).mean(axis=(0, 1), dtype=np.float32), (), (box.w, box.h))
        return replace(template, state=self._state(template, frame, box))

    def search(self, template: _Template, frame: HyperspectralFrame, region: Box) -> Response:
        """See `Matcher.search`."""
        side = GEOMETRY.search_size
        seen = widened(Box.from_centre(*region.centre, *template.size), SEARCH_MARGIN)
        logits, distances = self.executor.search(template.state, self._crop(template, frame, seen, side))
        share = np.array([seen.w / region.w, seen.h / region.h] * 2, np.float32)[:, None, None]
        centred = GEOMETRY.boxes(distances[0]) - np.float32(side / 2)       # both regions have the same centre
        response = Response(target_score(logits[0]), centred * share + np.float32(side / 2))
        row, column = np.unravel_index(int(response.score.argmax()), response.score.shape)
        box = inside(to_frame(Box.from_corners(*response.boxes[:, row, column]), region, (side, side)), frame)
        return replace(response, detail=to_crop(box, region, (side, side)))

    def renew(self, template: _Template, frame: HyperspectralFrame, box: Box, weight: float) -> _Template:
        """See `Matcher.renew`."""
        return replace(template, state=mix(template.state, self._state(template, frame, box), weight))

    def follow(self, template: _Template, frame: HyperspectralFrame, box: Box, age: int,
               contrast: float | None) -> _Template:
        """The template with the size of the box, which the next search crop is made of."""
        return replace(template, size=(box.w, box.h))

    def refine(self, template: _Template, response: Response, box: Box, lost: bool = False) -> Box:
        """The box of the best cell as it is, whatever the size before."""
        return cast(Box, response.detail)

    def candidates(self, template: _Template, frame: HyperspectralFrame, box: Box) -> list[tuple[float, float]]:
        """None."""
        return []

    def _state(self, template: _Template, frame: HyperspectralFrame, box: Box) -> State:
        region = widened(box, TEMPLATE_MARGIN)
        return self.executor.template(self._crop(template, frame, region, GEOMETRY.template_size))

    def _crop(self, template: _Template, frame: HyperspectralFrame, region: Box, size: int) -> Floats:
        """False colour of a region, which may reach over the edge, (1, 3, size, size), 0..1."""
        x1, y1, x2, y2 = region.corners
        left, top, right, bottom = math.floor(x1) - 1, math.floor(y1) - 1, math.ceil(x2) + 1, math.ceil(y2) + 1
        colours = template.colour.apply(frame.data[max(top, 0):max(bottom, 0), max(left, 0):max(right, 0)])
        area = np.empty((bottom - top, right - left, 3), np.float32)
        area[:] = template.outside
        row, column = max(-top, 0), max(-left, 0)
        area[row:row + colours.shape[0], column:column + colours.shape[1]] = colours
        local = Box(region.x - left, region.y - top, region.w, region.h)
        return planes(crop(area, local, (size, size)))[None] / np.float32(255)


def widened(box: Box, margin: float) -> Box:
    """The box with `margin` times its width left and right, and its height above and below."""
    return Box.from_centre(*box.centre, box.w * (1 + 2 * margin), box.h * (1 + 2 * margin))


def inside(box: Box, frame: HyperspectralFrame) -> Box:
    """The part of a box in the frame, at least `MINIMUM_PX` wide and high, at the edge where it is outside."""
    (x1, x2), (y1, y2) = (np.clip(ends, 0, side) for ends, side in
                          ((box.corners[::2], frame.width), (box.corners[1::2], frame.height)))
    w, h = max(x2 - x1, MINIMUM_PX), max(y2 - y1, MINIMUM_PX)
    return Box(min(x1, frame.width - w), min(y1, frame.height - h), w, h)


def create_fear_xs(weights: Path, runtime: Runtime = 'onnx') -> SiameseTracker:
    """FEAR-XS as published: it follows its best guess for ever.

    Args:
        weights: `*.safetensors`, the published ones.
        runtime: see `runtime.paths.create_executor`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: other weights.
    """
    network = FearXS()
    load_weights(network, weights, WEIGHTS_SHA256)
    matcher = FearMatcher(create_executor(fear_xs_paths(network), runtime))
    return SiameseTracker(matcher, SiameseConfig(penalty=0.0, window=0.0, learning_rate=1.0, minimum_px=MINIMUM_PX),
                          StatusThresholds(lost_score=0.0), WEIGHTS_SHA256)


def fear_xs_paths(network: FearXS) -> SiamesePaths:
    """Paths of FEAR-XS: input `false_colour` (1, 3, S, S), RGB, 0..1."""
    network = network.eval()
    template, search = ({'false_colour': torch.rand(1, 3, size, size)}
                        for size in (GEOMETRY.template_size, GEOMETRY.search_size))
    return SiamesePaths(_Half(network, 'template'), _Half(network, 'search'), template, search)
