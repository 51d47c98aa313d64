"""The endpoint that gives a job OIDC tokens, as GitHub describes it.

https://docs.github.com/en/actions/reference/security/oidc has the claims and the request: a GET of
ACTIONS_ID_TOKEN_REQUEST_URL with `&audience=…`, ACTIONS_ID_TOKEN_REQUEST_TOKEN as its bearer, answered by
`{"value": "<JWT>"}`. What it can't show: the signature is made with a key of its own, which nobody here checks.
"""

from __future__ import annotations

import functools
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, Response, jsonify, request

from sandbox.github.control import ID_TOKEN_PATH, ID_TOKEN_REQUEST_TOKEN

ISSUER = "https://token.actions.githubusercontent.com"
REPOSITORY = "octo-org/flows"
LIFETIME = 300
"""Seconds."""


@dataclass
class IdTokens:
    """How tokens are made from now on."""

    lifetime: float = LIFETIME
    subject: str = f"repo:{REPOSITORY}:environment:production"
    claims: dict[str, str] = field(default_factory=dict)
    """Further claims, and others in place of those below."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @functools.cached_property
    def key(self) -> rsa.RSAPrivateKey:
        """The issuer's key, made when the first token is."""
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def make(self, audience: str) -> str:
        """A token."""
        now = time.time()
        owner = REPOSITORY.partition("/")[0]
        claims = {
            "jti": str(uuid.uuid4()),
            "sub": self.subject,
            "aud": audience,
            "ref": "refs/heads/main",
            "environment": "production",
            "workflow": "Deploy flows",
            "job_workflow_ref": f"{REPOSITORY}/.github/workflows/deploy.yml@refs/heads/main",
            "repository": REPOSITORY,
            "repository_id": "1296269",
            "repository_owner_id": "583231",
            "repository_owner": owner,
            "run_attempt": "1",
            "event_name": "push",
            "iss": ISSUER,
            "nbf": int(now) - 600,
            "exp": int(now + self.lifetime),
            "iat": int(now),
            **self.claims,
        }
        with self.lock:
            return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "sandbox"})


def add(app: Flask) -> None:
    """Add the endpoint and its control."""
    tokens = IdTokens()

    @app.get(ID_TOKEN_PATH)
    def id_token() -> Any:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or given != ID_TOKEN_REQUEST_TOKEN:
            return jsonify({"message": "The request token is not this job's."}), 401
        owner = f"https://github.com/{REPOSITORY.partition('/')[0]}"
        return jsonify({"value": tokens.make(request.args.get("audience", owner))})

    @app.post("/_control/id-tokens")
    def control_id_tokens() -> Response:
        asked = request.get_json()
        tokens.lifetime = asked.get("lifetime") or LIFETIME
        tokens.subject = asked.get("subject") or IdTokens.subject
        tokens.claims = asked.get("claims") or {}
        return jsonify({})
