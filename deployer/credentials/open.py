"""All credentials of a job, as the environment of its processes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from deployer.console import Console
from deployer.credentials.aws import (
    AUDIENCE,
    OTHER_ROLE,
    PROFILE,
    SUPERSEDED,
    Question,
    ask,
    cluster_kubeconfig,
    region_variables,
    role_variables,
    session_name,
)
from deployer.credentials.files import write_secret
from deployer.credentials.id_token import ISSUER_CLAIMS, IdTokenSource
from deployer.credentials.keeper import CredentialKeeper
from deployer.credentials.role import RoleSource
from deployer.deadline import Cancellation
from deployer.environment import worker_environment
from deployer.event import Event
from deployer.inputs import Inputs
from deployer.outcome import DeployError


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What the job's processes get, beside what the job's environment has."""

    variables: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    """Variables of the job's environment that would stand in the way."""


@contextmanager
def open_credentials(
    inputs: Inputs,
    environ: Mapping[str, str],
    event: Event,
    *,
    folder: Path,
    console: Console,
    cancellation: Cancellation,
) -> Iterator[Credentials]:
    """Get the credentials that the inputs ask for, and keep them for as long as the `with` block lasts.

    Args:
        inputs: the job's inputs.
        environ: the job's environment.
        event: what called the job.
        folder: an existing folder of the job's own; secrets are written there, readable by nobody else.
        console: where progress and warnings go, and what masks.
        cancellation: ends whatever is under way.

    Raises:
        DeployError: they cannot be had.
    """
    with ExitStack() as stack:
        variables, without = region_variables(inputs.aws_region), frozenset[str]()
        if inputs.aws_role_to_assume is not None:
            without = frozenset({*SUPERSEDED, *OTHER_ROLE, *PROFILE})
            path = folder / "role-credentials"
            source = RoleSource(
                IdTokenSource(environ, AUDIENCE),
                role=inputs.aws_role_to_assume,
                session=session_name(event.repository, event.run_id, event.run_attempt),
                environment=worker_environment(environ, variables, without),
                cancellation=cancellation,
                mask=console.mask,
            )
            keeper = CredentialKeeper(
                source, path, cancellation=cancellation, mask=console.mask, tell=console.info, warn=console.warning
            )
            try:
                with _claims_of_a_refusal(source):
                    stack.enter_context(keeper)
            finally:
                if source.claims:
                    console.info(f"OIDC: GitHub's token says {_shown(source.claims, ISSUER_CLAIMS, ', ')}")
            variables |= role_variables(path, folder, environ)
            _tell_superseded(environ, console)
        if inputs.kubeconfig is not None:
            variables |= _written(inputs.kubeconfig, folder)
        variables |= _asked(inputs, worker_environment(environ, variables, without), folder, console, cancellation)
        yield Credentials(variables=variables, without=without)


def _asked(
    inputs: Inputs, environment: Mapping[str, str], folder: Path, console: Console, cancellation: Cancellation
) -> dict[str, str]:
    """Ask AWS what has to be known before a flow's process starts, so that a refusal is told before all else."""
    needs_cluster = inputs.eks_cluster is not None and inputs.orchestrator != "step-functions"
    question = Question(
        identity=inputs.aws_role_to_assume is not None, cluster=inputs.eks_cluster if needs_cluster else None
    )
    if question == Question():
        return {}
    answer = ask(question, environment=environment, cancellation=cancellation)
    if answer.identity is not None:
        console.info(f"AWS: the job acts as {answer.identity}")
    if answer.cluster is None:
        return {}
    console.info(f"EKS: the cluster {answer.cluster.name} in {answer.cluster.region} is at {answer.cluster.endpoint}")
    return _written(json.dumps(cluster_kubeconfig(answer.cluster)), folder)


@contextmanager
def _claims_of_a_refusal(source: RoleSource) -> Iterator[None]:
    """Put whom the token says that the job is under what AWS says where it refuses the role: its error names neither
    the subject that it got nor the one that it wants."""
    try:
        yield
    except DeployError as error:
        claims = source.claims
        if error.failure.input != "aws-role-to-assume" or not claims:
            raise
        evidence = f"{error.failure.evidence}\n\nGitHub's token says of the job:\n{_shown(claims, claims)}"
        raise DeployError(replace(error.failure, evidence=evidence.lstrip())) from error


def _shown(claims: Mapping[str, str], names: Iterable[str], separator: str = "\n") -> str:
    return separator.join(f"{name}: {claims[name]}" for name in names if name in claims)


def _written(kubeconfig: str, folder: Path) -> dict[str, str]:
    path = folder / "kubeconfig"
    write_secret(path, kubeconfig)
    return {"KUBECONFIG": str(path)}


def _tell_superseded(environ: Mapping[str, str], console: Console) -> None:
    names = [name for name in (*SUPERSEDED, *PROFILE) if environ.get(name)]
    if names:
        console.notice(f"The role of `aws-role-to-assume` is taken in place of {', '.join(names)}.")
