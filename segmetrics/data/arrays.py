"""`.npy` and `.npz` files: one array each, never pickled objects."""

from __future__ import annotations

import ast
import io
import math
import struct
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from segmetrics.data.whole import MAX_VOXELS
from segmetrics.errors import DataError

# Which array of several in an .npz is read, in this order.
NAMES = ("labels", "arr_0")
# Deflate shrinks by 1032 at most: what claims more is no archive but a bomb.
_MOST_RATIO = 1040
_HEADER = {1: (2, "<H"), 2: (4, "<I"), 3: (4, "<I")}
_MAGIC = b"\x93NUMPY"
_DAMAGE = (
    ValueError, TypeError, SyntaxError, KeyError, EOFError, OSError, OverflowError, MemoryError,
    RecursionError, RuntimeError, NotImplementedError, struct.error, tokenize.TokenError,
    zipfile.BadZipFile, zlib.error, IndexError, AttributeError,
)  # fmt: skip


def read_array(content: bytes, where: str) -> npt.NDArray[Any]:
    """The one array of an .npy or .npz file, as stored; read-only for an .npy.

    Of an .npz with several arrays the one named `labels`, else `arr_0`, is read.

    Raises
    ------
    DataError
        Damaged, pickled, structured, larger than `MAX_VOXELS`, or several arrays of other names.
    """
    if not content.startswith(_MAGIC):
        content = _member(content, where)
    shape, fortran, dtype, offset = _header(content, where)
    n_values = math.prod(shape)
    if dtype.hasobject or dtype.fields is not None or dtype.subdtype is not None:
        raise DataError(where, f"holds {dtype}, not plain numbers", "save a plain numeric array")
    if not n_values:
        raise DataError(
            where, f"holds an array of shape {shape}, without any value", "save it again"
        )
    if n_values > MAX_VOXELS:
        raise DataError(where, f"claims {n_values} values, more than {MAX_VOXELS}")
    wanted = offset + n_values * dtype.itemsize
    if len(content) != wanted:
        raise DataError(
            where,
            f"damaged or truncated ({len(content)} bytes instead of {wanted})",
            "save it again",
        )
    flat = np.frombuffer(content, dtype, n_values, offset)
    return flat.reshape(shape, order="F" if fortran else "C")


def array_shape(content: bytes, where: str) -> tuple[int, ...]:
    """The shape that the header states.

    Raises
    ------
    DataError
        As `read_array`, for what the header shows.
    """
    if not content.startswith(_MAGIC):
        content = _member(content, where)
    return _header(content, where)[0]


def _header(content: bytes, where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, Fortran order, type and offset of the data (NEP 1)."""
    try:
        width, code = _HEADER[content[6]]
        (length,) = struct.unpack_from(code, content, 8)
        start = 8 + width
        if length > 10_000 or start + length > len(content):
            raise ValueError("its header ends nowhere")
        text = content[start : start + length].decode("utf-8" if content[6] == 3 else "latin-1")
        fields = ast.literal_eval(text.strip())
        if set(fields) != {"descr", "fortran_order", "shape"}:
            raise ValueError("its header lacks a field")
        shape = tuple(fields["shape"])
        if not all(isinstance(n, int) and n >= 0 for n in shape):
            raise ValueError("its shape is none")
        dtype = np.lib.format.descr_to_dtype(fields["descr"])
    except _DAMAGE as error:
        raise _damaged(where, error) from error
    return shape, bool(fields["fortran_order"]), dtype, start + length


def _member(content: bytes, where: str) -> bytes:
    """The bytes of the array of an .npz that counts."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
                if not info.is_dir()
            }
            name = _chosen(list(members), where)
            info = members[name]
            if info.file_size > _MOST_RATIO * (info.compress_size + 1):
                raise ValueError("its directory claims more than it can hold")
            inner = archive.read(info)
    except _DAMAGE as error:
        raise _damaged(where, error) from error
    if not inner.startswith(_MAGIC):
        raise DataError(where, f'its member "{name}" is no array', "save it with numpy.savez")
    return inner


def _chosen(names: list[str], where: str) -> str:
    if len(names) == 1:
        return names[0]
    for name in NAMES:
        if name in names:
            return name
    listed = ", ".join(sorted(names)) or "none"
    raise DataError(
        where, f"holds {len(names)} arrays ({listed})", 'name the one that counts "labels"'
    )


def _damaged(where: str, error: BaseException) -> DataError:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(where, f"damaged or truncated ({text})", "save it again")
