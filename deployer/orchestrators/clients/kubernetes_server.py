"""The API server asked for documents that the Kubernetes client has no class for, or whose class is strict about them.

The client's models refuse an answer that lacks a field they want, which differs from version to version of both; a
`requirements` overlay may bring another client, too. What is read here is little, and read as it comes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from deployer.text import shortened

SECONDS = (5.0, 10.0)
"""To connect, and to be answered."""
REFUSED = 400
"""The lowest HTTP status of a refusal."""

Document = dict[str, Any]


class ApiServer:
    """The server that the Kubernetes client is configured for, with its TLS and its credentials."""

    def __init__(self) -> None:
        from kubernetes import client

        self._client = client.ApiClient()
        self.configuration = self._client.configuration

    def get(self, path: str) -> tuple[Document, Mapping[str, str]]:
        """A document, and the headers of the answer.

        Raises:
            kubernetes.client.ApiException: the server refuses.
            urllib3.exceptions.HTTPError: it does not answer.
        """
        return self._ask("GET", path, None)

    def post(self, path: str, body: Document) -> Document:
        """What the server answers to a question that is asked by creating it; raises as `get`."""
        return self._ask("POST", path, body)[0]

    def _ask(self, method: str, path: str, body: Document | None) -> tuple[Document, Mapping[str, str]]:
        import urllib3
        from kubernetes.client import ApiException

        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        for one in self.configuration.auth_settings().values():
            headers[str(one["key"])] = str(one["value"])
        answer = self._client.rest_client.pool_manager.request(
            method,
            self.configuration.host.rstrip("/") + path,
            headers=headers,
            body=json.dumps(body) if body is not None else None,
            timeout=urllib3.Timeout(connect=SECONDS[0], read=SECONDS[1]),
            retries=False,
        )
        text = answer.data.decode(errors="replace")
        if answer.status >= REFUSED:
            refused = ApiException(status=answer.status, reason=answer.reason)
            refused.body = text
            raise refused
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise urllib3.exceptions.HTTPError(f"no JSON object: {shortened(text, 100)!r}")
        return document, answer.headers
