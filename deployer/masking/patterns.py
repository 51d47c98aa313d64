"""Credentials that are known by their form alone, whoever obtained them: tokens of known services, secret URL parts.

What the action cannot register, since another process obtains it (a token that a Kubernetes plug-in makes, a presigned
URL), is masked all the same.
"""

from __future__ import annotations

import re

QUERY = (
    r"[a-z0-9_.-]*(?:token|secret|password|passwd|passphrase|signature|credential|api_?-?key|access_?-?key)"
    r"|sig|code|auth|key|pwd|pass|client_assertion"
)
"""Names of a query's secret values."""
# Each match is masked whole, or its group `secret` where it has one.
PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\bgh[a-z]_[A-Za-z0-9_]{20,}",  # GitHub: https://docs.github.com/en/authentication (token prefixes)
        r"\bgithub_pat_[A-Za-z0-9_]{20,}",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",  # AWS access keys (IAM identifiers: unique ID prefixes)
        r"\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9/+=_%-]{40,}",  # AWS session tokens
        r"\bk8s-aws-v1\.[A-Za-z0-9_-]{20,}",  # EKS: a presigned URL of STS in base64
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",  # a JWT
        r"\bxox[a-z]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}",  # Slack
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?P<secret>(?:\s|\\[rn])[A-Za-z0-9+/=\\\s]{8,})",  # of JSON too
        r"(?i:\bauthorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+)(?P<secret>[^\s\"',]{6,})",
        # of URLs: user info; secret values of the query; secret parts of the path
        r"\b[A-Za-z][A-Za-z0-9+.-]*://(?P<secret>[^\s/?#@:'\"<>]*:[^\s/?#@'\"<>]+|[^\s/?#@:'\"<>]{16,})@(?=[^\s@])",
        rf"(?i:[?&;](?:{QUERY}))=(?P<secret>[^\s&#;'\"<>]+)",
        r"(?i:\bhooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/)(?P<secret>[^\s?#'\"<>]+)",
        r"(?i:\bdiscord(?:app)?\.com/api/(?:v\d+/)?webhooks/)(?P<secret>[^\s?#'\"<>]+)",
        r"(?i:\bapi\.telegram\.org/bot)(?P<secret>[^\s/?#'\"<>]+)",
        r"(?i:\bwebhook\.office\.com/webhookb2/)(?P<secret>[^\s?#'\"<>]+)",
    )
)
# At least one of these is in any text that a pattern matches: most lines are looked through for no more than them.
HINTS = re.compile(
    r"gh[a-z]_|github_pat_|AKIA|ASIA|IQoJ|FwoG|k8s-aws-v1|eyJ|xox|xapp-|PRIVATE KEY|(?i:authorization)|://|=|hook|telegram"
)


def pattern_spans(text: str) -> list[tuple[int, int]]:
    """Where a text holds something that is a credential by its form."""
    if HINTS.search(text) is None:
        return []
    spans = []
    for pattern in PATTERNS:
        group: int | str = "secret" if "secret" in pattern.groupindex else 0
        spans += [found.span(group) for found in pattern.finditer(text) if found[group]]
    return spans
