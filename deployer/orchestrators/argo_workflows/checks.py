"""`operation: doctor` in a cluster: credentials, API server, rights, and what is installed of Argo."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deployer.check import bad, clock, expiry, of_failure, ok, unknown, warning
from deployer.orchestrators.argo_workflows import objects as documents
from deployer.orchestrators.checks import Setting
from deployer.orchestrators.clients.kubernetes_configuration import load_configuration
from deployer.orchestrators.clients.kubernetes_errors import FORBIDDEN, NOT_FOUND, failures
from deployer.orchestrators.clients.kubernetes_rights import ARGO, EARLIER_SENSORS, RIGHTS, Right
from deployer.orchestrators.clients.kubernetes_server import ApiServer
from deployer.outcome import Check, DeployError, FailureReason

API_VERSION = f"{ARGO}/v1alpha1"
PATH = f"/apis/{API_VERSION}"
KINDS = ("workflowtemplates", "cronworkflows", "workflows")
RENEW = "Renew what is kept as `kubeconfig`; `kubectl create token` says how long with `--duration`."
UNTOUCHED = timedelta(minutes=2)
"""How old a Workflow without a phase is before nobody is taken to look after it: a controller that is well takes
seconds."""
RECENT = 20
"""Workflows that are looked at for traces of the controller."""


def examine(area: str, setting: Setting) -> tuple[Check, ...]:
    """Look at the cluster; see `deployer.orchestrators.checks`.

    Raises:
        DeployError: the API server refuses or does not answer.
    """
    load_configuration()
    server = ApiServer()
    namespace = str(setting("KUBERNETES_NAMESPACE") or "default")
    if area == "kubernetes":
        return (*_credentials(server.configuration, namespace), *_server(server))
    if area == "rights":
        return _rights(server, namespace, str(setting("ARGO_EVENTS_SENSOR_NAMESPACE") or namespace))
    return (*_installed(server, setting, namespace), _controller(server, namespace))


def _credentials(configuration: Any, namespace: str) -> tuple[Check, ...]:
    """How the job authenticates, and how long that holds."""
    name, now = "Cluster credentials", datetime.now(UTC)
    lines = []
    # called `authorization` by the client before its 36th version, and `BearerToken` since
    token = str(next(iter((configuration.api_key or {}).values()), "")).removeprefix("Bearer ")
    if token:
        how, ends = "a token", token_expiry(token)
        lines = [expiry(name, "The token of the kubeconfig", ends, now, RENEW) if ends else None]
    elif configuration.cert_file:
        how, ends = "a client certificate", certificate_expiry(Path(configuration.cert_file).read_bytes())
        lines = [expiry(name, "The client certificate of the kubeconfig", ends, now, RENEW) if ends else None]
    else:
        how, ends = ("a user and a password" if configuration.username else "no credentials"), None
    until = f", until {ends.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if ends else ""
    source = "KUBECONFIG" if os.environ.get("KUBECONFIG") else "the runner's own service account or home"
    found = f"{how} from {source} for `{configuration.host}`{until}; namespace `{namespace}`"
    told = [line for line in lines if line is not None]
    return tuple(told) or (ok(name, found),)


def token_expiry(token: str) -> datetime | None:
    """When a service account's token ends (its `exp` claim, RFC 7519); None for one that tells nothing."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004  # header, payload, signature
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError):
        return None


def certificate_expiry(pem: bytes) -> datetime | None:
    """When a client certificate ends; None where it cannot be read, which the API server then says better."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError:
        return None


def _server(server: ApiServer) -> tuple[Check, ...]:
    """The API server's version, whom it takes the job for, and its clock."""
    try:
        with failures("asking for the API server's version"):
            version, headers = server.get("/version")
        who = _identity(server)
    except DeployError as error:  # beside what the credentials tell of themselves
        return (of_failure("API server", error.failure),)
    found = f"Kubernetes {version.get('gitVersion', 'of an unknown version')}"
    line = ok("API server", found + (f", which knows the job as `{who}`" if who else ""))
    return line, clock("the API server's", headers.get("Date"), datetime.now(UTC))


