import json
import pickle
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from etiq_jupyter import errors
from etiq_jupyter.sync.connection import Connection
from etiq_jupyter.sync.throttle import Throttle
from etiq_jupyter.sync.transport import Transport


class Server:
    """Answers from a list, and remembers what it was asked."""

    def __init__(self):
        self.answers, self.asked = [], []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def _any(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.asked.append((self.command, self.path, dict(self.headers)))
                answer = server.answers.pop(0) if server.answers else (200, {}, {})
                if answer is None:
                    self.connection.close()
                    return
                status, headers, body = answer
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                headers = {"Content-Type": "application/json", **headers}
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args):
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def waits():
    return []


@pytest.fixture
def transport(server, waits):
    return Transport(server.url, "etq_secret", timeout=2, sleep=waits.append)


def problem(status, code, **more):
    body = {
        "status": status,
        "code": code,
        "what": "This happened",
        "why": "so",
        "hint": "do",
        **more,
    }
    return (status, {"Content-Type": "application/problem+json"}, body)


def test_the_token_goes_with_every_call_and_is_shown_nowhere(server, transport):
    transport.request("GET", "/api/v1/me")
    assert server.asked[0][2]["Authorization"] == "Bearer etq_secret"
    connection = Connection(1, server.url, "u", "etq_secret")
    for thing in (transport, transport._session().auth, connection):
        assert "etq_secret" not in repr(thing)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(401, "unauthorized"), errors.AuthError),
        (problem(403, "forbidden"), errors.Forbidden),
        (problem(404, "not_found", nearest=["Churn"]), errors.NotFound),
        (problem(409, "lacking", lacking=["aa", "bb"]), errors.Lacking),
        (problem(422, "invalid", path="$.name"), errors.Invalid),
        (problem(413, "too_large"), errors.TooLarge),
        (problem(500, "server_error"), errors.ServerError),
        (problem(409, "a code of a newer dashboard"), errors.Conflict),
    ],
)
def test_a_problem_document_becomes_the_typed_error(server, transport, answer, kind):
    server.answers = [answer]
    with pytest.raises(kind) as caught:
        transport.request("POST", "/api/v1/projects")
    error = caught.value
    assert (error.what, error.why) == ("This happened", "so")
    assert getattr(error, "nearest", ("Churn",)) == ("Churn",)
    assert getattr(error, "lacking", ("aa", "bb")) == ("aa", "bb")
    assert getattr(error, "path", "$.name") in ("$.name", "")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    "answer",
    [
        (404, {"Content-Type": "text/html"}, b"<h1>nginx</h1>"),
        (200, {"Content-Type": "text/html"}, b"<h1>Log in to the hotel</h1>"),
        (500, {"Content-Type": "text/plain"}, b"oops"),
        (401, {"Content-Type": "text/html"}, b"Basic"),
    ],
)
def test_what_is_not_a_dashboard_is_called_so(server, transport, answer):
    server.answers = [answer]
    with pytest.raises(errors.NotADashboard, match=r"127\.0\.0\.1"):
        transport.request("GET", "/api/v1/me")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_passing_trouble_is_tried_again(server, transport, waits, status):
    server.answers = [(status, {}, b""), (200, {}, {"ok": 1})]
    assert transport.request("GET", "/api/v1/me").json() == {"ok": 1}
    assert len(waits) == 1
    assert 0 < waits[0] < 1


def test_retry_after_is_honoured_and_long_ones_are_left_to_the_caller(server, transport, waits):
    server.answers = [(429, {"Retry-After": "2"}, b"")]
    transport.request("GET", "/api/v1/me")
    assert 2 <= waits[0] < 2.2
    server.answers = [(429, {"Retry-After": "600"}, b"")]
    with pytest.raises(errors.RateLimited) as caught:
        transport.request("GET", "/api/v1/me")
    assert caught.value.retry_after == 600
    for nonsense in ("soon", "-5", "nan", ""):
        server.answers = [(503, {"Retry-After": nonsense}, b"")]
        transport.request("GET", "/api/v1/me")


def test_a_lost_answer_repeats_what_may_be_repeated_and_nothing_else(server, transport):
    server.answers = [None]
    transport.request("PUT", "/api/v1/snapshots/1")
    assert len(server.asked) == 2
    server.answers = [None]
    with pytest.raises(errors.Offline):
        transport.request("POST", "/api/v1/tokens")
    assert len(server.asked) == 3


