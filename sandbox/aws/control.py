"""What a test says to the sandbox's AWS, beside what AWS's own API takes. Standard library alone."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

TIMEOUT = 30.0


class AwsControl:
    """The sandbox's AWS at an address."""

    def __init__(self, url: str) -> None:
        """Args: url: where it serves."""
        self._url = url.rstrip("/")

    def set_credential_lifetime(self, seconds: float | None) -> None:
        """Give a role's credentials for so long, whatever is asked for; None: as AWS does."""
        self._ask("credentials", {"seconds": seconds})

    def put_cluster(self, name: str, *, endpoint: str, certificate_authority: str = "", status: str = "ACTIVE") -> None:
        """Have EKS know a cluster, or know it otherwise.

        Args:
            name: its name.
            endpoint: the address of its API server.
            certificate_authority: PEM in base64.
            status: CREATING, ACTIVE, …
        """
        body = {"name": name, "endpoint": endpoint, "certificate_authority": certificate_authority, "status": status}
        self._ask("clusters", body)

    def assumed(self) -> list[dict[str, Any]]:
        """Every AssumeRoleWithWebIdentity, the oldest first: `role`, `session`, `jti` and `subject` of the token, and
        `refused`, the error's code or None."""
        return list(self._ask("assumed"))

    def _ask(self, what: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self._url}/_control/{what}", data=data)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return json.load(answer)
