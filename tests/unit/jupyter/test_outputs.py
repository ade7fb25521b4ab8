from __future__ import annotations

import logging
import sys
from typing import Any

import pytest

from etiq_jupyter.jupyter.outputs import OutputListener, joined


def listen(shell: Any, code: str) -> list[dict[str, Any]]:
    listener = OutputListener(shell)
    listener.start()
    try:
        shell.run_cell(code)
    finally:
        outputs = listener.stop()
    return joined(outputs)


def test_streams_and_results_are_heard_in_order(shell: Any) -> None:
    found = listen(shell, "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')\n1 + 1")
    assert [(o["output_type"], o.get("name")) for o in found] == [
        ("stream", "stdout"),
        ("stream", "stderr"),
        ("stream", "stdout"),
        ("execute_result", None),
    ]
    assert found[0]["text"] == "a\n"
    assert found[3]["data"]["text/plain"] == "2"


def test_displays_keep_all_their_forms_once(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = listen(
        shell,
        "from IPython.display import display\n"
        "display({'text/plain': 't', 'text/html': '<b>t</b>'}, raw=True)",
    )
    assert [o["output_type"] for o in found] == ["display_data"]
    assert found[0]["data"] == {"text/plain": "t", "text/html": "<b>t</b>"}
    assert "t" in capsys.readouterr().out


def test_an_updated_display_is_heard_in_its_last_form(shell: Any) -> None:
    found = listen(
        shell,
        "from IPython.display import display, update_display\n"
        "display({'text/plain': 'old'}, raw=True, display_id='x')\n"
        "update_display({'text/plain': 'new'}, raw=True, display_id='x')",
    )
    assert [o["data"] for o in found] == [{"text/plain": "new"}]


def test_cleared_output_is_forgotten(shell: Any) -> None:
    code = "from IPython.display import clear_output\nprint('a')\nclear_output(wait={})\nprint('b')"
    for wait in (True, False):
        assert [o["text"] for o in listen(shell, code.format(wait))] == ["b\n"]


def test_a_logging_handler_made_earlier_is_heard(shell: Any) -> None:
    logger = logging.getLogger("test_outputs")
    handler = logging.StreamHandler(sys.stdout)
    logger.addHandler(handler)
    try:
        found = listen(shell, "import logging; logging.getLogger('test_outputs').error('oh')")
    finally:
        logger.removeHandler(handler)
    assert found[0]["text"] == "oh\n"


def test_the_streams_are_the_same_objects_and_clean_afterwards(shell: Any) -> None:
    before = sys.stdout
    listen(shell, "import sys; seen = sys.stdout")
    assert shell.user_ns["seen"] is before
    assert "wrapped" not in repr(sys.stdout.write)


def test_a_wrapper_that_came_later_is_left_in_place(shell: Any) -> None:
    listener = OutputListener(shell)
    listener.start()
    ours = sys.stdout.write

    def theirs(text: str) -> int:
        return ours(text)

    sys.stdout.write = theirs  # type: ignore[method-assign]
    try:
        listener.stop()
        assert sys.stdout.write is theirs
    finally:
        del sys.stdout.write  # type: ignore[method-assign]
