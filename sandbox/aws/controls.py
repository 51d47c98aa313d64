"""What tests say to the sandbox's AWS, over `/_control`; `control.AwsControl` is its client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from moto.eks.models import eks_backends
from werkzeug.wrappers import Request, Response

from sandbox.aws.resources import ACCOUNT, REGION
from sandbox.aws.web_identity import WebIdentities

PATH = "/_control"


class Controls:
    """Around moto: takes what is said to the sandbox itself."""

    def __init__(self, application: Callable[..., Iterable[bytes]], identities: WebIdentities) -> None:
        self._application = application
        self._identities = identities

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(PATH):
            return self._application(environ, start_response)
        request = Request(environ)
        answer = self._answer(request.path.removeprefix(f"{PATH}/"), request)
        return Response(json.dumps(answer), content_type="application/json")(environ, start_response)

    def _answer(self, what: str, request: Request) -> Any:
        if what == "assumed":
            with self._identities.lock:
                return list(self._identities.assumed)
        asked = request.get_json()
        if what == "credentials":
            self._identities.credential_seconds = asked["seconds"]
        elif what == "clusters":
            _put_cluster(**asked)
        else:
            raise ValueError(f"the sandbox's AWS has no control {what!r}")
        return {}


def _put_cluster(name: str, endpoint: str, certificate_authority: str, status: str) -> None:
    """An EKS cluster at an address of the test's; moto makes addresses up."""
    backend = eks_backends[ACCOUNT][REGION]
    cluster = backend.clusters.get(name) or backend.create_cluster(
        name=name, role_arn=f"arn:aws:iam::{ACCOUNT}:role/eks", resources_vpc_config={"subnetIds": []}
    )
    cluster.endpoint = endpoint
    cluster.certificate_authority = {"data": certificate_authority}
    cluster.status = status
