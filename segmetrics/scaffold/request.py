"""What the user gave to `segmetrics init`, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segmetrics.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Request:
    """What the user gave to `init`; paths are as typed, relative to the current folder."""

    target: Path
    images: Path | None = None
    masks: Path | None = None
    model: Path | None = None
    predictions: Path | None = None
    domain: str = "balanced"
    minimal: bool = False
    force: bool = False


def check_request(request: Request) -> None:
    """Check that the options go together and name what is there.

    Raises
    ------
    ConfigError
        They do not.
    """
    if (request.images is None) != (request.masks is None):
        raise ConfigError("init", "--images and --masks go together", "give both or neither")
    folders = [path.resolve() for path in (request.images, request.masks) if path is not None]
    if len(folders) == 2 and folders[0] == folders[1]:
        raise ConfigError("init", "--images and --masks name one folder", "give two folders")
    if request.model is not None and request.predictions is not None:
        raise ConfigError("init", "--model and --predictions exclude each other", "give one")
    if request.minimal and request.model is not None:
        raise ConfigError("init", "--minimal runs no model", "give --predictions instead")
    if request.minimal and request.predictions is None and request.images is not None:
        raise ConfigError("init", "--minimal needs --predictions", "give their folder")
    for option, path, kind in (
        ("--model", request.model, Path.is_file),
        ("--images", request.images, Path.is_dir),
        ("--masks", request.masks, Path.is_dir),
        ("--predictions", request.predictions, Path.is_dir),
    ):
        if path is not None and not kind(path):
            raise ConfigError(option, f'there is no "{path}"', "check the path")
