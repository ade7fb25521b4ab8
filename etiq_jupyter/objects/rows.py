"""Rows of a frame's buffers: a later frame that consists of rows of an earlier one."""

from __future__ import annotations

from typing import Any

from etiq_jupyter.errors import Corrupt
from etiq_jupyter.objects.hashing import Data
from etiq_jupyter.objects.recipe import Selection


def positions(selection: Selection, raw: Data) -> Any:
    """Return the selected rows of the earlier frame as an array of positions.

    Raises
    ------
    Corrupt
        When positions lie outside the earlier frame or their number is wrong.
    """
    import numpy as np

    if selection.form == "bitmap":
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
        found = np.flatnonzero(bits[: selection.base_rows])
    else:
        found = np.frombuffer(raw, f"<u{selection.width}")
        if len(found) and int(found.max()) >= selection.base_rows:
            raise Corrupt("A row selection names rows that do not exist")
        found = found.astype(np.int64)
    if len(found) != selection.rows:
        raise Corrupt("A row selection does not have as many rows as it should")
    return found


def take_items(base: Data, rows: Any, base_rows: int, size: int) -> bytes:
    """Select rows of a fixed-width buffer; ``size`` is the expected number of bytes."""
    import numpy as np

    if base_rows == 0 or len(base) % base_rows:
        raise Corrupt("A buffer does not have as many rows as it should")
    items = np.frombuffer(base, np.uint8).reshape(base_rows, -1)
    width = items.shape[1]
    if len(rows) * width != size:
        raise Corrupt("A row selection does not give as many bytes as it should")
    if width in (1, 2, 4, 8):
        return bytes(np.frombuffer(base, f"<u{width}").take(rows).data.cast("B"))
    return bytes(items.take(rows, axis=0).data.cast("B"))


def take_bits(base: Data, rows: Any, base_rows: int) -> bytes:
    """Select rows of a bit buffer (least significant bit first, unused bits zero)."""
    import numpy as np

    if len(base) != (base_rows + 7) // 8:
        raise Corrupt("A buffer does not have as many rows as it should")
    bits = np.unpackbits(np.frombuffer(base, np.uint8), bitorder="little")
    return np.packbits(bits[rows], bitorder="little").tobytes()


def take_payload(
    base: Data, lengths: Data, width: int, rows: Any, base_rows: int, size: int
) -> bytes:
    """Select rows of concatenated values whose lengths are given, ``width`` bytes each.

    Raises
    ------
    Corrupt
        When lengths and payload contradict each other, or the result is not ``size`` bytes long.
    """
    import numpy as np

    if width not in (1, 2, 4, 8) or len(lengths) != base_rows * width:
        raise Corrupt("The lengths of a column do not fit its rows")
    sizes = np.frombuffer(lengths, f"<u{width}").astype(np.int64)
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if base_rows else 0
    within = not base_rows or (int(sizes.min()) >= 0 and int(sizes.max()) <= len(base))
    if total != len(base) or not within:
        raise Corrupt("The lengths of a column do not fit its values")
    taken = sizes[rows]
    if int(taken.sum()) != size:
        raise Corrupt("A row selection does not give as many bytes as it should")
    values = np.frombuffer(base, np.uint8)
    if not size:
        return b""
    if int(sizes.min()) == int(sizes.max()):
        return bytes(values.reshape(base_rows, -1).take(rows, axis=0).data.cast("B"))
    if bool((rows[1:] > rows[:-1]).all()):
        wanted = np.zeros(base_rows, bool)
        wanted[rows] = True
        return bytes(values[np.repeat(wanted, sizes)].data)
    return _gather(values, (ends - sizes)[rows], taken, size)


def _gather(values: Any, starts: Any, lengths: Any, size: int) -> bytes:
    """Concatenate stretches of bytes, in any order."""
    import numpy as np

    # Positions of all wanted bytes: a run of +1 inside a value, a jump between values.
    steps = np.ones(size, np.int64)
    filled = lengths > 0
    starts, lengths = starts[filled], lengths[filled]
    heads = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    steps[heads[0]] = starts[0]
    steps[heads[1:]] = starts[1:] - (starts[:-1] + lengths[:-1] - 1)
    return bytes(values[np.cumsum(steps, out=steps)].data)
