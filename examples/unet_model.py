"""The small U-Net that `train_unet.py` trains, and its loss (PyTorch only)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class Features(nn.Module):
    """Stack the image with two versions of it that are standardised per image.

    Exposure differs a hundredfold between images. Standardising removes it, the root keeps faint
    nuclei visible beside bright ones, and the raw image still tells a dark field from a bright one.
    Only the image's own statistics are used, so results do not depend on the batch.
    """

    def forward(self, image: Tensor) -> Tensor:
        """Return [N, 9, H, W] for [N, 3, H, W]."""
        return torch.cat([image, standardise(image), standardise(image.sqrt())], dim=1)


def standardise(image: Tensor) -> Tensor:
    """Subtract the mean and divide by the standard deviation, per image and channel."""
    centred = image - image.mean(dim=(2, 3), keepdim=True)
    variance = (centred * centred).mean(dim=(2, 3), keepdim=True)
    # The floor (half a grey level) keeps an empty field from being stretched to pure noise.
    return centred / (variance + 4e-6).sqrt()


def block(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3 x 3 convolutions, each with batch normalisation and a ReLU."""
    layers: list[nn.Module] = []
    for width in (inputs, outputs):
        layers += [nn.Conv2d(width, outputs, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """A U-Net with one width per resolution; `forward` returns logits."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 48, 64, 80)) -> None:
        super().__init__()
        self.features = Features()
        pairs = list(pairwise(widths))
        self.encoder = nn.ModuleList([block(9, widths[0])] + [block(a, b) for a, b in pairs])
        self.decoder = nn.ModuleList([block(a + b, a) for a, b in pairs])
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits [N, 1, H, W] for RGB images [N, 3, H, W] in 0..1."""
        x = self.encoder[0](self.features(image))
        skips = [x]
        for stage in list(self.encoder)[1:]:
            x = stage(functional.max_pool2d(x, 2))
            skips.append(x)
        for stage, skip in zip(reversed(self.decoder), reversed(skips[:-1]), strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = stage(torch.cat([x, skip], dim=1))
        return self.head(x)


class Probability(nn.Module):
    """The exported graph: the U-Net and its sigmoid."""

    def __init__(self, model: UNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> Tensor:
        """Return probabilities [N, 1, H, W]."""
        return torch.sigmoid(self.model(image))


def loss_of(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice, the latter pooled over the batch as in the scores."""
    p = torch.sigmoid(logits)
    dice = (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
    return functional.binary_cross_entropy_with_logits(logits, target) + 1 - dice
