"""Kinds of files: by their first bytes and, for names, by their endings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Kind = Literal["picture", "nifti", "npy", "npz"]

# Endings of files that carry one image, mask or volume each; what else a folder holds is no sample.
SUFFIXES = frozenset(
    {".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg", ".nii", ".nii.gz", ".npy", ".npz"}
)

# Other formats of pictures and volumes: not read, and not to be passed over in silence.
UNREAD_SUFFIXES = frozenset(
    {".gif", ".webp", ".jp2", ".gz", ".mha", ".mhd", ".nrrd", ".dcm", ".img", ".hdr", ".mgz"}
    | {".ppm", ".pgm", ".pbm", ".tga", ".svs", ".jxl", ".heic", ".avif"}
)

GZIP = b"\x1f\x8b"
_PNG = b"\x89PNG\r\n\x1a\n"
_NPY = b"\x93NUMPY"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_NIFTI_SIZES = (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")
_KIND_OF_SUFFIX: dict[str, Kind] = {
    ".nii": "nifti", ".nii.gz": "nifti", ".npy": "npy", ".npz": "npz"
}  # fmt: skip


def suffix_of(path: Path) -> str:
    """The ending in lower case; `.nii.gz` is one ending."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def stem_of(path: Path) -> str:
    """The name without its ending; `brain.nii.gz` and `brain.png` are both `brain`."""
    return path.name[: -len(".nii.gz")] if suffix_of(path) == ".nii.gz" else path.stem


def kind_of(content: bytes, where: str) -> Kind:
    """What a file is: by its first bytes and, where these say nothing, by the ending of `where`."""
    if content.startswith(_PNG):
        return "picture"  # the commonest first
    if content.startswith(GZIP) or content[:4] in _NIFTI_SIZES:
        return "nifti"
    if content.startswith(_NPY):
        return "npy"
    if content.startswith(_ZIP):
        return "npz"
    return _KIND_OF_SUFFIX.get(suffix_of(Path(where)), "picture")
