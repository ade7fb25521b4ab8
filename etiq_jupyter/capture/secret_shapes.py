# ruff: noqa: E501 - a table of patterns reads better unbroken
"""The shapes of common secrets. Each has a kind, a quick needle, and a pattern whose group is the secret.

A needle is a literal text that every match contains (in lower case): a text without it costs one
substring search. Patterns have bounded repetition, so no text makes them slow.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """One kind of secret.

    Attributes
    ----------
    kind : str
        What people read: ``GitHub token``.
    needles : tuple of str
        Lower case; at least one is in every text that matches.
    source : str
        The pattern as text. It is compiled when first needed: most kinds never are.
    pattern : re.Pattern
        Group ``secret`` (or the whole match) is taken out.
    entropy : float
        Least bits per character of the secret, so that ``password=changeme`` in a docstring stays.
    """

    kind: str
    needles: tuple[str, ...]
    source: str
    entropy: float = 0.0

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """Compile the pattern, once."""
        return re.compile(self.source)


def _shape(kind: str, needles: str, pattern: str, entropy: float = 0.0) -> Shape:
    return Shape(kind, tuple(needles.split("|")), pattern, entropy)


_START = r"(?<![A-Za-z0-9_\-])"
_END = r"(?![A-Za-z0-9_\-])"
# A name whose last word says that it holds a secret: db_password, clientSecret, API_KEY_2. Words that
# only contain such a word (compass, token_type, passenger_count) are not.
_NAME = (
    r"(?:(?:[A-Za-z0-9_.\-]{0,40}[_.\-])?|(?<![A-Za-z])[a-z][A-Za-z0-9]{0,30}(?=[A-Z]))(?<![A-Za-z](?=[a-z]))"
    r"(?i:pass(?:word|wd|phrase)?|pwd|secret|token|api[_\-]?key|apikey|access[_\-]?key|auth[_\-]?key"
    r"|private[_\-]?key|client[_\-]?secret|secret[_\-]?key|credentials?)"
    r"(?:[_\-]?(?:\d{1,3}|value|text|string|prod|dev|live|test))?(?![A-Za-z0-9_])"
)

SHAPES: tuple[Shape, ...] = (
    _shape("etiq access token", "etq_", _START + r"etq_[A-Za-z0-9]{20,80}" + _END),
    _shape(
        "private key",
        "private key",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[\s\S]{16,16000}?"
        r"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----",
    ),
    _shape(
        "private key",
        "private key",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\n]{40,16000}",
    ),
    _shape(
        "AWS access key",
        "akia|asia|aroa|agpa|aida",
        _START + r"(?:AKIA|ASIA|AROA|AGPA|AIDA)[A-Z2-7]{16}" + _END,
    ),
    _shape(
        "AWS secret key",
        "aws|secret",
        r"(?i:aws[\w\-. ]{0,20}(?:secret|private)[\w\-. ]{0,20}|secret_?access_?key)['\"]?\s{0,4}[:=,]{1,2}\s{0,4}"
        r"['\"]?(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        3.5,
    ),
    _shape(
        "AWS session token",
        "session",
        r"(?i:session_?token)['\"]?\s{0,4}[:=]\s{0,4}['\"]?(?P<secret>[A-Za-z0-9/+=]{100,2000})",
    ),
    _shape("Google API key", "aiza", _START + r"AIza[A-Za-z0-9_\-]{35}" + _END),
    _shape("Google OAuth secret", "gocspx-", _START + r"GOCSPX-[A-Za-z0-9_\-]{28}" + _END),
    _shape("Google OAuth token", "ya29.", _START + r"ya29\.[A-Za-z0-9_\-.]{30,400}"),
    _shape(
        "Google service account key",
        "private_key",
        r"\"private_key(?:_id)?\"\s{0,4}:\s{0,4}\"(?P<secret>[^\"]{20,8000})\"",
    ),
    _shape("Azure storage key", "accountkey", r"(?i:AccountKey)=(?P<secret>[A-Za-z0-9+/]{86}==)"),
    _shape(
        "Azure shared access signature",
        "sig=",
        r"[?&;](?i:sig)=(?P<secret>[A-Za-z0-9%+/=]{40,120})",
    ),
    _shape(
        "Azure client secret",
        "q~",
        _START + r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}(?![A-Za-z0-9_~\-])",
    ),
    _shape(
        "Azure service bus key",
        "sharedaccesskey",
        r"(?i:SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{43}=)",
    ),
    _shape(
        "GitHub token", "ghp_|gho_|ghu_|ghs_|ghr_", _START + r"gh[pousr]_[A-Za-z0-9]{36,255}" + _END
    ),
    _shape("GitHub token", "github_pat_", _START + r"github_pat_[A-Za-z0-9_]{60,100}" + _END),
    _shape(
        "GitLab token",
        "glpat-|gldt-|glrt-|glcbt-|glptt-",
        _START + r"gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_\-.]{20,60}" + _END,
    ),
    _shape("Slack token", "xox", _START + r"xox[abeoprs]-[A-Za-z0-9\-]{10,250}" + _END),
    _shape(
        "Slack token", "xapp-", _START + r"xapp-\d-[A-Z0-9]{8,14}-\d{10,15}-[a-f0-9]{32,80}" + _END
    ),
    _shape(
        "Slack webhook",
        "hooks.slack.com",
        r"https://hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9/_]{30,90})",
    ),
    _shape(
        "Discord webhook",
        "discord",
        r"https://(?:\w{1,10}\.)?discord(?:app)?\.com/api/webhooks/(?P<secret>\d{15,21}/[A-Za-z0-9_\-]{60,80})",
    ),
    _shape(
        "Teams webhook",
        "webhook.office.com",
        r"webhook\.office\.com/webhookb2/(?P<secret>[A-Za-z0-9@\-/]{60,250})",
    ),
    _shape("Telegram bot token", ":aa", r"(?<!\d)\d{8,10}:AA[A-Za-z0-9_\-]{32,35}" + _END),
    _shape(
        "Stripe key",
        "sk_live|rk_live|sk_test|rk_test|whsec_",
        _START + r"(?:[sr]k_(?:live|test)_|whsec_)[A-Za-z0-9+/=]{16,250}",
    ),
    _shape(
        "Square token",
        "sq0|eaaa",
        _START + r"(?:sq0[a-z]{3}-[A-Za-z0-9_\-]{22,43}|EAAA[A-Za-z0-9_\-]{60})" + _END,
    ),
    _shape(
        "OpenAI key",
        "sk-",
        _START
        + r"sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_\-]{0,80}T3BlbkFJ[A-Za-z0-9_\-]{10,100}"
        + _END,
    ),
    _shape("Anthropic key", "sk-ant-", _START + r"sk-ant-[A-Za-z0-9_\-]{32,160}" + _END),
    _shape(
        "OpenAI key",
        "sk-",
        _START + r"sk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_\-]{32,200}" + _END,
        3.5,
    ),
    _shape("Hugging Face token", "hf_|api_org_", _START + r"(?:hf_|api_org_)[A-Za-z]{34}" + _END),
    _shape("Replicate token", "r8_", _START + r"r8_[A-Za-z0-9]{37}" + _END),
    _shape("Groq key", "gsk_", _START + r"gsk_[A-Za-z0-9]{50,56}" + _END),
    _shape("Perplexity key", "pplx-", _START + r"pplx-[A-Za-z0-9]{40,60}" + _END),
    _shape("npm token", "npm_", _START + r"npm_[A-Za-z0-9]{36}" + _END),
    _shape(
        "npm token",
        "_authtoken",
        r"(?i:_authToken)\s{0,3}=\s{0,3}[\"']?(?P<secret>[A-Za-z0-9_\-./+=]{20,120})",
    ),
    _shape("PyPI token", "pypi-", _START + r"pypi-[A-Za-z0-9_\-]{50,250}" + _END),
    _shape("RubyGems key", "rubygems_", _START + r"rubygems_[a-f0-9]{48}" + _END),
    _shape(
        "Docker Hub token", "dckr_pat_", _START + r"dckr_(?:pat|oat)_[A-Za-z0-9_\-]{24,40}" + _END
    ),
    _shape(
        "JSON web token",
        "eyj",
        _START + r"eyJ[A-Za-z0-9_\-]{8,2000}\.eyJ[A-Za-z0-9_\-]{8,4000}\.[A-Za-z0-9_\-]{10,2000}",
    ),
    _shape("Twilio key", "sk|ac", _START + r"SK[0-9a-f]{32}" + _END),
    _shape(
        "Twilio token",
        "twilio",
        r"(?i:twilio[\w\-. ]{0,20}(?:token|secret|key))['\"]?\s{0,4}[:=]\s{0,4}['\"]?(?P<secret>[0-9a-f]{32})",
    ),
    _shape(
        "SendGrid key", "sg.", _START + r"SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{32,64}" + _END
    ),
    _shape("Mailgun key", "key-", _START + r"key-[0-9a-f]{32}" + _END),
    _shape("Mailchimp key", "-us", _START + r"[0-9a-f]{32}-us\d{1,2}" + _END),
    _shape("Databricks token", "dapi", _START + r"dapi[0-9a-f]{32}(?:-\d)?" + _END),
    _shape(
        "Snowflake or database password",
        "password",
        r"(?i:[;?&]\s{0,2}(?:password|pwd))=(?P<secret>[^;&\s'\"]{4,200})",
    ),
    _shape(
        "Heroku key",
        "heroku",
        r"(?i:heroku[\w\-. ]{0,20})['\"]?\s{0,4}[:=]\s{0,4}['\"]?(?P<secret>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})",
    ),
    _shape(
        "DigitalOcean token", "dop_v1_|doo_v1_|dor_v1_", _START + r"do[opr]_v1_[a-f0-9]{64}" + _END
    ),
    _shape(
        "Shopify token",
        "shpat_|shpca_|shppa_|shpss_",
        _START + r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}" + _END,
    ),
    _shape(
        "Grafana token",
        "glsa_|glc_",
        _START + r"(?:glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}|glc_[A-Za-z0-9+/=]{32,400})",
    ),
    _shape(
        "New Relic key",
        "nrak-|nrii-",
        _START + r"(?:NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_\-]{32})" + _END,
    ),
    _shape("Sentry token", "sntrys_|sntryu_", _START + r"sntry[su]_[A-Za-z0-9+/=_\-]{40,300}"),
    _shape("Vault token", "hvs.|hvb.", _START + r"hv[sb]\.[A-Za-z0-9_\-]{24,300}"),
    _shape("Terraform token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-=]{60,70}"),
    _shape("Linear key", "lin_api_", _START + r"lin_api_[A-Za-z0-9]{40}" + _END),
    _shape(
        "Notion token",
        "ntn_|secret_",
        _START + r"(?:ntn_[A-Za-z0-9]{40,50}|secret_[A-Za-z0-9]{43})" + _END,
    ),
    _shape("Postman key", "pmak-", _START + r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}" + _END),
    _shape(
        "Weights & Biases key",
        "wandb",
        r"(?i:wandb[\w\-. ]{0,20}(?:key|login))[\"'(=:\s]{1,8}(?:key\s{0,2}=\s{0,2})?[\"']?(?P<secret>[0-9a-f]{40})",
    ),
    _shape(
        "Kaggle key",
        'kaggle|"key"',
        r"(?i:kaggle_?key|\"username\"\s{0,3}:\s{0,3}\"[^\"]{1,60}\"\s{0,3},\s{0,3}\"key\")[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?P<secret>[0-9a-f]{32})",
    ),
    _shape(
        "password in an address",
        "://",
        r"(?<![A-Za-z0-9.\-])[A-Za-z][A-Za-z0-9+.\-]{1,30}://[^\s:/?#@'\"<>]{0,100}:(?P<secret>[^\s/?#@'\"<>{}$]{3,200})@[A-Za-z0-9\[]",
    ),
    _shape(
        "authorization header",
        "bearer ",
        r"(?i:bearer)\s{1,3}(?P<secret>[A-Za-z0-9_\-.~+/=]{20,2000})",
        3.0,
    ),
    _shape(
        "authorization header",
        "basic ",
        r"(?i:authorization)['\"]?\s{0,3}[:=,]\s{0,3}['\"]?(?i:basic)\s{1,3}(?P<secret>[A-Za-z0-9+/=]{12,500})",
    ),
    _shape(
        "assigned secret",
        "pass|pwd|secret|token|key|credential",
        _NAME
        + r"['\"]?\]?\s{0,4}(?::\s{0,4}str\s{0,4})?[:=]{1,2}>?\s{0,4}[rbf]?(?P<quote>['\"])(?P<secret>[^'\"\r\n]{6,300})(?P=quote)",
        2.5,
    ),
    _shape(
        "assigned secret",
        "pass|pwd|secret|token|key|credential",
        r"(?m:^|[\s;,&?{])(?:export\s{1,3})?"
        + _NAME
        + r"=(?P<secret>[^\s'\"&;,(){}\[\]<>$]{8,300})(?=[\s;&,'\"]|$)",
        3.0,
    ),
)