@pytest.fixture
def direct(monkeypatch):
    """No proxy from the environment."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def says(url, **options):
    with pytest.raises(errors.EtiqError) as caught:
        Transport(url, "etq_secret", retries=0, **options).request("GET", "/api/v1/me")
    assert "etq_secret" not in str(caught.value)
    return str(caught.value)


CHECK = "Check the address and whether the dashboard runs."


def test_nobody_there_is_said_with_the_address_and_the_cause(direct):
    said = says("http://127.0.0.1:9")
    assert said == f"Cannot reach http://127.0.0.1:9 (connection refused). {CHECK}"


def test_an_unknown_host_is_named(direct):
    said = says("http://no-such-host.invalid:8765", timeout=5)
    why = "the host name 'no-such-host.invalid' is not known"
    assert said == f"Cannot reach http://no-such-host.invalid:8765 ({why}). {CHECK}"


def test_no_answer_says_how_long_was_waited(direct):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        said = says(url, timeout=0.2)
    assert said.startswith(f"Cannot reach {url} (no answer within 0.2 s). Check the address")
    assert "timeout=" in said


def test_a_password_in_the_address_is_not_said(direct):
    assert "hush" not in says("http://ana:hush@127.0.0.1:9")
    assert "hush" not in says(
        "http://dashboard.example", proxies={"http": "http://ana:hush@127.0.0.1:9"}
    )


def test_a_dead_proxy_is_named(server):
    said = says("http://dashboard.example", proxies={"http": "http://127.0.0.1:9"})
    assert said.startswith(
        "Cannot reach http://dashboard.example through the proxy http://127.0.0.1:9 "
        "(connection refused). Check http_proxy"
    )


def test_a_proxy_that_wants_a_password_says_so(server):
    server.answers = [(407, {"Content-Type": "text/html"}, b"who are you")]
    said = says("http://dashboard.example", proxies={"http": server.url})
    assert f"through the proxy {server.url} (the proxy wants a user name and password)" in said


# --- certificates -----------------------------------------------------------------------------


@pytest.fixture
def encrypted(server, tmp_path):
    """The server behind a certificate that it has signed itself; also the path of that."""
    key, certificate = tmp_path / "key.pem", tmp_path / "own.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    paths = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *names, *paths], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    return f"https://localhost:{server.http.server_address[1]}", str(certificate)


def test_a_certificate_signed_by_itself_says_how_to_trust_it(encrypted, direct):
    url, certificate = encrypted
    assert says(url) == (
        f"The certificate of {url} is not accepted (it is signed by itself). "
        "Pass verify='/path/to/ca.pem' with the certificate of the dashboard."
    )
    Transport(url, "t", verify=certificate, retries=0).request("GET", "/api/v1/me")


def test_a_certificate_for_another_name_says_so(encrypted, direct):
    url, certificate = encrypted
    said = says(url.replace("localhost", "127.0.0.1"), verify=certificate)
    assert "it was made for another address" in said


def test_certificates_that_are_not_there_are_named(encrypted, direct):
    said = says(encrypted[0], verify="/no/such/ca.pem")
    assert "cannot be read" in said
    assert "/no/such/ca.pem" in said


def test_a_dashboard_that_does_not_encrypt_is_asked_for_with_http(server, direct):
    said = says(server.url.replace("http:", "https:"))
    assert "what answers there does not encrypt" in said
    assert "begin with http://" in said


def test_not_checking_certificates_warns_once_with_the_address(encrypted, direct, recwarn):
    url = encrypted[0]
    for _ in range(3):
        Transport(url, "t", verify=False, retries=0).request("GET", "/api/v1/me")
    (warning,) = recwarn
    assert f"The certificate of {url} is not checked" in str(warning.message)
    assert warning.category is UserWarning


def test_an_explicit_proxy_is_used(server):
    through = Transport("http://dashboard.example", "t", proxies={"http": server.url}, retries=0)
    through.request("GET", "/api/v1/me")
    assert server.asked[0][1] == "http://dashboard.example/api/v1/me"


def test_a_redirect_to_another_host_gets_no_token(server, transport):
    other = Server()
    server.answers = [(302, {"Location": f"{other.url}/api/v1/me"}, b"")]
    with pytest.raises(errors.NotADashboard, match="another address"):
        transport.request("GET", "/api/v1/me")
    assert other.asked == []
    server.answers = [(307, {"Location": "/api/v1/moved"}, b"")]
    transport.request("GET", "/api/v1/me")
    assert server.asked[-1][1] == "/api/v1/moved"
    server.answers = [(302, {"Location": "/round"}, b"")] * 9
    with pytest.raises(errors.NotADashboard, match="circles"):
        transport.request("GET", "/api/v1/me")
    other.http.shutdown()
    other.http.server_close()


@pytest.mark.parametrize("path", ["http://evil.example/", "//evil.example/x", "api/v1/me"])
def test_other_hosts_cannot_be_called(transport, server, path):
    with pytest.raises(errors.Invalid):
        transport.request("GET", path)
    assert server.asked == []


def test_a_throttle_spreads_bytes_over_time():
    now, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    throttle = Throttle(100_000, clock=lambda: now[0], sleep=sleep)
    body = throttle.wrap(b"x" * 250_000)
    assert len(body) == 250_000
    received = b""
    while block := body.read(64_000):
        received += block
    assert received == b"x" * 250_000
    assert 2.0 < now[0] <= 2.5
    body.seek(0)
    assert body.tell() == 0
    assert Throttle(0).wrap(b"abc") == b"abc"
