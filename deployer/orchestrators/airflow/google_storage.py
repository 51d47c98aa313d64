"""A prefix of a Cloud Storage bucket, over the JSON API with google-auth's credentials.

google-cloud-storage would do the same with twenty packages more in the image; four requests need none of them
(cloud.google.com/storage/docs/json_api/v1/objects: get, insert, delete, list).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from deployer.outcome import DeployError, Failure, FailureReason
from deployer.text import shortened

HOST = "https://storage.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
LIMIT = (10, 30)
"""Seconds to connect, and to be answered."""
NOT_FOUND = 404
REASONS = {401: FailureReason.CREDENTIALS, 403: FailureReason.PERMISSION}
NO_CREDENTIALS = (
    "Add google-github-actions/auth in a step before, which leaves credentials in the checkout; or set "
    "GOOGLE_APPLICATION_CREDENTIALS to a file that the action's container sees."
)


def open_google_storage(bucket: str, prefix: str) -> GoogleStoragePrefix:
    """The prefix, with Google's application default credentials; with none where STORAGE_EMULATOR_HOST is set, as
    Google's own libraries do it.

    Raises:
        DeployError: there are no credentials.
    """
    import requests

    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if emulator:
        return GoogleStoragePrefix(requests.Session(), bucket, prefix, host=emulator.rstrip("/"))
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    with _failures("opening a client"):
        credentials, _ = google.auth.default(scopes=[SCOPE])
    return GoogleStoragePrefix(AuthorizedSession(credentials), bucket, prefix)


class GoogleStoragePrefix:
    """See `deployer.orchestrators.airflow.dags_folder.DagsFolder`."""

    def __init__(self, session: Any, bucket: str, prefix: str, *, host: str = HOST) -> None:
        """Args:
        session: a requests Session that authorizes itself.
        bucket: its name.
        prefix: without slashes at its ends; may be empty.
        host: the API's address.
        """
        self._session = session
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._host = host

    def read(self, name: str) -> str | None:
        """The object's text."""
        answer = self._request("GET", "reading", name, self._object(name), {"alt": "media"})
        return str(answer.content.decode()) if answer is not None else None

    def write(self, name: str, text: str) -> None:
        """One upload: Cloud Storage shows the object whole or not at all."""
        path = f"/upload/storage/v1/b/{quote(self._bucket, safe='')}/o"
        query = {"uploadType": "media", "name": self._prefix + name}
        if self._request("POST", "writing", name, path, query, text.encode()) is None:
            raise DeployError(self._no_bucket())

    def delete(self, name: str) -> bool:
        """Delete the object."""
        return self._request("DELETE", "deleting", name, self._object(name), {}) is not None

    def names(self) -> tuple[str, ...]:
        """Of this prefix, not of those below it."""
        found: list[str] = []
        query = {"prefix": self._prefix, "delimiter": "/", "fields": "items(name),nextPageToken"}
        while True:
            answer = self._request("GET", "listing", "", f"/storage/v1/b/{quote(self._bucket, safe='')}/o", query)
            if answer is None:
                raise DeployError(self._no_bucket())
            page = json.loads(answer.content)
            found += [one["name"].removeprefix(self._prefix) for one in page.get("items", ())]
            if not page.get("nextPageToken"):
                return tuple(sorted(name for name in found if name.endswith(".py")))
            query["pageToken"] = page["nextPageToken"]

    def _object(self, name: str) -> str:
        return f"/storage/v1/b/{quote(self._bucket, safe='')}/o/{quote(self._prefix + name, safe='')}"

    def _request(
        self, method: str, doing: str, name: str, path: str, query: Mapping[str, str], body: bytes | None = None
    ) -> Any | None:
        """The answer; None for what is not there."""
        what = f"{doing} gs://{self._bucket}/{self._prefix}{name}"
        headers = {"Content-Type": "text/x-python"} if body is not None else {}
        with _failures(what):
            answer = self._session.request(
                method, self._host + path, params=dict(query), data=body, headers=headers, timeout=LIMIT
            )
        if answer.status_code == NOT_FOUND:
            return None
        if answer.status_code >= 400:  # noqa: PLR2004
            raise DeployError(_refused(what, answer.status_code, answer.text))
        return answer

    def _no_bucket(self) -> Failure:
        return Failure(
            reason=FailureReason.INPUT,
            input="airflow-dags-folder",
            message=f"There is no bucket {self._bucket} in Cloud Storage.",
            advice="Correct the bucket's name; Cloud Composer tells it as the environment's DAGs folder.",
        )


@contextmanager
def _failures(doing: str) -> Iterator[None]:
    import google.auth.exceptions
    import requests

    try:
        yield
    except google.auth.exceptions.TransportError as error:
        raise DeployError(_unreachable(doing, error)) from error
    except google.auth.exceptions.GoogleAuthError as error:
        failure = Failure(
            reason=FailureReason.CREDENTIALS,
            message=f"There are no Google credentials that work for {doing}.",
            advice=NO_CREDENTIALS,
            evidence=str(error),
        )
        raise DeployError(failure) from error
    except requests.RequestException as error:
        raise DeployError(_unreachable(doing, error)) from error


def _unreachable(doing: str, error: Exception) -> Failure:
    return Failure(
        reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
        message=f"Google did not answer while {doing}.",
        advice="Check that the runner may reach Google's APIs.",
        evidence=str(error),
    )


def _refused(doing: str, status: int, said: str) -> Failure:
    reason = REASONS.get(status, FailureReason.DEPLOY)
    advice = {
        FailureReason.CREDENTIALS: NO_CREDENTIALS,
        FailureReason.PERMISSION: "Give the service account the role Storage Object User on the bucket.",
    }.get(reason, "What it said is below.")
    return Failure(
        reason=reason,
        input="airflow-dags-folder",
        message=f"Cloud Storage refused {doing} with status {status}.",
        advice=advice,
        evidence=shortened(said, 2000),
    )
