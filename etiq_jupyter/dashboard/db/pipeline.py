"""PostgreSQL's pipeline mode: statements go out together, and answers come back together.

psycopg sends each statement of its own pipelines as soon as it is given, which wakes the server
for each. For a dozen small statements that is most of what they cost, on either side. Here nothing
is sent before an answer is needed.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import Dialect

_NUMBERS: dict[int, Callable[[bytes], Any]] = {
    16: b"t".__eq__,  # bool
    20: int,  # bigint
    21: int,  # smallint
    23: int,  # integer
    701: float,  # double precision
}
"""What makes values of types that are not text, by the server's number of the type."""


class Answer:
    """What the server will answer to a statement."""

    __slots__ = ("_pipeline", "result")

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.result: Any = None

    @property
    def description(self) -> list[tuple[str]]:
        """The names of the columns, as drivers tell them."""
        result = self.result
        return [(result.fname(column).decode(),) for column in range(result.nfields)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Wait for it and return its rows."""
        if self.result is None:
            self._pipeline.receive(self)
        result, columns = self.result, range(self.result.nfields)
        made = [_NUMBERS.get(result.ftype(column), bytes.decode) for column in columns]
        return [
            tuple(
                [
                    None if (raw := result.get_value(row, column)) is None else made[column](raw)
                    for column in columns
                ]
            )
            for row in range(result.ntuples)
        ]


class Pipeline:
    """A connection to PostgreSQL that sends statements when the first answer is asked for.

    Parameters
    ----------
    connection : Connection
        Used for nothing else from here on, and closed after a failure.
    """

    def __init__(self, connection: Connection) -> None:
        self.dialect: Dialect = connection.dialect
        self._server: Any = connection.connection.dbapi_connection.pgconn  # type: ignore[union-attr]
        self._server.enter_pipeline_mode()
        self._server.nonblocking = 1
        self._socket = select.poll()
        self._awaited: deque[Answer] = deque()
        self._prepared: dict[str, bytes] = {}

    def send(self, text: str, values: Sequence[Any] = ()) -> Answer:
        """Put a statement in line; its values are strings and numbers."""
        name = self._prepared.get(text)
        if name is None:
            name = self._prepared[text] = b"etiq_%d" % len(self._prepared)
            self._server.send_prepare(name, text.encode())
            self._awaited.append(Answer(self))
        given = [None if value is None else _sent(value) for value in values]
        self._server.send_query_prepared(name, given)
        answer = Answer(self)
        self._awaited.append(answer)
        return answer

    def receive(self, answer: Answer) -> None:
        """Wait for an answer.

        Raises
        ------
        psycopg.Error
            When this statement or one before it has failed.
        """
        self._server.send_flush_request()
        self._flush()
        while answer.result is None:
            self._take()

    def commit(self) -> None:
        """Commit, and wait until that is done; raises as `receive` does."""
        from psycopg import OperationalError, pq

        done = self.send("COMMIT")
        self._server.pipeline_sync()
        self._flush()
        while self._awaited:
            self._take()
        if self._next().status != pq.ExecStatus.PIPELINE_SYNC or done.result is None:
            raise OperationalError("the commit was not answered")
        if done.result.command_status != b"COMMIT":
            raise OperationalError("the transaction was not committed")

    def _take(self) -> None:
        """Give the next answer to whom it is for."""
        from psycopg import errors, pq

        result = self._next()
        while self._next() is not None:
            pass  # an answer ends with nothing
        if result.status in {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}:
            self._awaited.popleft().result = result
            return
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        what = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"a statement failed"
        try:
            kind = errors.lookup(state)
        except KeyError:
            kind = errors.OperationalError
        raise kind(what.decode(errors="replace"))

    def _next(self) -> Any:
        server = self._server
        while server.is_busy():
            self._wait(select.POLLIN)
            server.consume_input()
        return server.get_result()

    def _flush(self) -> None:
        """Send all; what the server answers meanwhile is read, or both might wait for ever."""
        server = self._server
        while server.flush():
            if self._wait(select.POLLIN | select.POLLOUT) & select.POLLIN:
                server.consume_input()

    def _wait(self, what: int) -> int:
        self._socket.register(self._server.socket, what)
        return self._socket.poll()[0][1]


def _sent(value: Any) -> bytes:
    """Return a value as text that ends where the server will think that it does."""
    text = str(value).encode()
    if b"\0" in text:
        from psycopg import DataError

        raise DataError("a text holds a null character")
    return text