def _identity(server: ApiServer) -> str | None:
    """Whom the server takes the job for (SelfSubjectReview, of Kubernetes 1.28 and later); None where it does not say.

    Raises:
        DeployError: the server does not take the credentials.
    """
    from kubernetes.client import ApiException

    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    with failures("asking who the job is"):
        try:
            answer = server.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
        except ApiException as error:
            if error.status in (FORBIDDEN, NOT_FOUND):
                return None
            raise
    return str(answer.get("status", {}).get("userInfo", {}).get("username") or "") or None


def _rights(server: ApiServer, namespace: str, sensor_namespace: str) -> tuple[Check, ...]:
    wanted = [(right, sensor_namespace if right.resource == "sensors" else namespace) for right in RIGHTS]
    if sensor_namespace != namespace:
        wanted.append((EARLIER_SENSORS, namespace))
    return tuple(
        rights_line(right, where, [verb for verb in right.verbs if not _may(server, where, right, verb)])
        for right, where in wanted
    )


def _may(server: ApiServer, namespace: str, right: Right, verb: str) -> bool:
    """Ask for one verb (SelfSubjectAccessReview, which every authenticated user may ask)."""
    attributes = {"namespace": namespace, "verb": verb, "group": right.group, "resource": right.resource}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    with failures(f"asking whether the job may {verb} {right.resource}"):
        answer = server.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    return bool(answer.get("status", {}).get("allowed"))


def rights_line(right: Right, namespace: str, lacking: Sequence[str]) -> Check:
    """One line a resource: the verbs that are there, or those that lack and what for."""
    name = f"Rights on {right.resource}"
    advice = f"Add it to the Role in `{namespace}` that the job's service account is bound to; docs/rbac.yaml has all."
    subject = f"on `{right.resource}.{right.group}` in `{namespace}`"
    for_deploying = [verb for verb in lacking if verb in right.deploying]
    if for_deploying:
        verbs = ", ".join(f"`{verb}`" for verb in lacking)
        return bad(name, f"The job lacks {verbs} {subject}.", advice, FailureReason.PERMISSION)
    if lacking:
        why = "; ".join(f"without `{verb}` {what}" for verb, what in right.besides if verb in lacking)
        return warning(name, f"Deploying works, but {why} ({subject}).", advice)
    return ok(name, f"{', '.join(right.verbs)} in `{namespace}`")


def _installed(server: ApiServer, setting: Setting, namespace: str) -> tuple[Check, ...]:
    """Which of Argo's kinds the API server has, and how its CronWorkflow spells a schedule."""
    from kubernetes.client import ApiException

    with failures("asking for Argo's kinds"):
        try:
            document, _ = server.get(PATH)
        except ApiException as error:
            if error.status != NOT_FOUND:
                raise
            document = {}
    there = {str(one.get("name")) for one in document.get("resources", ())}
    lacking = [kind for kind in KINDS if kind not in there]
    if lacking:
        kinds = ", ".join(f"`{kind}.{ARGO}`" for kind in lacking)
        advice = "Install Argo Workflows' CRDs, or check which cluster the kubeconfig names."
        return (bad("Argo Workflows", f"The cluster lacks {kinds}.", advice, FailureReason.DEPLOY),)
    return (
        ok("Argo Workflows", f"its CRDs are installed: `{API_VERSION}` with {', '.join(KINDS)}"),
        _spelling(server, setting, namespace),
        _events(there, setting),
    )


def _events(there: set[str], setting: Setting) -> Check:
    """Whether flows with @trigger and @trigger_on_finish can be deployed."""
    wanted = [name for name in ("EVENT", "EVENT_SOURCE", "SERVICE_ACCOUNT") if not setting(f"ARGO_EVENTS_{name}")]
    if "sensors" not in there:
        if len(wanted) == 3:  # noqa: PLR2004  # nobody means to use it
            return ok("Argo Events", "not installed; only @trigger and @trigger_on_finish need it")
        advice = "Install Argo Events' CRDs, or take METAFLOW_ARGO_EVENTS_… out."
        return warning("Argo Events", "It is configured for Metaflow, but the cluster has no `sensors`.", advice)
    if wanted:
        names = ", ".join(f"METAFLOW_ARGO_EVENTS_{name}" for name in wanted)
        return ok("Argo Events", f"installed; @trigger and @trigger_on_finish need {names} too")
    return ok("Argo Events", "installed and configured for Metaflow")


