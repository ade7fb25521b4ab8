"""An answer goes out in one piece, and large or streamed ones without waiting."""

from __future__ import annotations

import asyncio

from etiq_jupyter.dashboard.web.protocol import LARGE, Joined


class _Transport:
    def __init__(self):
        self.written = []
        self.closed = False

    def write(self, data):
        self.written.append(data)

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def get_extra_info(self, name):
        return f"the {name}"


def _on_a_loop(what):
    async def run():
        transport = _Transport()
        result = what(Joined(transport, asyncio.get_running_loop()), transport)
        if result is not None:
            await result
        return transport

    return asyncio.run(run())


def test_head_and_body_are_written_together():
    async def answer_twice(joined, transport):
        joined.write(b"head ")
        joined.write(b"body")
        assert transport.written == []
        await asyncio.sleep(0)
        assert transport.written == [b"head body"]
        joined.write(b"next")
        await asyncio.sleep(0)

    assert _on_a_loop(answer_twice).written == [b"head body", b"next"]


def test_much_is_written_at_once():
    def answer(joined, transport):
        joined.write(b"head ")
        joined.write(b"x" * LARGE)
        assert transport.written == [b"head " + b"x" * LARGE]

    _on_a_loop(answer)


def test_closing_writes_what_waits_first():
    def answer(joined, transport):
        joined.write(b"last words")
        joined.close()
        assert (transport.written, transport.closed) == ([b"last words"], True)
        assert joined.is_closing()

    _on_a_loop(answer)


def test_all_else_is_the_transports_own():
    def ask(joined, _transport):
        assert joined.get_extra_info("peername") == "the peername"

    _on_a_loop(ask)
