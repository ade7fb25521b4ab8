"""Lists that are fetched as they are read, never capped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from etiq_jupyter import model
from etiq_jupyter.errors import Invalid

T = TypeVar("T")


class Listing(Generic[T]):
    """A list over cursor pages: iterating fetches page after page, `len` is the total.

    Parameters
    ----------
    fetch : callable
        Takes a cursor (None for the first page) and a page size, returns a `model.Page` of T.
    page_size : int
        Items per request.
    """

    def __init__(
        self, fetch: Callable[[str | None, int], model.Page[T]], page_size: int = 50
    ) -> None:
        if page_size < 1:
            raise Invalid("page_size must be at least 1", path="page_size")
        self._fetch = fetch
        self._page_size = page_size
        self._first: model.Page[T] | None = None

    def _pages(self) -> Iterator[model.Page[T]]:
        page = self._first = self._fetch(None, self._page_size)
        yield page
        while page.next_cursor:
            page = self._fetch(page.next_cursor, self._page_size)
            yield page

    def __iter__(self) -> Iterator[T]:
        for page in self._pages():
            yield from page.items

    def __len__(self) -> int:
        if self._first is None:
            self._first = self._fetch(None, self._page_size)
        return self._first.total

    def page(self, number: int) -> list[T]:
        """Return one page, counted from 0; an empty list beyond the last."""
        if number < 0:
            raise Invalid("a page number counts from 0", why=f"got {number}", path="page")
        for index, page in enumerate(self._pages()):
            if index == number:
                return page.items
        return []

    def __repr__(self) -> str:
        shown = self.page(0)[:10]
        lines = [repr(item) for item in shown]
        more = len(self) - len(shown)
        if more > 0:
            lines.append(f"... and {more} more")
        return "\n".join(lines) or "nothing yet"