def _spelling(server: ApiServer, setting: Setting, namespace: str) -> Check:
    """Whether a schedule is written as the installed CronWorkflow has it: asked for by one that is not created."""
    from kubernetes.client import ApiException

    with failures("trying a CronWorkflow"):
        try:
            tried = server.post(f"{PATH}/namespaces/{namespace}/cronworkflows?dryRun=All", documents.probe())
        except ApiException as error:
            told = f"not known how they are spelled here: a CronWorkflow cannot be tried (status {error.status})"
            return unknown("Schedules", told)
    name = documents.USE_SCHEDULES.removeprefix("METAFLOW_")
    chosen = bool(setting(name)) if setting.is_set(name) else None
    return spelling(documents.takes_schedules(tried), chosen=chosen, known=setting.is_known(name))


def spelling(takes: bool | None, *, chosen: bool | None, known: bool = True) -> Check:
    """Whether a schedule is written as the installed CronWorkflow has it.

    Args:
        takes: whether its CRD has `schedules`, a list; None: it takes whatever comes.
        chosen: METAFLOW_ARGO_WORKFLOWS_USE_SCHEDULES, by which Metaflow writes `schedules`; None: nobody chose, and the
            action goes by the CRD.
        known: whether this Metaflow has that setting; without it, it writes `schedule`.
    """
    if not known:
        told = f"written as `schedule`: this Metaflow knows no other; Argo 4 needs {documents.KNOWS_SCHEDULES} or newer"
        return ok("Schedules", told)
    names = {True: "schedules", False: "schedule"}
    if takes is None:
        written = names[bool(chosen)]
        told = "the CRD takes any spelling (Argo's minimal CRDs), so Argo's version decides"
        return ok("Schedules", f"{told}; `{written}` is written")
    if chosen is None:
        return ok("Schedules", f"written as `{names[takes]}`, which the CRD has")
    if chosen == takes or not chosen:
        # before 4.0 a CRD with `schedules` has `schedule` too; the dry run does not tell
        return ok("Schedules", f"written as `{names[chosen]}`, as {documents.USE_SCHEDULES} says")
    return bad(
        "Schedules",
        f"The CRD lacks `schedules`, for which {documents.USE_SCHEDULES} asks: a @schedule ends half deployed.",
        f"Take {documents.USE_SCHEDULES} out: the action sets it as the CRD has it.",
        FailureReason.HALF_DEPLOYED,
    )


def _controller(server: ApiServer, namespace: str) -> Check:
    """Traces of the workflow-controller: whether somebody looks after the namespace's newest Workflows."""
    from kubernetes.client import ApiException

    try:
        found, _ = server.get(f"{PATH}/namespaces/{namespace}/workflows?limit={RECENT}")
    except ApiException as error:
        return unknown(
            "Workflow controller", f"no trace to look at: Workflows cannot be listed (status {error.status})"
        )
    return controller(found.get("items", ()), datetime.now(UTC))


def controller(workflows: Any, now: datetime) -> Check:
    """What Workflows tell of their controller, which gives each a phase within seconds."""
    name = "Workflow controller"
    unseen = [one for one in workflows if not (one.get("status") or {}).get("phase")]
    left = [one for one in unseen if now - datetime.fromisoformat(one["metadata"]["creationTimestamp"]) > UNTOUCHED]
    if left:
        told = (
            f"The Workflow `{left[0]['metadata']['name']}` was never taken up: no controller looks after the namespace."
        )
        advice = "Start Argo's workflow-controller, or have it watch the namespace (`--managed-namespace`)."
        return warning(name, told, advice)
    if len(unseen) < len(workflows):
        return ok(name, "takes up the namespace's Workflows")
    return unknown(name, "no trace to look at: the namespace has no Workflow")
