"""A moment in the life of an object: an admission webhook that calls back when the API server is about to store it.

Nothing else tells when a request has reached the API server and is not answered yet.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sandbox import certificates
from sandbox.certificates import Certificate
from sandbox.kubernetes.api import Api, path_of, wait_for
from sandbox.kubernetes.argo import GROUP

REGISTRATION = "admissionregistration.k8s.io/v1"
LIMIT = 30.0
"""Seconds for the API server to take up the webhook."""


@contextmanager
def on_admission(
    api: Api, host: str, folder: Path, *, operation: str, namespace: str, call: Callable[[], None]
) -> Iterator[None]:
    """Call back once, when the API server is asked to store a WorkflowTemplate; the request waits meanwhile.

    The API server has to be reachable when the block ends: the webhook is taken out of it then.

    Args:
        api: the API server.
        host: the address of this machine that the API server reaches.
        folder: for the webhook's certificate.
        operation: CREATE or UPDATE.
        namespace: of the object.
        call: what is called; the request is allowed afterwards, if the API server still asks.

    Raises:
        UnavailableError: the API server does not take up the webhook.
    """
    asked = threading.Event()
    waiting = [call]
    lock = threading.Lock()

    @Request.application
    def application(request: Request) -> Response:
        review = request.get_json()["request"]
        asked.set()
        with lock:
            if waiting and review["operation"] == operation and not review.get("dryRun"):
                waiting.pop()()
        answer = {"uid": review["uid"], "allowed": True}
        text = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer})
        return Response(text, mimetype="application/json")

    certificate = certificates.make(folder, host)
    tls = (str(certificate.path), str(certificate.key))
    server = make_server(host, 0, application, threaded=True, ssl_context=tls)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    path = f"/apis/{REGISTRATION}/validatingwebhookconfigurations/{namespace}.example.com"
    try:
        api.apply(_configuration(namespace, f"https://{host}:{server.server_port}/", certificate), path)
        _wait_until_asked(api, namespace, asked)
        yield
    finally:
        api.delete(path)
        server.shutdown()
        serving.join()


def _configuration(namespace: str, url: str, certificate: Certificate) -> Mapping[str, Any]:
    webhook = {
        "name": f"{namespace}.example.com",
        "rules": [
            {
                "apiGroups": [GROUP.partition("/")[0]],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["workflowtemplates"],
            }
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "clientConfig": {"url": url, "caBundle": base64.b64encode(certificate.path.read_bytes()).decode()},
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 10,
    }
    return {
        "apiVersion": REGISTRATION,
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": webhook["name"]},
        "webhooks": [webhook],
    }


def _wait_until_asked(api: Api, namespace: str, asked: threading.Event) -> None:
    """Try requests that store nothing until the API server asks the webhook, which it learns of by a watch."""
    probe = {"apiVersion": GROUP, "kind": "WorkflowTemplate", "metadata": {"name": "probe"}, "spec": {}}
    path = path_of("WorkflowTemplate", "probe", namespace=namespace, api=GROUP).rpartition("/")[0]

    def tried() -> bool | None:
        api.request("POST", path, body=probe, query={"dryRun": "All"})
        return asked.is_set() or None

    wait_for(tried, what="the webhook to be asked", limit=LIMIT)
