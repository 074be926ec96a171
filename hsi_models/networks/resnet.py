"""ResNet-50 that keeps stride 8: conv4 and conv5 dilated instead of down-sampled.

Source: SiamBAN family (BCR-Net section 3.3: rates 2 and 4 in conv4 and conv5, down-sampling removed there). Names of
the weights are torchvision's `resnet50`, without `fc`. Not stated; ours: the first 3x3 convolution of a dilated stage
keeps the rate of the stage before, so that ImageNet weights see exactly the samples that they were trained on.
"""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a skip; the stride is in the 3x3 (torchvision's v1.5)."""

    def __init__(self, channels: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        out = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 4 * width, H / stride, W / stride)."""
        skip = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.relu(self.bn3(self.conv3(x)) + skip)


def _stage(channels: int, width: int, blocks: int, stride: int, dilations: tuple[int, int]) -> nn.Sequential:
    """`dilations`: of the first block and of the others."""
    first = Bottleneck(channels, width, stride, dilations[0])
    return nn.Sequential(first, *(Bottleneck(4 * width, width, 1, dilations[1]) for _ in range(blocks - 1)))


class ResNet50(nn.Module):
    """Features of conv3, conv4 and conv5 at stride 8."""

    channels: tuple[int, ...] = (512, 1024, 2048)

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.layer1 = _stage(64, 64, 3, 1, (1, 1))
        self.layer2 = _stage(256, 128, 4, 2, (1, 1))
        self.layer3 = _stage(512, 256, 6, 1, (1, 2))
        self.layer4 = _stage(1024, 512, 3, 1, (2, 4))

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, S, S), normalised by ImageNet's mean and deviation -> three maps; S 127 -> 16, 255 -> 32."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(image))), 3, 2, 1)
        conv3 = self.layer2(self.layer1(x))
        conv4 = self.layer3(conv3)
        return [conv3, conv4, self.layer4(conv4)]
