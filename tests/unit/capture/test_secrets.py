"""No secret of the corpus survives capture, wherever it stands; ordinary texts are left alone."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import base64
import importlib.util
import sys
import urllib.parse
from pathlib import Path
from typing import Any

import msgspec
import pytest

from etiq_jupyter import capture, codecs
from etiq_jupyter.capture.redact import Redactor
from etiq_jupyter.objects.content import canonical

_spec = importlib.util.spec_from_file_location(
    "etiq_test_corpus", Path(__file__).with_name("corpus.py")
)
assert _spec is not None
assert _spec.loader is not None
corpus = importlib.util.module_from_spec(_spec)
sys.modules["etiq_test_corpus"] = corpus
_spec.loader.exec_module(corpus)
SECRETS = corpus.secrets()


def everything(captured: capture.Captured) -> bytes:
    """All bytes that leave capture: manifest and contents."""
    parts = [msgspec.json.encode(captured.snapshot), msgspec.msgpack.encode(captured.snapshot)]
    for content in captured.contents.values():
        parts.append(canonical(content.meta))
        parts += [bytes(buffer.data) for buffer in content.buffers]
    return b"\0".join(parts)


def holds(data: bytes, secret: str) -> bool:
    forms = {secret, secret.replace("\n", "\\n"), secret.replace("/", "\\/")}
    return any(form.encode() in data for form in forms)


def test_the_corpus_is_large() -> None:
    assert len(SECRETS) >= 60
    assert len({kind for kind, _, _ in SECRETS}) >= 20


def test_recall_and_false_positives(capsys: Any) -> None:
    missed = [
        (kind, text) for kind, secret, text in SECRETS if secret in Redactor().text(text, "source")
    ]
    wrong = [text for text in corpus.HARMLESS if Redactor().text(text, "source") != text]
    with capsys.disabled():
        recall = 1 - len(missed) / len(SECRETS)
        print(
            f"\nsecrets: recall {recall:.3f} of {len(SECRETS)} in {len(corpus.KINDS)} kinds; ",
            end="",
        )
        print(f"false positives {len(wrong)} of {len(corpus.HARMLESS)} ordinary texts")
    assert missed == []
    assert wrong == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_secrets_of_the_same_shapes_are_found(seed: int) -> None:
    made = corpus.secrets(seed)
    missed = [
        (kind, text) for kind, secret, text in made if secret in Redactor().text(text, "source")
    ]
    assert len(missed) <= len(made) // 100, missed


def test_planted_in_source_outputs_values_and_error(kernel: Any, stream: Any) -> None:
    for kind, secret, text in SECRETS:
        kernel.namespace["planted"] = {
            "a": [text],
            "b": (text, {text: text}),
            "bytes": text.encode(),
        }
        source = f"# {text!r}\nkept = planted\none = planted['a'][0]\nfor_humans = {text!r}"
        outputs = [
            stream(f"before {text} after\n"),
            stream(text, "stderr"),
            {
                "output_type": "execute_result",
                "data": {
                    "text/plain": repr(text),
                    "text/html": f"<td>{text}</td>",
                    "application/json": {"x": [text]},
                },
                "metadata": {},
                "execution_count": 1,
            },
            {
                "output_type": "error",
                "ename": "ValueError",
                "evalue": text,
                "traceback": ["line", text],
            },
        ]
        captured = kernel.run(source, outputs=outputs, name="n", note=text, tags=[text])
        assert not holds(everything(captured), secret), (kind, text)
        assert captured.snapshot.redactions, kind
        assert all(
            found.kind and found.where and found.count for found in captured.snapshot.redactions
        )


def test_planted_in_the_environment(kernel: Any, surroundings: Any) -> None:
    surroundings("".join(f"@@ -1 +1 @@\n+{text}\n" for _, _, text in SECRETS))
    captured = kernel.run("x = 1")
    data = everything(captured)
    assert [secret for _, secret, _ in SECRETS if holds(data, secret)] == []
    assert {found.where for found in captured.snapshot.redactions} == {"environment"}


def test_a_secret_known_later_is_taken_out_of_an_environment_made_before(
    kernel: Any, surroundings: Any
) -> None:
    surroundings("+the horse-42-battery and the blue-Horse_77x")
    assert holds(everything(kernel.run("x = 1")), "horse-42-battery")
    capture.register_secret("horse-42-battery")
    try:
        captured = kernel.run("x = 2")
        assert not holds(everything(captured), "horse-42-battery")
        assert holds(everything(captured), "blue-Horse_77x")
        kernel.run("password = 'blue-Horse_77x'")
        assert not holds(everything(kernel.run("x = 3")), "blue-Horse_77x")
        assert not holds(everything(kernel.run("x = 4")), "horse-42-battery")
        assert "horse-42-battery" not in repr(kernel.memory.surroundings)
    finally:
        capture.forget_secret("horse-42-battery")


def test_a_password_assigned_in_one_cell_and_printed_in_another(kernel: Any, stream: Any) -> None:
    kernel.run("password = 'blue-Horse_77x'")
    captured = kernel.run("y = 'the ' + password", outputs=[stream("it is blue-Horse_77x\n")])
    assert not holds(everything(captured), "blue-Horse_77x")
    assert "[redacted: assigned secret]" in codecs.decode(captured.contents["@outputs"])[0]["text"]


def test_a_password_assigned_on_one_line_and_bare_on_others(kernel: Any) -> None:
    bare = "login('blue-Horse_77x')"
    captured = kernel.run(
        f"def login(x): pass\n{bare}\npassword = 'blue-Horse_77x'\n{bare}\n"
        "seen = [{'first': 'blue-Horse_77x'}, {'password': 'blue-Horse_77x'}]"
    )
    assert not holds(everything(captured), "blue-Horse_77x")
    texts = ["it is red-Horse_77y", "password = 'red-Horse_77y'"]
    assert "red-Horse_77y" not in str(Redactor().json(texts, "outputs"))
    kernel.namespace["texts"] = texts
    assert not holds(everything(kernel.run("kept = texts")), "red-Horse_77y")


def test_dictionary_keys_tell_secrets(kernel: Any) -> None:
    captured = kernel.run(
        "cfg = {'user': 'ana', 'password': 'qwertz99', 'nested': {'api_key': 'k3yk3yk3y', 'n': 1}, 'token': None}"
    )
    value = codecs.decode(captured.contents["cfg"])
    assert value["user"] == "ana"
    assert value["password"] == value["nested"]["api_key"] == "[redacted: assigned secret]"
    assert value["token"] is None
    assert "qwertz99" not in kernel.item("cfg").summary


@pytest.fixture
def token() -> Any:
    text = "zq7-Registered-Text-42"
    capture.register_secret(text)
    yield text
    capture.forget_secret(text)


def test_a_registered_secret_is_found_in_every_disguise(
    kernel: Any, stream: Any, token: str
) -> None:
    encoded = base64.b64encode(f"user:{token}".encode()).decode()
    disguises = [
        token, repr(token), token[:9] + "\n" + token[9:], token[:9] + "\\\n" + token[9:], f"'{token[:9]}' + '{token[9:]}'", urllib.parse.quote(token + "/x"),
        encoded, base64.b64encode(token.encode()).decode(), base64.b64encode(b"ab" + token.encode()).decode(), token.encode().hex(), token[::-1], f"\x1b[31m{token}\x1b[0m",
    ]  # fmt: skip
    for text in disguises:
        clean = Redactor().text(f"x {text} y", "source")
        assert "[redacted: registered secret]" in clean, text
        assert clean.startswith("x ")


def test_a_registered_secret_keeps_frames_arrays_and_models_out(kernel: Any, token: str) -> None:
    kernel.namespace["token"] = token
    captured = kernel.run(
        "import pandas as pd, numpy as np\ndf = pd.DataFrame({'a': ['x', token + '!']})\narr = np.array([token])\nobj = pd.DataFrame({'a': [[token]]})\n"
        "col = pd.DataFrame({token: [1]})\nbox = {'df': df}\nfine = pd.DataFrame({'a': ['x']})\nnums = np.arange(3)"
    )
    assert not holds(everything(captured), token)
    for name in ("df", "arr", "obj", "col"):
        assert "registered secret" in kernel.item(name).reason, name
    assert not kernel.item("fine").reason
    assert not kernel.item("nums").reason
    assert not kernel.item("box").hash or not holds(everything(captured), token)


def test_text_cells_of_frames_are_left_alone(kernel: Any) -> None:
    secret = SECRETS[5][1]
    kernel.namespace["secret"] = secret
    captured = kernel.run("import pandas as pd\ndf = pd.DataFrame({'a': [secret]})")
    assert codecs.decode(captured.contents["df"])["a"][0] == secret


def test_redacting_does_not_change_what_it_keeps(kernel: Any) -> None:
    captured = kernel.run("v = {'a': [1.5, None, (1, 2)], 'password': 'hunter2x!'}; w = v['a']")
    value = codecs.decode(captured.contents["v"])
    assert value["a"] == [1.5, None, (1, 2)]
    assert kernel.namespace["v"]["password"] == "hunter2x!"
    report = {(found.kind, found.where): found.count for found in captured.snapshot.redactions}
    assert report[("assigned secret", "variable v")] == 1


def test_hard_texts_are_searched_in_time() -> None:
    import time

    begun = time.perf_counter()
    for text in (
        "a" * 200_000,
        "password=" * 20_000,
        "-----BEGIN PRIVATE KEY-----" * 2_000,
        "eyJ" * 60_000,
        "://a:" * 40_000,
        "key='" * 40_000,
        "sk-" * 60_000,
    ):
        Redactor().text(text, "outputs")
    assert time.perf_counter() - begun < 20
