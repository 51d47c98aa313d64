"""A whole world on one machine: AWS that executes, a metadata service, GitHub. Python alone, loopback alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3

from sandbox.aws import resources
from sandbox.aws.control import AwsControl
from sandbox.github.control import GitHubControl
from sandbox.processes import Servers


class World:
    """The servers, for as long as the `with` block lasts.

    Nothing leaves the machine, and nothing is left when it is closed: every server and every job of a run ends.
    """

    def __init__(self, folder: Path, *, host: str = "127.0.0.1") -> None:
        """Args:
        folder: for logs and the folders of jobs; made if it is not there.
        host: the address to serve on.
        """
        self._folder = folder
        self._host = host
        folder.mkdir(parents=True, exist_ok=True)
        self._servers = Servers(folder)

    def __enter__(self) -> World:
        try:
            jobs = ["--folder", str(self._folder / "jobs")]
            with ThreadPoolExecutor() as at_once:  # each takes a second or two
                aws = at_once.submit(self._servers.start, "sandbox.aws", host=self._host, arguments=jobs)
                metadata = at_once.submit(self._servers.start, "sandbox.metadata", host=self._host)
                github = at_once.submit(self._servers.start, "sandbox.github", host=self._host)
            self.github = GitHubControl(github.result())
            self.metadata_url, self.aws_url = metadata.result(), aws.result()
            self.aws = AwsControl(self.aws_url)
        except BaseException:
            self._servers.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._servers.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a deploying process needs; METAFLOW_USER and METAFLOW_HOME are its own affair."""
        return {
            **resources.environment(self.aws_url),
            "METAFLOW_DEFAULT_METADATA": "service",
            "METAFLOW_SERVICE_URL": self.metadata_url,
            "METAFLOW_BATCH_CONTAINER_IMAGE": "python:3.13",
        }

    def client(self, service: Any = "stepfunctions") -> Any:
        """A client of AWS's, for who looks at what stands there."""
        return boto3.client(
            service,
            endpoint_url=self.aws_url,
            region_name=resources.REGION,
            aws_access_key_id="looker",
            aws_secret_access_key="looker",
        )

    @property
    def state_machines(self) -> set[str]:
        """The names of what stands at Step Functions."""
        return {str(one["name"]) for one in self.client().list_state_machines()["stateMachines"]}
