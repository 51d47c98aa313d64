"""What the output `deployments` says of a deployment and of a run, with the same keys wherever it speaks of one."""

from __future__ import annotations

from typing import Any

from deployer.outcome import Deployment, Run


def flat_deployment(deployment: Deployment | None) -> dict[str, Any]:
    """A deployment's keys; they are there, and empty, where nothing is known of it."""
    return {
        "deployment_url": deployment.url if deployment else None,
        "arn": deployment.arn if deployment else None,
        "region": deployment.region if deployment else None,
        "namespace": deployment.namespace if deployment else None,
        "metaflow_namespace": deployment.metaflow_namespace if deployment else None,
        "owner": deployment.owner if deployment else None,
        "project": deployment.project if deployment else None,
        "project_branch": deployment.project_branch if deployment else None,
        "schedule": deployment.schedule if deployment else None,
        "timezone": deployment.timezone if deployment else None,
        "triggers": list(deployment.triggers) if deployment else [],
    }


def flat_run(run: Run | None) -> dict[str, Any]:
    """A run's keys; they are there, and empty, where there is none."""
    return {
        "run_id": run.id if run else None,
        "run_pathspec": run.pathspec if run else None,
        "run_status": str(run.status) if run else None,
        "run_url": run.url if run else None,
        "run_seconds": run.duration if run else None,
    }
