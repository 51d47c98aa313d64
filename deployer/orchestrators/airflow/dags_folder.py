"""Where Airflow looks for DAG files: a folder, an S3 prefix (Amazon MWAA), a Cloud Storage prefix (Cloud Composer).

A file appears whole or not at all: a folder gets it by a rename, the two stores by one request.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from deployer.orchestrators.clients import aws_errors
from deployer.outcome import DeployError, Failure, FailureReason

CONNECT_SECONDS = 10
READ_SECONDS = 30
ATTEMPTS = 3
READABLE = 0o644
"""What Airflow's own user has to be able to read."""


class DagsFolder(Protocol):
    """A place for DAG files. Every method raises DeployError where the place cannot be reached or used."""

    def read(self, name: str) -> str | None:
        """The text of a file; None: there is none of that name."""

    def write(self, name: str, text: str) -> None:
        """Put a file there, or in the place of the one that is there."""

    def delete(self, name: str) -> bool:
        """Take a file away; whether it was there."""

    def names(self) -> tuple[str, ...]:
        """The names of the DAG files, `….py`, sorted."""


def open_dags_folder(place: str) -> DagsFolder:
    """The folder that the input `airflow-dags-folder` names.

    Raises:
        DeployError: there are no credentials to make a client with.
    """
    parts = urlsplit(place)
    prefix = parts.path.strip("/")
    if parts.scheme == "s3":
        return _open_s3(parts.netloc, prefix)
    if parts.scheme == "gs":
        from deployer.orchestrators.airflow.google_storage import open_google_storage

        return open_google_storage(parts.netloc, prefix)
    return Directory(Path(place))


def _open_s3(bucket: str, prefix: str) -> S3Prefix:
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": ATTEMPTS}
    )
    with aws_errors.failures("opening a client"):
        return S3Prefix(boto3.session.Session().client("s3", config=config), bucket, prefix)


class Directory:
    """A folder of this machine, or of a volume that is mounted in the action's container."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> str | None:
        """The file's text."""
        with _of_directory(self._folder, "read"):
            try:
                return (self._folder / name).read_text(encoding="utf-8")
            except FileNotFoundError:
                return None

    def write(self, name: str, text: str) -> None:
        """Write a file beside it, and rename it: Airflow never sees half of one."""
        with _of_directory(self._folder, "written"):
            self._folder.mkdir(parents=True, exist_ok=True)
            # No `.py` at its end, or Airflow would take it for another DAG file.
            descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=self._folder)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).chmod(READABLE)
                Path(temporary).replace(self._folder / name)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def delete(self, name: str) -> bool:
        """Remove the file."""
        with _of_directory(self._folder, "written"):
            try:
                (self._folder / name).unlink()
            except FileNotFoundError:
                return False
            return True

    def names(self) -> tuple[str, ...]:
        """Of this folder, not of those in it: the action delivers no file there."""
        with _of_directory(self._folder, "read"):
            return tuple(sorted(path.name for path in self._folder.glob("*.py")))


class _of_directory:  # noqa: N801  # a context manager that is used like a function
    def __init__(self, folder: Path, what: str) -> None:
        self._folder, self._what = folder, what

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError | UnicodeDecodeError):
            raise DeployError(
                Failure(
                    reason=FailureReason.PERMISSION if isinstance(error, PermissionError) else FailureReason.DEPLOY,
                    input="airflow-dags-folder",
                    message=f"The folder {self._folder} cannot be {self._what}.",
                    advice="Give a folder of the checkout, which the action's container sees and may write to; a "
                    "container sees nothing else of the runner.",
                    evidence=str(error),
                )
            ) from error


class S3Prefix:
    """A prefix of an S3 bucket."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        """Args:
        client: boto3's client of `s3`.
        bucket: its name.
        prefix: without slashes at its ends; may be empty.
        """
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def read(self, name: str) -> str | None:
        """The object's text."""
        with self._failures("reading", name):
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            except self._client.exceptions.NoSuchKey:
                return None
            return str(found["Body"].read().decode())

    def write(self, name: str, text: str) -> None:
        """One PutObject: S3 shows the object whole or not at all."""
        with self._failures("writing", name):
            self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + name, Body=text.encode(), ContentType="text/x-python"
            )

    def delete(self, name: str) -> bool:
        """DeleteObject, which says nothing of what was there: it is asked before."""
        there = self.read(name) is not None
        with self._failures("deleting", name):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)
        return there

    def names(self) -> tuple[str, ...]:
        """Of this prefix, not of those below it."""
        found: list[str] = []
        with self._failures("listing", ""):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"
            )
            for page in pages:
                found += [one["Key"].removeprefix(self._prefix) for one in page.get("Contents", ())]
        return tuple(sorted(name for name in found if name.endswith(".py")))

    @contextmanager
    def _failures(self, doing: str, name: str) -> Iterator[None]:
        with aws_errors.failures(f"{doing} s3://{self._bucket}/{self._prefix}{name}"):
            try:
                yield
            except self._client.exceptions.NoSuchBucket as error:
                raise DeployError(
                    Failure(
                        reason=FailureReason.INPUT,
                        input="airflow-dags-folder",
                        message=f"There is no bucket {self._bucket} in S3.",
                        advice="Correct the bucket's name; Amazon MWAA shows it with the environment.",
                        evidence=str(error),
                    )
                ) from error
