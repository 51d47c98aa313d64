"""AWS Batch jobs as local processes: the command, the environment, the exit code and the log of each are real."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

from moto.batch.models import Job, JobStatus

log = logging.getLogger(__name__)

# Set in every job by AWS Batch (docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html); moto sets the id alone.
BATCH_VARIABLES = {
    "AWS_BATCH_JOB_ATTEMPT": "1",
    "AWS_BATCH_CE_NAME": "metaflow-compute",
    "AWS_BATCH_JQ_NAME": "metaflow-queue",
    "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
}


def run_jobs_as_processes(folder: Path, environment: dict[str, str], at_once: int) -> None:
    """Replace moto's way of running a job, which is Docker.

    Args:
        folder: where each job has a folder of its own, with its log.
        environment: what every job's environment begins with: credentials, endpoints.
        at_once: how many jobs run at a time; the others wait, as in a compute environment.
    """
    room = threading.Semaphore(at_once)

    def run(job: Any) -> None:
        try:
            with room:
                _run(job, folder, environment)
        except Exception:
            log.exception("job %s", job.job_name)
            job._mark_stopped(success=False)

    def terminate(job: Any, reason: str) -> None:
        job.job_stopped_reason = reason
        job.stop = True
        process = getattr(job, "process", None)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    Job.run = run
    Job.terminate = terminate


def _run(job: Any, folder: Path, environment: dict[str, str]) -> None:
    if job.depends_on and not job._wait_for_dependencies():
        return
    if job.stop:
        job._mark_stopped(success=False)
        return
    job.job_started_at = datetime.now()  # noqa: DTZ005  # moto's own form
    job._start_attempt()
    home = folder / f"{job.job_name[:80]}-{job.job_id[:8]}"
    home.mkdir(parents=True)
    own = {entry["name"]: entry["value"] for entry in job._get_container_property("environment", [])}
    command = job._add_parameters_to_command(job._get_container_property("command", []))
    job.status = JobStatus.RUNNING
    with (home / "log").open("wb") as stream:
        job.process = subprocess.Popen(
            command,
            env={**environment, **BATCH_VARIABLES, **own, "HOME": str(home), "TMPDIR": str(home)},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if job.stop:  # terminated while it was being started
            job.terminate(job.job_stopped_reason)
        job.exit_code = job.process.wait()
    if job.exit_code != 0 and not job.stop:
        job.job_stopped_reason = "Essential container in task exited"
    job._mark_stopped(success=job.exit_code == 0 and not job.stop)


def job_environment(aws_url: str, region: str, marker: tuple[str, str]) -> dict[str, str]:
    """What a job finds in its environment beside its definition's own variables: on AWS the instance role gives the
    credentials and the image gives Python; here the sandbox's own environment does."""
    interpreter = Path(sys.executable).parent
    return {
        "PATH": f"{interpreter}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": aws_url,
        # the packages are there already, and there may be no network to install them from
        "METAFLOW_SKIP_INSTALL_DEPENDENCIES": "1",
        marker[0]: marker[1],
    }
