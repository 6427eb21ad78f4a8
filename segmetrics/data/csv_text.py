"""CSV files as they are written by people: their rows, or what is wrong with the file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from segmetrics.errors import DataError


def read_csv(path: Path, *, remedy: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header and (line number, fields) of the rows that are not blank.

    Parameters
    ----------
    remedy
        What would do where there is no such file.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(str(path), "there is no such file", remedy) from error
    except UnicodeDecodeError as error:
        raise DataError(
            str(path), f"is not UTF-8 text ({error})", "save it again as CSV UTF-8"
        ) from error
    except OSError as error:
        raise DataError(str(path), f"cannot be read ({error.strerror or error})") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, [f.strip() for f in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise DataError(
            f"{path}:{reader.line_num}", f"not CSV ({error})", "mend the quotes there"
        ) from error
    if not rows:
        raise DataError(str(path), "is empty", "its header is id,image,mask,split")
    return rows[0][1], rows[1:]
