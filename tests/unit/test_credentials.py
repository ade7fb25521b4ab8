from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from etiq_jupyter import credentials
from etiq_jupyter.errors import AuthError, ConfigError, Invalid

SYSTEM = str(credentials.SYSTEM_FILE)
PLACES = ["config", "environment", ".etiq", "~/.etiq", ".env", "~/.env", SYSTEM]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "work"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(credentials, "SYSTEM_FILE", tmp_path / "api.cfg")
    return here


def put(place: str, monkeypatch: pytest.MonkeyPatch, host: str, token: str = "tok") -> Path | None:
    lines = f"ETIQ_DASHBOARD_URL=https://{host}\nETIQ_TOKEN={token}-{host}\n"
    files = {
        "config": Path("given.cfg"),
        ".etiq": Path(".etiq"),
        "~/.etiq": Path.home() / ".etiq",
        ".env": Path(".env"),
        "~/.env": Path.home() / ".env",
        SYSTEM: credentials.SYSTEM_FILE,
    }
    if place == "environment":
        monkeypatch.setenv("ETIQ_DASHBOARD_URL", f"https://{host}")
        monkeypatch.setenv("ETIQ_TOKEN", f"{token}-{host}")
        return None
    files[place].write_text(lines)
    return files[place]


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(PLACES, 2)))
def test_V04_an_earlier_place_wins_over_a_later_one(
    first: str, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = put(first, monkeypatch, "first.example")
    put(second, monkeypatch, "second.example")
    found = credentials.find(config=config if first == "config" else None).require()
    assert (found.url, found.token) == ("https://first.example", "tok-first.example")
    assert found.source.endswith(first.replace("config", "given.cfg").replace(SYSTEM, "api.cfg"))


def test_V04_keywords_win_over_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in PLACES[1:]:
        put(place, monkeypatch, "elsewhere.example")
    found = credentials.find("https://mine.example/", " tok \n").require()
    assert (found.url, found.token, found.source) == ("https://mine.example", "tok", "keywords")


def test_E05_url_and_token_are_found_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    put("environment", monkeypatch, "env.example")
    assert credentials.find().require().source == "environment"


def test_a_token_never_goes_to_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    put("environment", monkeypatch, "theirs.example")
    walk = credentials.find("https://other.example")
    assert walk.credentials is None
    with pytest.raises(AuthError, match=r"belongs to https://theirs\.example"):
        walk.require()


def test_a_given_token_does_not_take_the_url_of_another_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(".env", monkeypatch, "planted.example")
    with pytest.raises(AuthError, match="give url= as well"):
        credentials.find(token="mine").require()


def test_a_given_url_takes_the_token_made_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    put("environment", monkeypatch, "other.example")
    put("~/.etiq", monkeypatch, "mine.example")
    found = credentials.find("https://mine.example/").require()
    assert (found.token, found.source) == ("tok-mine.example", "~/.etiq")


def test_V06_a_token_alone_is_for_the_embedded_dashboard() -> None:
    assert credentials.find(token="tok").require().url == "http://127.0.0.1:8765"


def test_unprefixed_environment_names_mean_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "WORKSPACE", "PROJECT", "DASHBOARD_URL", "API_TOKEN"):
        monkeypatch.setenv(name, "x")
    assert credentials.find().credentials is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"url": "https://a.example", "token": 5}', "must be text"),
        ('{"url": "https://a.example", "tokne": "x"}', "did you mean 'token'|Did you mean 'token'"),
        ('{"url": ', "not valid JSON"),
        ('["url"]', "not a JSON object"),
        ("ETIQ_TOKEN\n", "Line 1"),
        ("", "has no token"),
    ],
)
def test_a_malformed_explicit_file_is_an_error_and_never_skipped(
    text: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("environment", monkeypatch, "somebody-else.example")
    Path("given.json").write_text(text)
    with pytest.raises(ConfigError, match=says):
        credentials.find(config="given.json")


def test_a_missing_explicit_file_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    put("environment", monkeypatch, "somebody-else.example")
    with pytest.raises(ConfigError, match="no configuration file"):
        credentials.find(config="absent.json")


def test_a_malformed_file_of_our_own_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    put("~/.env", monkeypatch, "somebody-else.example")
    Path(".etiq").write_text("{")
    with pytest.raises(ConfigError, match=r"\.etiq"):
        credentials.find()


def test_a_fault_in_a_file_never_shows_the_token() -> None:
    secret = "etq_verysecretverysecret"
    Path("given.json").write_text(f'{{"token": "{secret}", ')
    with pytest.raises(ConfigError) as caught:
        credentials.find(config="given.json")
    assert secret not in str(caught.value)


def test_other_programs_lines_in_an_env_file_are_theirs() -> None:
    Path(".env").write_text(
        "garbage\nPATH=x=y\nexport ETIQ_TOKEN='tok'\nETIQ_DASHBOARD_URL=\"http://h:1\"\n"
    )
    found = credentials.find().require()
    assert (found.url, found.token) == ("http://h:1", "tok")


@pytest.mark.parametrize("names", [("url", "token"), ("host", "api_token"), ("domain", "api_key")])
def test_B01_V02_a_config_is_a_dict_or_a_json_file_of_many_lines(names: tuple[str, str]) -> None:
    data = {names[0]: "https://a.example", names[1]: "tok"}
    Path("c.json").write_text(json.dumps(data, indent=2))
    for config in (data, "c.json", Path("c.json")):
        found = credentials.find(config=config).require()
        assert (found.url, found.token) == ("https://a.example", "tok")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dashboard",
        "ftp://a.example",
        "http://",
        "http://a b",
        "http://a:99999",
        "https://u:p@a",
    ],
)
def test_what_is_not_a_dashboards_url_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        credentials.check_url(url)


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://A.example/", "https://a.example"),
        (" http://h:80/base/ ", "http://h:80/base"),
        ("http://[::1]:8", "http://[::1]:8"),
    ],
)
def test_urls_have_one_form(url: str, canonical: str) -> None:
    assert credentials.check_url(url) == canonical


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak", "ünïcode", "x" * 600])
def test_what_cannot_be_a_token_is_refused_without_repeating_it(token: str) -> None:
    with pytest.raises(Invalid) as caught:
        credentials.check_token(token)
    assert not token.strip() or token not in str(caught.value)


def test_the_token_is_not_in_the_repr_nor_in_the_explanation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put("environment", monkeypatch, "a.example", token="supersecret")
    walk = credentials.find()
    assert "supersecret" not in repr(walk)
    assert "supersecret" not in walk.explain()
    assert "-> environment" in walk.explain()


def test_a_missing_token_error_says_what_was_looked_at() -> None:
    with pytest.raises(AuthError, match="Tokens page") as caught:
        credentials.find().require()
    assert "~/.etiq" in str(caught.value)
    assert "ETIQ_TOKEN" in str(caught.value)


def test_an_unreadable_explicit_file_is_an_error(tmp_path: Path) -> None:
    Path("binary.cfg").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ConfigError, match="UTF-8"):
        credentials.find(config="binary.cfg")
    with pytest.raises(ConfigError):
        credentials.find(config=tmp_path)
