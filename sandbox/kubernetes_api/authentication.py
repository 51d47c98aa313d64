"""Whom the stand-in lets in: bearers of its service account's token, and of tokens of EKS.

An EKS token is checked as aws-iam-authenticator checks it (its `pkg/token`): a URL of STS GetCallerIdentity with the
parameters of a signature and no others, less than 15 minutes old, the header `x-k8s-aws-id` signed; STS itself is then
asked for the URL, with this cluster's name in that header. What it can't show: that the URL is of a host of AWS's.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, jsonify, request

PREFIX = "k8s-aws-v1."
HEADER = "x-k8s-aws-id"
PARAMETERS = {
    "action",
    "version",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
}
AGE = datetime.timedelta(minutes=15)
STS_SECONDS = 10


class Rejected(Exception):
    """Why a token is not taken."""


@dataclass
class Authentication:
    """The tokens that are taken, and the EKS tokens that came."""

    tokens: set[str]
    cluster: str | None = None
    """The name of the EKS cluster that the stand-in is; none: it takes no tokens of EKS."""
    sts_url: str = ""
    age: datetime.timedelta = AGE
    """How long after its date a token is taken."""
    seen: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def accepts(self, header: str) -> bool:
        """Whether an Authorization header is that of somebody known; the scheme in any case (RFC 9110)."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return False
        if token in self.tokens:
            return True
        if self.cluster is None or not token.startswith(PREFIX):
            return False
        try:
            entry = {"token": token, "identity": self._identity(token), "rejected": None}
        except Rejected as error:
            entry = {"token": token, "identity": None, "rejected": str(error)}
        with self.lock:
            self.seen.append(entry)
        return entry["rejected"] is None

    def _identity(self, token: str) -> str:
        url = _url(token, self.age)
        asked = urllib.request.Request(url, headers={HEADER: str(self.cluster), "accept": "application/json"})
        if not url.startswith(self.sts_url):
            raise Rejected("the URL is not STS's")
        try:
            with urllib.request.urlopen(asked, timeout=STS_SECONDS) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Rejected(f"STS: {error.code} {error.read().decode(errors='replace')}") from error
        return _arn(text)


def _url(token: str, age: datetime.timedelta) -> str:
    text = token.removeprefix(PREFIX)
    try:
        url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise Rejected("no base64") from error
    if text.endswith("="):
        raise Rejected("padded base64")
    parts = urllib.parse.urlsplit(url)
    if parts.path != "/":
        raise Rejected(f"the path {parts.path!r}")
    pairs = [(name.lower(), value) for name, value in urllib.parse.parse_qsl(parts.query, keep_blank_values=True)]
    values = dict(pairs)
    if len(values) != len(pairs) or set(values) - PARAMETERS:
        raise Rejected(f"parameters {sorted(set(values) - PARAMETERS)}")
    if values.get("action") != "GetCallerIdentity":
        raise Rejected("another action")
    if HEADER not in values.get("x-amz-signedheaders", "").split(";"):
        raise Rejected(f"{HEADER} is not signed")
    if not 0 <= int(values.get("x-amz-expires", "-1")) <= AGE.total_seconds():
        raise Rejected("X-Amz-Expires")
    made = datetime.datetime.strptime(values.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    if datetime.datetime.now(datetime.UTC) > made + age:
        raise Rejected("expired")
    return url


def _arn(text: str) -> str:
    if text.lstrip().startswith("{"):
        return str(json.loads(text)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]["Arn"])
    return text.partition("<Arn>")[2].partition("</Arn>")[0]


def add(app: Flask, authentication: Authentication) -> None:
    """Add the controls."""

    @app.post("/_control/authentication")
    def control_authentication() -> Any:
        asked = request.get_json()
        with authentication.lock:
            authentication.cluster, authentication.sts_url = asked["cluster"], asked["sts_url"]
            authentication.age = datetime.timedelta(seconds=asked["seconds"]) if asked["seconds"] else AGE
            authentication.seen.clear()
        return jsonify({})

    @app.get("/_control/authentication")
    def seen() -> Any:
        with authentication.lock:
            return jsonify(authentication.seen)
