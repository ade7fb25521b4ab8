"""The garbage collector is as the user left it, whatever happens meanwhile."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator

import pytest

from etiq_jupyter import codecs
from etiq_jupyter.codecs.collector import collector_paused
from etiq_jupyter.errors import NotKept


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    yield
    gc.enable()


def test_it_is_on_again_also_after_a_failure() -> None:
    with pytest.raises(NotKept):
        codecs.encode([[]] * 5_000 + [iter([])])
    assert gc.isenabled()
    content = codecs.encode([[n] for n in range(50_000)]).content
    assert len(codecs.decode(content)) == 50_000
    assert gc.isenabled()


def test_it_stays_off_where_the_user_turned_it_off() -> None:
    gc.disable()
    with collector_paused():
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_the_last_of_several_threads_turns_it_on() -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with collector_paused():
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=other)
    with collector_paused():
        thread.start()
        assert inside.wait(30)
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_inherit_a_pause() -> None:
    with collector_paused():
        child = os.fork()
        if not child:
            os._exit(0 if gc.isenabled() else 1)
        assert os.waitpid(child, 0)[1] == 0
