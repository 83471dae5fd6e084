"""Secrets that are known by their own shape, wherever they stand.

Each pattern marks the secret as ``s``. Repetitions are bounded or anchored: a megabyte of log
may not make one of them slow.
"""

from __future__ import annotations

import re

_PRIVATE_KEY = (
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
    r"(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_SCHEMES = "bearer|basic|digest|token|apikey|negotiate"

SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("private-key", rf"(?P<s>{_PRIVATE_KEY})"),
        ("jwt", r"(?P<s>\beyJ[\w-]{10,}(?:\.[\w-]*){2,4})"),
        ("encoded-json", r"(?P<s>\beyJ[A-Za-z0-9+/_-]{40,}={0,2})"),
        ("aws-key-id", r"(?P<s>\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b)"),
        ("github-token", r"(?P<s>\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{30,255}))"),
        ("gitlab-token", r"(?P<s>\bgl(?:pat|dt|rt|ptt|ft|soat)-[\w-]{20,})"),
        ("slack-token", r"(?P<s>\bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{10,})"),
        ("slack-webhook", r"\bhooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[\w/-]{10,})"),
        ("google-key", r"(?P<s>\bAIza[\w-]{35})"),
        ("google-token", r"(?P<s>\b(?:ya29\.[\w.-]{20,}|GOCSPX-[\w-]{20,}|1//0[\w-]{20,}))"),
        ("stripe-key", r"(?P<s>\b(?:[rs]k_(?:live|test)_|whsec_)[A-Za-z0-9]{16,})"),
        ("model-key", r"(?P<s>\bsk-[\w-]{20,})"),
        ("hub-token", r"(?P<s>\b(?:hf_[A-Za-z0-9]{30,}|dckr_[a-z]{3}_[\w-]{20,}|npm_[A-Za-z0-9]{36}))"),
        ("pypi-token", r"(?P<s>\bpypi-AgEI[\w-]{50,})"),
        ("vault-token", r"(?P<s>\bhv[sbr]\.[\w-]{20,})"),
        ("grafana-token", r"(?P<s>\bgl(?:sa|c)_[\w=+/]{20,})"),
        ("sendgrid-key", r"(?P<s>\bSG\.[\w-]{16,}\.[\w-]{16,})"),
        ("digitalocean-token", r"(?P<s>\bdo[opr]_v1_[0-9a-f]{64})"),
        ("databricks-token", r"(?P<s>\bdapi[0-9a-f]{32}\b)"),
        ("shopify-token", r"(?P<s>\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32})"),
        ("telegram-token", r"(?P<s>\b\d{8,10}:AA[\w-]{33}\b)"),
        ("age-key", r"(?P<s>\bAGE-SECRET-KEY-1[0-9A-Z]{40,})"),
        (
            "authorization",
            rf"(?i)(?<!\[redacted:)\bauthorization\\?[\"']?\s{{0,9}}[:=]\s{{0,9}}\\?[\"']?(?:(?:{_SCHEMES})\s{{1,9}})?"
            r"(?P<s>[^\s\"',\[\]\\][^\s\"',\\]{5,})",
        ),
        ("authorization", r"(?i)\b(?:bearer|basic)\s{1,9}(?P<s>[A-Za-z0-9._~+/=-]{8,})"),
        (
            "url-password",
            r"(?i)\b[a-z][a-z0-9+.-]{1,30}://[^\s:/@?#]{0,128}:(?P<s>[^\s/?#\"'<>]{1,256})@",
        ),
        ("dsn-password", r"\b[\w.-]{1,64}:(?![0-9a-f]{8}\])(?P<s>[^\s:@/]{3,128})@(?:tcp|unix|udp)?\("),
        (
            "url-signature",
            r"(?i)[?&](?:sig|x-(?:amz|goog)-(?:signature|security-token|credential))=(?P<s>[^&\s\"']{8,})",
        ),
    )
)
