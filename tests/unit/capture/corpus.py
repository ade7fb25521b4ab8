"""Realistic secrets by kind, made here of random letters, and texts that look like them and are none.

Each maker returns (secret, how it stands in a text). None is or ever was a real secret.
"""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"


def _of(rng: random.Random, letters: str, count: int) -> str:
    return "".join(rng.choice(letters) for _ in range(count))


def _b64(rng: random.Random, data: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def _jwt(rng: random.Random) -> str:
    return ".".join(
        (
            _b64(rng, {"alg": "HS256", "typ": "JWT"}),
            _b64(rng, {"sub": _of(rng, ALNUM, 12)}),
            _of(rng, ALNUM, 43),
        )
    )


def _pem(rng: random.Random, kind: str) -> str:
    lines = "\n".join(_of(rng, ALNUM + "+/", 64) for _ in range(8))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


Maker = Callable[[random.Random], tuple[str, str]]


def _bare(make: Callable[[random.Random], str], around: str = "{}") -> Maker:
    def maker(rng: random.Random) -> tuple[str, str]:
        secret = make(rng)
        return secret, around.format(secret)

    return maker


KINDS: dict[str, list[Maker]] = {
    "etiq": [_bare(lambda r: "etq_" + _of(r, ALNUM, 38)), _bare(lambda r: "etq_" + _of(r, ALNUM, 38), "token: {}")],
    "aws key": [_bare(lambda r: "AKIA" + _of(r, UPPER, 16)), _bare(lambda r: "ASIA" + _of(r, UPPER, 16), "key={}")],
    "aws secret": [
        _bare(lambda r: _of(r, ALNUM + "/+", 40), "aws_secret_access_key = {}"), _bare(lambda r: _of(r, ALNUM + "/+", 40), '"SecretAccessKey": "{}"'),
        _bare(lambda r: _of(r, ALNUM, 40), "AWS_SECRET_ACCESS_KEY={}"),
    ],
    "google": [_bare(lambda r: "AIza" + _of(r, ALNUM + "-_", 35)), _bare(lambda r: "GOCSPX-" + _of(r, ALNUM, 28)), _bare(lambda r: "ya29." + _of(r, ALNUM + "-_", 60))],
    "azure": [
        _bare(lambda r: _of(r, ALNUM, 86) + "==", "DefaultEndpointsProtocol=https;AccountName=me;AccountKey={};EndpointSuffix=core.windows.net"),
        _bare(lambda r: _of(r, ALNUM + "%", 50), "https://me.blob.core.windows.net/c?sv=2022&sig={}"), _bare(lambda r: _of(r, ALNUM, 3) + "8Q~" + _of(r, ALNUM, 34)),
    ],
    "github": [_bare(lambda r: "ghp_" + _of(r, ALNUM, 36)), _bare(lambda r: "github_pat_" + _of(r, ALNUM + "_", 82)), _bare(lambda r: "gho_" + _of(r, ALNUM, 36), "https://{}@github.com/a/b.git")],
    "gitlab": [_bare(lambda r: "glpat-" + _of(r, ALNUM, 20)), _bare(lambda r: "glrt-" + _of(r, ALNUM, 20))],
    "slack": [
        _bare(lambda r: f"xoxb-{_of(r, string.digits, 12)}-{_of(r, string.digits, 12)}-{_of(r, ALNUM, 24)}"),
        _bare(lambda r: f"T{_of(r, UPPER, 8)}/B{_of(r, UPPER, 8)}/{_of(r, ALNUM, 24)}", "https://hooks.slack.com/services/{}"),
        _bare(lambda r: f"xapp-1-A{_of(r, UPPER, 10)}-{_of(r, string.digits, 13)}-{_of(r, HEX, 64)}"),
    ],
    "stripe": [_bare(lambda r: "sk_live_" + _of(r, ALNUM, 24)), _bare(lambda r: "rk_test_" + _of(r, ALNUM, 24)), _bare(lambda r: "whsec_" + _of(r, ALNUM, 32))],
    "openai": [_bare(lambda r: f"sk-{_of(r, ALNUM, 20)}T3BlbkFJ{_of(r, ALNUM, 20)}"), _bare(lambda r: "sk-proj-" + _of(r, ALNUM + "-_", 100)), _bare(lambda r: "sk-" + _of(r, ALNUM, 48))],
    "anthropic": [_bare(lambda r: "sk-ant-api03-" + _of(r, ALNUM + "-_", 93) + "AA")],
    "hugging face": [_bare(lambda r: "hf_" + _of(r, string.ascii_letters, 34)), _bare(lambda r: "hf_" + _of(r, string.ascii_letters, 34), 'login(token="{}")')],
    "npm": [_bare(lambda r: "npm_" + _of(r, ALNUM, 36)), _bare(lambda r: _of(r, HEX, 36), "//registry.npmjs.org/:_authToken={}")],
    "pypi": [_bare(lambda r: "pypi-AgEIcHlwaS5vcmc" + _of(r, ALNUM + "-_", 120))],
    "jwt": [_bare(_jwt), _bare(_jwt, "Authorization: Bearer {}")],
    "private key": [_bare(lambda r: _pem(r, "RSA ")), _bare(lambda r: _pem(r, "")), _bare(lambda r: _pem(r, "OPENSSH ")), _bare(lambda r: _pem(r, "EC "))],
    "address": [
        _bare(lambda r: _of(r, ALNUM, 14), "postgresql+psycopg://app:{}@db.example.org:5432/x"), _bare(lambda r: _of(r, ALNUM, 10), "mongodb+srv://root:{}@cluster0.abc.mongodb.net"),
        _bare(lambda r: _of(r, ALNUM, 12), "redis://:{}@cache:6379/0"), _bare(lambda r: _of(r, ALNUM, 12), "https://ana:{}@example.org/private"), _bare(lambda r: _of(r, ALNUM + "!", 12), "mysql://u:{}@h/d"),
    ],
    "twilio": [_bare(lambda r: "SK" + _of(r, HEX, 32)), _bare(lambda r: _of(r, HEX, 32), "TWILIO_AUTH_TOKEN={}")],
    "sendgrid": [_bare(lambda r: f"SG.{_of(r, ALNUM, 22)}.{_of(r, ALNUM, 43)}")],
    "assigned": [
        _bare(lambda r: "Tr0ub" + _of(r, ALNUM, 8) + "!", 'password = "{}"'), _bare(lambda r: _of(r, ALNUM, 24), "api_key='{}'"), _bare(lambda r: _of(r, ALNUM, 16) + "#", 'os.environ["DB_PASSWORD"] = "{}"'),
        _bare(lambda r: _of(r, HEX, 32), '"client_secret": "{}"'), _bare(lambda r: _of(r, ALNUM, 20), "export MY_SECRET_TOKEN={}"), _bare(lambda r: _of(r, ALNUM, 20), 'connect(user="me", passwd="{}")'),
        _bare(lambda r: _of(r, ALNUM, 12) + "$1", "Server=tcp:x;Database=d;User ID=me;Password={};Encrypt=true"),
    ],
    "databricks": [_bare(lambda r: "dapi" + _of(r, HEX, 32))],
    "telegram": [_bare(lambda r: f"{_of(r, '123456789', 10)}:AA{_of(r, ALNUM + '-_', 33)}")],
    "wandb": [_bare(lambda r: _of(r, HEX, 40), 'wandb.login(key="{}")'), _bare(lambda r: _of(r, HEX, 40), "WANDB_API_KEY={}")],
    "others": [
        _bare(lambda r: "dckr_pat_" + _of(r, ALNUM + "-_", 27)), _bare(lambda r: "dop_v1_" + _of(r, HEX, 64)), _bare(lambda r: "shpat_" + _of(r, HEX, 32)), _bare(lambda r: "hvs." + _of(r, ALNUM, 90)),
        _bare(lambda r: f"{_of(r, HEX, 32)}-us12"), _bare(lambda r: "lin_api_" + _of(r, ALNUM, 40)), _bare(lambda r: f"PMAK-{_of(r, HEX, 24)}-{_of(r, HEX, 34)}"), _bare(lambda r: "gsk_" + _of(r, ALNUM, 52)), _bare(lambda r: "r8_" + _of(r, ALNUM, 37)),
        _bare(lambda r: "glsa_" + _of(r, ALNUM, 32) + "_" + _of(r, HEX, 8)), _bare(lambda r: "key-" + _of(r, HEX, 32)),
    ],
}  # fmt: skip


def secrets(seed: int = 7) -> list[tuple[str, str, str]]:
    """Return (kind, secret, text in which it stands)."""
    rng = random.Random(seed)
    return [(kind, *make(rng)) for kind, makers in KINDS.items() for make in makers]


HARMLESS: list[str] = [
    "password = getpass.getpass()", 'password = os.environ["DB_PASSWORD"]', "api_key=os.getenv('OPENAI_API_KEY')", 'token = "<your token>"', "api_key='YOUR_API_KEY'", 'password="********"',
    "PASSWORD=${DB_PASSWORD}", "postgresql://user:password@localhost/db", "postgresql://{user}:{pw}@host/db", "https://example.org:8080/path?a=1", "redis://localhost:6379/0", "git@github.com:owner/repo.git",
    "the token expired", "tokens = tokenizer.encode(text)", "key = lambda row: row.name", "df.sort_values(key=str.lower)", "secret sauce of the model", "tokenizer = AutoTokenizer.from_pretrained('bert-base-uncased')",
    "sk-learn is a library", "from sklearn.model_selection import train_test_split", "SKU12345678901234567890", "commit 3fa2c1d4e5f60718293a4b5c6d7e8f9012345678", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "123e4567-e89b-12d3-a456-426614174000", "2026-11-20T08:31:05.123456+00:00", "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk", "AKIA is the prefix of a key", "ghp_short", "eyJ is how they begin",
    "hf_hub_download(repo_id='bert')", "password: str = ''", "def login(user: str, password: str) -> None:", "assert token is not None", "token=None", "token: Optional[str] = None", "n_tokens=128000", "max_tokens=4096", "pad_token='<pad>'", "eos_token=\"</s>\"", "bos_token = '[CLS]'",
    "primary_key='customer_id'", "foreign_key=\"orders.id\"", "sort_key = 'created_at'", "join_key='customer_number'", "cache_key = 'results_2024'", "keyboard = 'qwertz'", "passenger_count = 'many'", "compass='north-west-1'",
    "df['password_strength'].mean()", "accuracy 0.912 loss 0.31", "Bearer of good news", "AccountKey=", "sig=5", "0123456789abcdef", "x = 'aGVsbG8gd29ybGQ='", "mailto:ana@example.org", "ftp://mirror.example.org/pub", "key-value pairs", "SG.1", "model_key = 'random_forest'", "token_type='bearer'",
    "secret = 'none'", "author='Ana Sousa'", "credentials=None", "credential_provider='default-chain'", "s3://bucket/key/part-00000.parquet", "print('done: 100%|##########|')", "array([0.12345678, 0.87654321])", "color='#1f77b4'", "C:\\Users\\ana\\password.txt", "key: value", "lorem ipsum dolor sit amet",
]  # fmt: skip
