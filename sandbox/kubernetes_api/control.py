"""A test's hand on the stand-in."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sandbox.kubernetes_api.app import GROUP, TOKEN


class KubernetesControl:
    """The stand-in at an address."""

    def __init__(self, url: str, *, certificate: Path | None = None) -> None:
        """Args:
        url: where it serves.
        certificate: that of its authority, where it serves over TLS.
        """
        self.url = url
        self._tls = ssl.create_default_context(cafile=certificate) if certificate is not None else None

    def kubeconfig(self, *, token: str = TOKEN, server: str | None = None) -> str:
        """A kubeconfig for it, as JSON, which is YAML too."""
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "sandbox", "cluster": {"server": server or self.url}}],
                "users": [{"name": "deployer", "user": {"token": token}}],
                "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "deployer"}}],
                "current-context": "sandbox",
            }
        )

    def configure(
        self,
        *,
        denied: Iterable[tuple[str, str]] = (),
        missing: Iterable[str] = (),
        invalid: Mapping[str, str] | None = None,
        cron_fields: Iterable[str] = (),
        pods: Iterable[Mapping[str, Any]] = (),
        vanishing: Iterable[str] = (),
    ) -> None:
        """Set what is refused from now on: (verb, plural) pairs, CRDs that are not installed, invalid objects; the
        fields that the CronWorkflow's CRD knows; the pods that there are; and the kinds that somebody else deletes as
        soon as they are written."""
        body = {
            "denied": list(denied),
            "missing": list(missing),
            "invalid": dict(invalid or {}),
            "cron_fields": list(cron_fields),
            "pods": list(pods),
            "vanishing": list(vanishing),
        }
        self._ask("POST", "/_control", body)

    def become_eks_cluster(self, cluster: str, sts_url: str, *, seconds: float | None = None) -> None:
        """Take tokens of EKS for this cluster, and ask this STS about them; those seen before are forgotten.

        Args:
            seconds: how long a token is taken for; EKS's 15 minutes where none is given.
        """
        asked = {"cluster": cluster, "sts_url": sts_url, "seconds": seconds}
        self._ask("POST", "/_control/authentication", asked)

    def eks_tokens(self) -> list[dict[str, Any]]:
        """The tokens of EKS that came, one a request, the oldest first: `token`, the ARN it stands for as `identity`,
        and why it was `rejected`, if it was."""
        return list(self._ask("GET", "/_control/authentication"))

    def get(self, plural: str, name: str, namespace: str = "default") -> dict[str, Any] | None:
        """An object, as the API gives it."""
        try:
            return dict(self._ask("GET", f"/apis/{GROUP}/v1alpha1/namespaces/{namespace}/{plural}/{name}"))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def workflows(self, namespace: str = "default") -> list[dict[str, Any]]:
        """All Workflows."""
        return list(self._ask("GET", f"/apis/{GROUP}/v1alpha1/namespaces/{namespace}/workflows")["items"])

    def set_status(self, name: str, namespace: str = "default", **status: Any) -> None:
        """Set a Workflow's status, as the controller would: `phase`, `startedAt`, `finishedAt`, `message`."""
        self._ask("POST", f"/_control/status/{namespace}/{name}", status)

    def place(self, plural: str, objects: Iterable[Mapping[str, Any]], namespace: str = "default") -> None:
        """Have objects stand as they are given, with times in the past if that is wanted."""
        self._ask("POST", f"/_control/objects/{namespace}/{plural}", [dict(one) for one in objects])

    def requests(self) -> list[dict[str, Any]]:
        """Every request of a client so far: `method`, `path`, and whether it is a `dry_run`."""
        return list(self._ask("GET", "/_control/requests"))

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        asked = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(asked, timeout=10, context=self._tls) as answer:
            return json.load(answer)
