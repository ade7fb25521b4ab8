"""Rows out of the pages of a SQLite file, one page at a time, without SQLite.

SQLite gives up where a page on the way to a row is damaged. Here every page that holds rows is read
by itself, so a damaged page costs what stands on it, and nothing else. What a row means is not
known here, nor whether its values are right.

The form is https://www.sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from etiq_jupyter.store.journal import Journal, read_journal

MAGIC = b"SQLite format 3\0"
_TABLE, _INDEX, _INDEX_INNER, _TABLE_INNER = 0x0D, 0x0A, 0x02, 0x05
# What the page map says of a page: part of a table, not in use, or the rest of a long row.
_TREE, _FREE, _CONTINUES = (1, 5), 2, 4
_SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}
_MOST_COLUMNS = 100
_LOCK_BYTE = 1 << 30  # the page with this byte holds nothing


class Row(NamedTuple):
    """One row of a table (``number`` is its rowid) or one entry of an index (it is None)."""

    page: int
    number: int | None
    values: tuple[Any, ...]


class Pages:
    """The pages of a SQLite file, with those in its write-ahead log in place of older ones.

    Parameters
    ----------
    main, log : bytes-like
        The two files; either may be damaged, cut short or empty.

    Attributes
    ----------
    damaged : dict
        Number of each page on which something was found to be damaged -> what.
    """

    def __init__(self, main: bytes | memoryview, log: bytes | memoryview = b"") -> None:
        self._main = memoryview(main)
        self._log = memoryview(log)
        journal = read_journal(self._log)
        self.size = page_size(self._main) or journal.page_size or 4096
        self.damaged: dict[int, str] = {}
        self._latest, committed = _latest(journal)
        self.count = max(len(self._main) // self.size, committed)
        self._usable = self.size
        self._following: dict[int, int] | None = None
        first = self.page(1)
        self.sound_header = header_is_sound(first)
        if not self.sound_header:
            self.damaged[1] = "the header"
        # Without a sound header: as this package makes its indexes.
        self._mapped = not self.sound_header or struct.unpack_from(">I", first, 52)[0] > 0
        self._free = self._free_list() if self.sound_header else None

    def page(self, number: int) -> bytes | memoryview:
        """Return a page; empty when it is not there."""
        start = self._latest.get(number)
        if start is not None:
            return self._log[start : start + self.size]
        at = (number - 1) * self.size
        return self._main[at : at + self.size] if number > 0 else b""

    def _map_page(self, number: int) -> int:
        """Return the page of the map that says what a page is for."""
        every = self._usable // 5 + 1
        found = (number - 2) // every * every + 2
        return found + 1 if found == _LOCK_BYTE // self.size + 1 else found

    def _entry(self, number: int) -> tuple[int, int]:
        """Return what the map says a page is for, and which page leads to it; zeros for nothing."""
        if not self._mapped or number < 3:
            return 0, 0
        place = self._map_page(number)
        at = 5 * (number - place - 1)
        found = self.page(place)
        return struct.unpack_from(">BI", found, at) if 0 <= at <= len(found) - 5 else (0, 0)

    def owner(self, number: int) -> str:
        """Return the name of the table or index that a page belongs to; empty when it is lost."""
        roots = {row.values[3]: str(row.values[1]) for row in self._rows_on(1) if row.values[3:]}
        for _ in range(self.count):
            if number == 1 or number in roots:
                return roots.get(number, "the list of tables")
            number = self._entry(number)[1]
            if not number:
                break
        return ""

    def _after(self, number: int, told: int) -> int:
        """Return the page on which a long row goes on; the map knows it, too."""
        if not self._mapped or self._entry(told) == (_CONTINUES, number):
            return told
        if self._following is None:
            self._following = {}
            for each in range(3, self.count + 1):
                purpose, before = self._entry(each)
                if purpose == _CONTINUES:
                    self._following[before] = each
        return self._following.get(number, told)

    def _free_list(self) -> set[int] | None:
        """Return the pages that are in no use; None when the list cannot be followed."""
        trunk, count = struct.unpack_from(">2I", self.page(1), 32)
        found: set[int] = set()
        while trunk:
            page = self.page(trunk)
            if trunk in found or trunk > self.count or len(page) < self.size:
                return None
            found.add(trunk)
            following, leaves = struct.unpack_from(">2I", page)
            if leaves > self.size // 4 - 2:
                return None
            found.update(struct.unpack_from(f">{leaves}I", page, 8))
            trunk = following
        return found if len(found) == count else None

    def _in_use(self, number: int) -> bool:
        # Both have to say that it is not: in one of them the byte may be the damaged one.
        purpose = self._entry(number)[0]
        if self._free is None:
            return purpose != _FREE
        return number not in self._free or purpose not in (0, _FREE)

    def rows(self) -> Iterator[Row]:
        """Return the rows and entries on all pages in use that can be read."""
        for number in range(1, self.count + 1):
            if number == _LOCK_BYTE // self.size + 1 or not self._in_use(number):
                continue
            if self._mapped and number >= 2 and self._map_page(number) == number:
                continue
            yield from self._rows_on(number)

    def _rows_on(self, number: int) -> Iterator[Row]:
        page = self.page(number)
        if len(page) < self.size:
            self.damaged.setdefault(number, "cut short")
            return
        start = 100 if number == 1 else 0
        kind = page[start]
        tree = number == 1 or self._entry(number)[0] in _TREE
        if kind in (_TABLE, _INDEX, _INDEX_INNER):
            kinds: tuple[int, ...] = (kind,)
        elif kind == _TABLE_INNER or not tree:
            return  # leads to rows and holds none; or belongs to a large row
        else:
            self.damaged[number] = "not a page of a table"
            kinds = (_TABLE, _INDEX)
        for each in kinds:
            found = list(self._cells(number, page, start, each))
            if found:
                yield from found
                return

    def _cells(self, number: int, page: bytes | memoryview, start: int, kind: int) -> Iterator[Row]:
        count = struct.unpack_from(">H", page, start + 3)[0]
        head = start + (12 if kind == _INDEX_INNER else 8)
        if head + 2 * count > self.size:
            self.damaged[number] = "its list of rows"
            count = (self.size - head) // 2
        used: list[tuple[int, int]] = []
        for at in struct.unpack_from(f">{count}H", page, head):
            found = self._cell(number, page, at & (self.size - 1), kind)
            if found is None or found[1] < head:
                self.damaged.setdefault(number, "a row on it")
            else:
                used.append(found[1:])
                yield found[0]
        if number not in self.damaged and not _adds_up(page, start, used):
            self.damaged[number] = "its list of rows"
        if number in self.damaged:
            # What the list does not lead to may still stand on the page.
            yield from self._between(number, page, kind, head, used)

    def _between(
        self,
        number: int,
        page: bytes | memoryview,
        kind: int,
        at: int,
        used: list[tuple[int, int]],
    ) -> Iterator[Row]:
        """Look for rows where the list of rows names none."""
        ends = dict(sorted(used))
        while at < self.size:
            if at in ends:
                at = max(ends[at], at + 1)
                continue
            limit = next((begin for begin in ends if begin > at), self.size)
            found = self._cell(number, page, at, kind)
            if found is not None and found[2] <= limit and any(found[0].values):
                yield found[0]
                at = found[2]
            else:
                at += 1

    def _cell(
        self, number: int, page: bytes | memoryview, begin: int, kind: int
    ) -> tuple[Row, int, int] | None:
        """Read the row that begins somewhere on a page; return it, its begin and its end there."""
        at = begin + 4 if kind == _INDEX_INNER else begin
        row: int | None = None
        try:
            length, at = _varint(page, at)
            if kind == _TABLE:
                row, at = _varint(page, at)
            payload, end = self._payload(page, at, length, table=kind == _TABLE)
            return Row(number, row, _record(payload)), begin, end
        except (ValueError, IndexError, struct.error):
            return None

    def _payload(
        self, page: bytes | memoryview, at: int, length: int, *, table: bool
    ) -> tuple[bytes, int]:
        """Return the bytes of a row, wherever they are, and where they end on its own page."""
        if length > self.count * self.size:
            raise ValueError("longer than the file")
        usable = self._usable
        most = usable - 35 if table else (usable - 12) * 64 // 255 - 23
        local = length
        if length > most:
            least = (usable - 12) * 32 // 255 - 23
            local = least + (length - least) % (usable - 4)
            local = local if local <= most else least
        pieces = [bytes(page[at : at + local])]
        if len(pieces[0]) != local:
            raise ValueError("beyond the page")
        left = length - local
        following = struct.unpack_from(">I", page, at + local)[0] if left else 0
        while left:
            more = self.page(following)
            if len(more) < self.size:
                raise ValueError("a part of the row is missing")
            pieces.append(bytes(more[4 : 4 + min(left, usable - 4)]))
            left -= len(pieces[-1])
            if left:
                following = self._after(following, struct.unpack_from(">I", more)[0])
        return b"".join(pieces), at + local + (4 if length > local else 0)


def _adds_up(page: bytes | memoryview, start: int, used: list[tuple[int, int]]) -> bool:
    """Whether rows, gaps and crumbs fill the part of a page that holds rows."""
    gap, _, content, crumbs = struct.unpack_from(">HHHB", page, start + 1)
    total = crumbs + sum(max(end - begin, 4) for begin, end in used)
    for _ in range(len(page) // 4):
        if not gap or gap + 4 > len(page):
            break
        gap, size = struct.unpack_from(">2H", page, gap)
        total += size
    wanted = len(page) - (content or 65536)
    return bool(total == wanted)


def _latest(journal: Journal) -> tuple[dict[int, int], int]:
    """Return where the last committed form of each page is in the log, and how many pages are."""
    last = max((n for n, frame in enumerate(journal.frames) if frame.pages), default=-1)
    latest = {frame.page: frame.start for frame in journal.frames[: last + 1] if frame.sound}
    return latest, journal.frames[last].pages if last >= 0 and journal.frames[last].sound else 0


def page_size(main: bytes | memoryview) -> int:
    """Return the page size that a header names; 0 when it names none that can be."""
    if len(main) < 18:
        return 0
    found = struct.unpack_from(">H", main, 16)[0]
    found = 65536 if found == 1 else found
    return found if found in {1 << n for n in range(9, 17)} else 0


def header_is_sound(first: bytes | memoryview) -> bool:
    """Whether SQLite would take the first page for that of an index."""
    return (
        len(first) >= 100
        and bytes(first[:16]) == MAGIC
        and page_size(first) == len(first)
        and first[18] in (1, 2)
        and first[19] in (1, 2)
        and first[20] == 0
        and tuple(first[21:24]) == (64, 32, 32)
        and struct.unpack_from(">I", first, 44)[0] in (1, 2, 3, 4)
        and struct.unpack_from(">I", first, 56)[0] in (1, 2, 3)
    )


def _varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


def _record(payload: bytes) -> tuple[Any, ...]:
    """Read the values of a row.

    Raises
    ------
    ValueError
        When it cannot be a row: the lengths do not fit each other.
    """
    end, at = _varint(payload, 0)
    if not 1 <= end <= len(payload):
        raise ValueError("its head is too long")
    kinds = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    if at != end or len(kinds) > _MOST_COLUMNS:
        raise ValueError("its head does not end where it should")
    values = []
    for kind in kinds:
        value, at = _value(payload, at, kind)
        values.append(value)
    if at != len(payload):
        raise ValueError("it does not end where it should")
    return tuple(values)


def _value(payload: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind == 0:
        return None, at
    if kind in (10, 11):
        raise ValueError("no such kind of value")
    size = _SIZES[kind] if kind < 10 else (kind - 12) // 2
    data = payload[at : at + size]
    if len(data) != size:
        raise ValueError("a value is cut short")
    at += size
    if kind in (8, 9):
        return kind - 8, at
    if kind == 7:
        return struct.unpack(">d", data)[0], at
    if kind < 7:
        return int.from_bytes(data, "big", signed=True), at
    return (data if kind % 2 == 0 else data.decode()), at
