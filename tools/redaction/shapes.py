"""Secrets that are known by their own shape, wherever they stand.

Each pattern marks the secret as ``s``. Repetitions are bounded or anchored: a megabyte of log
may not make one of them slow. Each names what no match is without, so that a text with none of
it is not searched at all: most texts hold none of these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PRIVATE_KEY = (
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
    r"(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_SCHEMES = "bearer|basic|digest|token|apikey|negotiate"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """One kind of secret: its pattern, and the strings of which every match has at least one.

    The strings are in lower case where the pattern ignores case.
    """

    kind: str
    pattern: re.Pattern[str]
    needles: tuple[str, ...]

    def may_be_in(self, text: str, lower: str) -> bool:
        """Whether a search is worth its time; False is certain. ``lower`` is the text in lower case."""
        if self.pattern.flags & re.IGNORECASE:
            # Outside ASCII the pattern knows more pairs of cases than ``lower`` does.
            if not text.isascii():
                return True
            text = lower
        return any(needle in text for needle in self.needles)


SHAPES: tuple[Shape, ...] = tuple(
    Shape(kind=kind, pattern=re.compile(pattern), needles=needles)
    for kind, needles, pattern in (
        ("private-key", ("PRIVATE KEY",), rf"(?P<s>{_PRIVATE_KEY})"),
        ("jwt", ("eyJ",), r"(?P<s>\beyJ[\w-]{10,}(?:\.[\w-]*){2,4})"),
        ("encoded-json", ("eyJ",), r"(?P<s>\beyJ[A-Za-z0-9+/_-]{40,}={0,2})"),
        ("aws-key-id", ("AKIA", "ASIA", "ABIA", "ACCA"), r"(?P<s>\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b)"),
        (
            "github-token",
            ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
            r"(?P<s>\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{30,255}))",
        ),
        (
            "gitlab-token",
            ("glpat-", "gldt-", "glrt-", "glptt-", "glft-", "glsoat-"),
            r"(?P<s>\bgl(?:pat|dt|rt|ptt|ft|soat)-[\w-]{20,})",
        ),
        ("slack-token", ("xox", "xapp-"), r"(?P<s>\bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{10,})"),
        (
            "slack-webhook",
            ("hooks.slack.com/",),
            r"\bhooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[\w/-]{10,})",
        ),
        ("google-key", ("AIza",), r"(?P<s>\bAIza[\w-]{35})"),
        (
            "google-token",
            ("ya29.", "GOCSPX-", "1//0"),
            r"(?P<s>\b(?:ya29\.[\w.-]{20,}|GOCSPX-[\w-]{20,}|1//0[\w-]{20,}))",
        ),
        (
            "stripe-key",
            ("_live_", "_test_", "whsec_"),
            r"(?P<s>\b(?:[rs]k_(?:live|test)_|whsec_)[A-Za-z0-9]{16,})",
        ),
        ("model-key", ("sk-",), r"(?P<s>\bsk-[\w-]{20,})"),
        (
            "hub-token",
            ("hf_", "dckr_", "npm_"),
            r"(?P<s>\b(?:hf_[A-Za-z0-9]{30,}|dckr_[a-z]{3}_[\w-]{20,}|npm_[A-Za-z0-9]{36}))",
        ),
        ("pypi-token", ("pypi-AgEI",), r"(?P<s>\bpypi-AgEI[\w-]{50,})"),
        ("vault-token", ("hvs.", "hvb.", "hvr."), r"(?P<s>\bhv[sbr]\.[\w-]{20,})"),
        ("grafana-token", ("glsa_", "glc_"), r"(?P<s>\bgl(?:sa|c)_[\w=+/]{20,})"),
        ("sendgrid-key", ("SG.",), r"(?P<s>\bSG\.[\w-]{16,}\.[\w-]{16,})"),
        ("digitalocean-token", ("_v1_",), r"(?P<s>\bdo[opr]_v1_[0-9a-f]{64})"),
        ("databricks-token", ("dapi",), r"(?P<s>\bdapi[0-9a-f]{32}\b)"),
        (
            "shopify-token",
            ("shpat_", "shpca_", "shppa_", "shpss_"),
            r"(?P<s>\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32})",
        ),
        ("telegram-token", (":AA",), r"(?P<s>\b\d{8,10}:AA[\w-]{33}\b)"),
        ("age-key", ("AGE-SECRET-KEY-1",), r"(?P<s>\bAGE-SECRET-KEY-1[0-9A-Z]{40,})"),
        (
            "authorization",
            ("authorization",),
            rf"(?i)(?<!\[redacted:)\bauthorization\\?[\"']?\s{{0,9}}[:=]\s{{0,9}}\\?[\"']?(?:(?:{_SCHEMES})\s{{1,9}})?"
            r"(?P<s>[^\s\"',\[\]\\][^\s\"',\\]{5,})",
        ),
        ("authorization", ("bearer", "basic"), r"(?i)\b(?:bearer|basic)\s{1,9}(?P<s>[A-Za-z0-9._~+/=-]{8,})"),
        (
            "url-password",
            ("://",),
            r"(?i)\b[a-z][a-z0-9+.-]{1,30}://[^\s:/@?#]{0,128}:(?P<s>[^\s/?#\"'<>]{1,256})@",
        ),
        (
            "dsn-password",
            ("@",),
            r"\b[\w.-]{1,64}:(?![0-9a-f]{8}\])(?P<s>[^\s:@/]{3,128})@(?:tcp|unix|udp)?\(",
        ),
        (
            "url-signature",
            ("sig=", "signature=", "-token=", "-credential="),
            r"(?i)[?&](?:sig|x-(?:amz|goog)-(?:signature|security-token|credential))=(?P<s>[^&\s\"']{8,})",
        ),
    )
)
