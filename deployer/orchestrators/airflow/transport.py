"""How Airflow's REST API is reached: over HTTP with a token or a password, or through Amazon MWAA's own API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.orchestrators.clients import aws_errors
from deployer.outcome import DeployError, Failure, FailureReason
from deployer.text import shortened

LIMIT = (10, 30)
"""Seconds to connect, and to be answered."""
ATTEMPTS = 3
BACKOFF = 0.5
"""Seconds before the second attempt; twice as long before each further one."""
SERVER_ERROR = 500
PASSING = (429, 502, 503, 504)
CREATED, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, BAD = 201, 401, 403, 404, 400
EVIDENCE = 2000
"""Characters of an answer that are shown."""
MWAA = "mwaa://"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the API answered."""

    status: int
    body: Any = None
    """What the JSON says; the text where it is none."""

    @property
    def is_bad(self) -> bool:
        """Whether it is a refusal."""
        return self.status >= BAD


class Transport(Protocol):
    """A way to the API. What it answers is returned, whatever its status; what keeps it from answering is raised."""

    def version(self) -> str:
        """The version of Airflow, `2.11.2`."""

    def request(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Ask; `path` begins behind `/api/v1` or `/api/v2`.

        Raises:
            DeployError: it cannot be reached, or does not take the credentials.
        """


def open_transport(settings: AirflowSettings) -> Transport:
    """The way that the input `airflow-url` names."""
    assert settings.url is not None
    if settings.url.startswith(MWAA):
        return _open_mwaa(settings.url.removeprefix(MWAA))
    return HttpTransport(settings)


class HttpTransport:
    """Airflow's web server (2) or API server (3). Which it is, it is asked: `/version` takes no credentials."""

    def __init__(self, settings: AirflowSettings) -> None:
        """Args:
        settings: with a URL; the credentials may be missing.
        """
        self._settings = settings
        self._url = settings.url or ""
        self._token = settings.token
        self._version: str | None = None
        self._session = _session()

    def version(self) -> str:
        """As `/api/v2/version` tells, which 2 does not have; else `/api/v1/version`."""
        if self._version is None:
            for base in ("/api/v2", "/api/v1"):
                answer = self._send("GET", f"{base}/version", None, None, authorized=False)
                if isinstance(answer.body, dict) and isinstance(answer.body.get("version"), str):
                    self._version = answer.body["version"]
                    break
            else:
                raise DeployError(_no_airflow(self._url, answer))
        return self._version

    def request(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """See `Transport`. A token that was fetched with a password is fetched anew once it is refused."""
        is_v2 = is_second_api(self.version())
        full = f"/api/{'v2' if is_v2 else 'v1'}{path}"
        fetches = is_v2 and self._settings.token is None and self._settings.username is not None
        if fetches and self._token is None:
            self._token = self._fetch_token()
        answer = self._send(method, full, query, body)
        if answer.status == UNAUTHORIZED and fetches:
            self._token = self._fetch_token()
            answer = self._send(method, full, query, body)
        if answer.status == UNAUTHORIZED:
            raise DeployError(_unauthorized(self._settings, answer))
        if answer.status == FORBIDDEN:
            raise DeployError(_forbidden(method, path, answer))
        return answer

    def _fetch_token(self) -> str:
        """A JWT for a user's name and password (Airflow 3: POST /auth/token, of every auth manager)."""
        body = {"username": self._settings.username, "password": self._settings.password or ""}
        answer = self._send("POST", "/auth/token", None, body, authorized=False)
        token = answer.body.get("access_token") if isinstance(answer.body, dict) else None
        if answer.is_bad or not isinstance(token, str):
            raise DeployError(_unauthorized(self._settings, answer))
        return token

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        *,
        authorized: bool = True,
    ) -> Answer:
        with _failures(self._url):
            # Redirects lead to a login page, and would carry the credentials to wherever they lead.
            answer = self._session.request(
                method,
                self._url + path,
                params=query,
                json=body,
                timeout=LIMIT,
                allow_redirects=False,
                auth=self._authorize if authorized else _no_authorization,
                headers={"Accept": "application/json"},
            )
        if 300 <= answer.status_code < BAD:  # noqa: PLR2004
            raise DeployError(_no_airflow(self._url, Answer(status=answer.status_code, body=answer.text)))
        if answer.status_code in PASSING:
            raise DeployError(
                _unreachable(self._url, f"It answered {answer.status_code}: {shortened(answer.text, EVIDENCE)}")
            )
        return Answer(status=answer.status_code, body=_read(answer.text))

    def _authorize(self, request: Any) -> Any:
        """Given as `auth`, or requests would look into a .netrc of its own accord."""
        settings = self._settings
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        elif settings.username is not None:
            from requests.auth import HTTPBasicAuth

            return HTTPBasicAuth(settings.username.encode(), (settings.password or "").encode())(request)
        return request


class MwaaTransport:
    """Amazon MWAA: InvokeRestApi, with AWS credentials (docs.aws.amazon.com/mwaa, Using the Apache Airflow REST API).

    Not tried on AWS: written after its API reference and boto3's model.
    """

    def __init__(self, client: Any, environment: str) -> None:
        """Args:
        client: boto3's client of `mwaa`.
        environment: the environment's name.
        """
        self._client = client
        self._environment = environment
        self._version: str | None = None

    def version(self) -> str:
        """As `/version` tells."""
        if self._version is None:
            answer = self.request("GET", "/version")
            if answer.is_bad or not isinstance(answer.body, dict):
                raise DeployError(_no_airflow(MWAA + self._environment, answer))
            self._version = str(answer.body.get("version", ""))
        return self._version

    def request(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """See `Transport`."""
        given = {"QueryParameters": dict(query or {}), "Body": dict(body or {})}
        with aws_errors.failures(f"asking the MWAA environment {self._environment}"):
            try:
                answer = self._client.invoke_rest_api(
                    Name=self._environment,
                    Path=path,
                    Method=method,
                    **{name: value for name, value in given.items() if value},
                )
            except (
                self._client.exceptions.RestApiClientException,
                self._client.exceptions.RestApiServerException,
            ) as error:
                answer = error.response
        status = int(answer.get("RestApiStatusCode") or 0)
        body_text = answer.get("RestApiResponse")
        found = Answer(status=status, body=_read(body_text) if isinstance(body_text, str) else body_text)
        if status in (UNAUTHORIZED, FORBIDDEN):
            raise DeployError(_forbidden(method, path, found))
        if status >= SERVER_ERROR:
            raise DeployError(_unreachable(MWAA + self._environment, f"It answered {status}: {found.body}"))
        return found


def is_second_api(version: str) -> bool:
    """Whether an Airflow of that version has the API v2, and no v1."""
    return int(version.split(".", 1)[0]) >= 3  # noqa: PLR2004


def refused(doing: str, answer: Answer) -> NoReturn:
    """Raise what the API refused for a reason of its own.

    An error of Airflow's own may pass, and is waited out where something is waited for: while Airflow 2.11 writes a new
    DAG to its database, the details of that DAG are answered with 500.

    Args:
        doing: what was asked, as it goes into the sentence.
        answer: the refusal.
    """
    raise DeployError(
        Failure(
            reason=FailureReason.ORCHESTRATOR_UNREACHABLE if answer.status >= SERVER_ERROR else FailureReason.DEPLOY,
            message=f"Airflow refused {doing} with status {answer.status}.",
            advice="What it said is below.",
            evidence=_shown(answer),
        )
    )


def _session() -> Any:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    # Every request may be repeated: a DAG run is asked for by an id of our own, and its second POST is a conflict.
    retry = Retry(
        total=ATTEMPTS - 1,
        backoff_factor=BACKOFF,
        status_forcelist=PASSING,
        allowed_methods=None,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def _open_mwaa(environment: str) -> MwaaTransport:
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=LIMIT[0], read_timeout=LIMIT[1], retries={"total_max_attempts": ATTEMPTS})
    with aws_errors.failures("opening a client"):
        return MwaaTransport(boto3.session.Session().client("mwaa", config=config), environment)


def _no_authorization(request: Any) -> Any:
    return request


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@contextmanager
def _failures(url: str) -> Iterator[None]:
    import requests

    try:
        yield
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
        raise DeployError(_no_airflow(url, Answer(status=0, body=str(error)))) from error
    except requests.RequestException as error:
        raise DeployError(_unreachable(url, str(error))) from error


def _unreachable(url: str, said: str) -> Failure:
    return Failure(
        reason=FailureReason.ORCHESTRATOR_UNREACHABLE,
        input="airflow-url",
        message=f"Airflow at {url} cannot be reached.",
        advice="Check `airflow-url`, that Airflow is up, and that the runner may reach it.",
        evidence=said,
    )


def _no_airflow(url: str, answer: Answer) -> Failure:
    return Failure(
        reason=FailureReason.INPUT,
        input="airflow-url",
        message=f"What answers at {url} is no REST API of Airflow.",
        advice="Give the address of Airflow's web server, without `/api/…` or a page's path; a proxy that asks for a "
        "login in a browser has to let the API through.",
        evidence=f"It answered {answer.status}: {_shown(answer)}",
    )


def _unauthorized(settings: AirflowSettings, answer: Answer) -> Failure:
    if settings.token is None and settings.username is None:
        advice = "Give `airflow-token`, or `airflow-username` and `airflow-password`."
    elif settings.token is not None:
        advice = "Renew `airflow-token`; one for Cloud Composer lasts an hour."
    else:
        advice = (
            "Correct `airflow-username` and `airflow-password`; Airflow 2 takes them only with "
            "`airflow.api.auth.backend.basic_auth` in `[api] auth_backends`."
        )
    return Failure(
        reason=FailureReason.CREDENTIALS,
        input="airflow-token" if settings.username is None else "airflow-password",
        message="Airflow did not take the credentials."
        if settings.token or settings.username
        else "Airflow asks for credentials, and none were given.",
        advice=advice,
        evidence=_shown(answer),
    )


def _forbidden(method: str, path: str, answer: Answer) -> Failure:
    return Failure(
        reason=FailureReason.PERMISSION,
        message=f"Airflow's user may not do that: {method} {path}.",
        advice="Give the user the role Op, or one that may read, edit and delete DAGs and DAG runs, and read task logs "
        "and import errors. Airflow 2 says the same of a wrong `airflow-password`.",
        evidence=_shown(answer),
    )


def _shown(answer: Answer) -> str:
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body, indent=1)
    return shortened(text, EVIDENCE)
