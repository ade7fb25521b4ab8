"""Outputs as they are kept."""

from __future__ import annotations

import base64
from typing import Any

from etiq_jupyter import codecs
from etiq_jupyter.capture.outputs import MAX_OUTPUTS, MAX_TEXT, collapse, tidy


def test_streams_are_merged_in_order(stream: Any) -> None:
    made = tidy([stream("a"), stream("b\n"), stream("e", "stderr"), stream("c")])
    assert [(o["name"], o["text"]) for o in made] == [
        ("stdout", "ab\n"),
        ("stderr", "e"),
        ("stdout", "c"),
    ]


def test_progress_bars_keep_their_last_state() -> None:
    bar = "".join(f"\r{n:3}%|{'#' * (n // 10):10}|" for n in range(101)) + "\ndone\n"
    assert collapse(bar) == "100%|##########|\ndone\n"
    assert collapse("a\r\nb\r\n") == "a\nb\n"
    assert collapse("abc\rX") == "Xbc"
    assert collapse("no change") == "no change"


def test_bars_of_several_lines_are_followed() -> None:
    text = "one 10%\ntwo 20%\x1b[1A\rone 90%\n\rtwo 80%\n"
    assert collapse(text) == "one 90%\ntwo 80%\n"
    assert collapse("abc\x1b[2K\rx") == "x"
    assert collapse("ab\bc") == "ac"


def test_a_long_progress_bar_takes_no_room(kernel: Any, stream: Any) -> None:
    kernel.run("pass", outputs=[stream(f"\rstep {n} of 100000") for n in range(100_000)])
    assert kernel.item("@outputs").size < 500


def test_big_texts_are_cut_with_a_mark(stream: Any) -> None:
    made = tidy([stream("x" * (MAX_TEXT + 5000) + "END")])
    assert len(made[0]["text"]) < MAX_TEXT + 200
    assert "characters were not kept" in made[0]["text"]
    assert made[0]["text"].endswith("END")


def test_too_many_outputs_are_cut_with_a_mark() -> None:
    made = tidy(
        [{"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {}}]
        * (MAX_OUTPUTS + 7)
    )
    assert len(made) == MAX_OUTPUTS + 1
    assert "7 more outputs" in made[-1]["text"]


def test_all_mime_forms_come_back_in_order(kernel: Any, stream: Any) -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"p" * 100).decode() + "\n"
    outputs = [
        stream("hi\n"),
        {
            "output_type": "display_data",
            "data": {"text/html": "<b>x</b>", "image/png": png, "text/plain": "x"},
            "metadata": {"k": 1},
        },
        {
            "output_type": "execute_result",
            "data": {"application/json": {"a": [1]}, "text/plain": "r"},
            "metadata": {},
            "execution_count": 3,
        },
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["t1", "t2"]},
    ]
    kernel.run("pass", outputs=outputs)
    content = kernel.last.contents["@outputs"]
    assert codecs.decode(content) == outputs
    assert list(codecs.decode(content)[1]["data"]) == ["text/html", "image/png", "text/plain"]
    assert codecs.preview(content).data == outputs
    figure = kernel.item("@figure-1")
    assert (figure.role, figure.kind, figure.codec) == ("figure", "figure", "picture")
    assert codecs.decode(kernel.last.contents["@figure-1"]).data.startswith(b"\x89PNG")


def test_equal_pictures_are_stored_once(kernel: Any) -> None:
    png = base64.b64encode(b"p" * 1000).decode()
    kernel.run(
        "pass",
        outputs=[{"output_type": "display_data", "data": {"image/png": png}, "metadata": {}}],
    )
    outputs, figure = kernel.last.contents["@outputs"], kernel.last.contents["@figure-1"]
    assert outputs.buffers[1].digest == figure.buffers[0].digest


def test_a_cell_without_outputs_has_no_outputs_item(kernel: Any) -> None:
    kernel.run("x = 1")
    assert [i.name for i in kernel.last.snapshot.items] == ["x", "@environment"]
