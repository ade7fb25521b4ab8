"""Finding snapshots on this disk by words, tags, metrics and state."""

from __future__ import annotations

import re
from typing import Any

from etiq_jupyter import model
from etiq_jupyter.errors import Invalid
from etiq_jupyter.store.database import Database
from etiq_jupyter.store.entries import read_summary

_TERM = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_METRIC = re.compile(r"metric\.(.+?)(<=|>=|!=|=|<|>)(.+)")
_COMPARE: dict[str, Any] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_COLUMNS = {"created": "created_at", "name": "name", "id": "id"}
STATES: dict[str, model.State] = {
    "local": "stored",
    "pending": "stored",
    "sending": "stored",
    "synced": "synced",
    "parked": "parked",
}


class Query:
    """One question, see `Store.snapshots`.

    Raises
    ------
    Invalid
        When a term cannot be understood; the message names it.
    """

    def __init__(self, q: str, tag: str, project: str | None, run: str | None, sort: str) -> None:
        self._where: list[str] = []
        self._values: list[Any] = []
        self._checks: list[Any] = []
        self._sort = sort
        if project is not None:
            self._add("project = ?", project)
        if run is not None:
            self._add("run = ?", run)
        if tag:
            self._checks.append(lambda s: tag in s.tags)
        for piece in _TERM.findall(q):
            if plain := piece.replace('"', "").strip():
                self._term(plain, literal=piece.startswith('"'))

    def _add(self, condition: str, value: Any) -> None:
        self._where.append(condition)
        self._values.append(value)

    def _term(self, term: str, *, literal: bool) -> None:
        key, _, value = term.partition(":")
        metric = None if literal else _METRIC.fullmatch(term)
        if metric:
            self._metric(term, *metric.groups())
        elif literal or not value:
            self._add("instr(words, ?) > 0", term.casefold())
        elif key == "tag":
            self._checks.append(lambda s: value in s.tags)
        elif key == "failed":
            wanted = value.lower() in ("yes", "true", "1")
            self._checks.append(lambda s: s.failed == wanted)
        elif key in ("run", "name"):
            self._add(f"{key} = ?", value)
        else:
            self._add("instr(words, ?) > 0", term.casefold())

    def _metric(self, term: str, name: str, operator: str, text: str) -> None:
        try:
            bound = float(text)
        except ValueError:
            raise Invalid(
                f"{term!r} does not compare with a number", hint="write it like metric.acc>0.9"
            ) from None
        compare = _COMPARE[operator]
        self._checks.append(lambda s: name in s.metrics and compare(s.metrics[name], bound))

    def _rows(self, database: Database, tail: str) -> list[Any]:
        where = " AND ".join(self._where) or "1"
        return database.rows(
            f"SELECT summary, seal, state, short_id FROM snapshots WHERE {where} {tail}",  # noqa: S608
            self._values,
        )

    def run(
        self, database: Database, offset: int, limit: int | None
    ) -> list[model.SnapshotSummary]:
        """Return one part of the answer."""
        key, down = self._sort.lstrip("-"), self._sort.startswith("-")
        if key in _COLUMNS:
            way = "DESC" if down else "ASC"
            tail = f"ORDER BY {_COLUMNS[key]} {way}, id {way}"
            if not self._checks:
                tail += f" LIMIT {-1 if limit is None else int(limit)} OFFSET {int(offset)}"
                return self._summaries(self._rows(database, tail))
            found = self._summaries(self._rows(database, tail))
        else:
            found = self._sorted(self._summaries(self._rows(database, "ORDER BY id")), key, down)
        return found[offset : None if limit is None else offset + limit]

    def _sorted(
        self, found: list[model.SnapshotSummary], key: str, down: bool
    ) -> list[model.SnapshotSummary]:
        if key == "size":
            return sorted(found, key=lambda s: s.size, reverse=down)
        name = key.removeprefix("metric:")
        if name == key:
            raise Invalid(
                f"Snapshots cannot be sorted by {key!r}",
                hint="sort by created, name, size or metric:NAME",
            )
        have = [s for s in found if name in s.metrics]
        have.sort(key=lambda s: s.metrics[name], reverse=down)
        return have + [s for s in found if name not in s.metrics]

    def _summaries(self, rows: list[Any]) -> list[model.SnapshotSummary]:
        found = []
        for data, seal, state, short_id in rows:
            summary = read_summary(data, seal)
            summary.state = STATES.get(state, "stored")
            summary.short_id = short_id
            if all(check(summary) for check in self._checks):
                found.append(summary)
        return found

    def count(self, database: Database) -> int:
        """Return how many snapshots answer the question."""
        if self._checks:
            return len(self._summaries(self._rows(database, "")))
        where = " AND ".join(self._where) or "1"
        sql = f"SELECT count(*) FROM snapshots WHERE {where}"  # noqa: S608
        return int(database.row(sql, self._values)[0])
