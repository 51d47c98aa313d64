"""How Airflow's REST API is reached, over HTTP against a server of the test's own, and through Amazon MWAA."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deployer.orchestrators.airflow import transport
from deployer.orchestrators.airflow.api import AirflowApi
from deployer.orchestrators.airflow.settings import AirflowSettings
from deployer.orchestrators.airflow.transport import HttpTransport, MwaaTransport
from deployer.outcome import DeployError, FailureReason

Reply = tuple[int, Any]


class Server:
    """An HTTP server whose answers the test gives, by method and path; keeps what it was asked."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply | Callable[[Any], Reply]] = {}
        self.asked: list[tuple[str, str | None, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                name = f"{self.command} {self.path}"
                server.asked.append((name, self.headers.get("Authorization"), body))
                reply = server.replies.get(name, (404, "<html>no such page</html>"))
                status, answer = reply(self.headers) if callable(reply) else reply
                data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", "/login")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815  # the names that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def is_airflow(self, version: str) -> None:
        base = "/api/v2" if version.startswith("3") else "/api/v1"
        self.replies[f"GET {base}/version"] = (200, {"version": version})

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


def reach(server: Server, **settings: str) -> HttpTransport:
    return HttpTransport(AirflowSettings(url=server.url, **settings))


def failure(ask: Callable[[], Any]) -> Any:
    with pytest.raises(DeployError) as raised:
        ask()
    return raised.value.failure


@pytest.mark.parametrize(("version", "base"), [("2.11.2", "/api/v1"), ("3.3.2", "/api/v2"), ("3.0.0rc1", "/api/v2")])
def test_which_api_there_is_is_asked_once(server: Server, version: str, base: str) -> None:
    server.is_airflow(version)
    server.replies[f"GET {base}/dags/x"] = (200, {"dag_id": "x"})
    reached = reach(server, token="secret-token")
    assert reached.version() == version
    assert [reached.request("GET", "/dags/x").body for _ in range(2)] == [{"dag_id": "x"}] * 2
    assert [name for name, _, _ in server.asked].count(f"GET {base}/version") == 1
    assert [auth for name, auth, _ in server.asked if "version" in name] == [None] * (1 if base == "/api/v2" else 2)
    assert server.asked[-1][1] == "Bearer secret-token"


def test_airflow_2_takes_name_and_password_as_they_are(server: Server) -> None:
    server.is_airflow("2.11.2")
    server.replies["GET /api/v1/dags"] = (200, {})
    reach(server, username="ädmin", password="p:w").request("GET", "/dags")
    assert server.asked[-1][1] == "Basic " + base64.b64encode("ädmin:p:w".encode()).decode()


def test_airflow_3_gives_a_token_for_them_and_another_once_it_is_refused(server: Server) -> None:
    server.is_airflow("3.3.2")
    tokens = iter(["first", "second"])
    server.replies["POST /auth/token"] = lambda _: (201, {"access_token": next(tokens)})
    server.replies["GET /api/v2/dags"] = lambda headers: (
        (200, {"dags": []}) if headers["Authorization"] == "Bearer second" else (401, {"detail": "expired"})
    )
    reached = reach(server, username="admin", password="pw")
    assert reached.request("GET", "/dags").body == {"dags": []}
    logins = [body for name, _, body in server.asked if name == "POST /auth/token"]
    assert logins == [{"username": "admin", "password": "pw"}] * 2


def test_a_netrc_of_the_runner_is_not_looked_at(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server.is_airflow("2.11.2")
    server.replies["GET /api/v1/dags"] = (200, {})
    reach(server, token="t").request("GET", "/dags")
    reach(server).request("GET", "/dags")
    assert [auth for name, auth, _ in server.asked if name.endswith("/dags")] == ["Bearer t", None]


@pytest.mark.parametrize(
    ("settings", "input_name", "advised"),
    [
        ({}, "airflow-token", "Give `airflow-token`, or"),
        ({"token": "t"}, "airflow-token", "Renew `airflow-token`"),
        ({"username": "a", "password": "b"}, "airflow-password", "basic_auth"),
    ],
)
def test_refused_credentials_are_named(server: Server, settings: dict[str, str], input_name: str, advised: str) -> None:
    server.is_airflow("2.11.2")
    server.replies["GET /api/v1/dags"] = (401, {"title": "Unauthorized"})
    told = failure(lambda: reach(server, **settings).request("GET", "/dags"))
    assert (told.reason, told.input) == (FailureReason.CREDENTIALS, input_name)
    assert advised in told.advice


def test_a_right_that_is_missing_is_told_by_what_was_asked(server: Server) -> None:
    server.is_airflow("3.3.2")
    server.replies["PATCH /api/v2/dags/x"] = (403, {"detail": "Forbidden"})
    told = failure(lambda: reach(server, token="t").request("PATCH", "/dags/x", body={}))
    assert told.reason is FailureReason.PERMISSION
    assert "PATCH /dags/x" in told.message


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, FailureReason.DEPLOY), (409, FailureReason.DEPLOY), (500, FailureReason.ORCHESTRATOR_UNREACHABLE)],
)
def test_an_error_of_airflows_own_is_one_that_may_pass(server: Server, status: int, reason: FailureReason) -> None:
    server.is_airflow("2.11.2")
    server.replies["GET /api/v1/dags/x/details"] = (status, "no")
    told = failure(lambda: AirflowApi(reach(server)).dag("x"))
    assert told.reason is reason
    assert f"reading the DAG x with status {status}" in told.message


@pytest.mark.parametrize("reply", [(200, "<html>hello</html>"), (404, "no"), (302, ""), (200, {"other": 1})])
def test_what_is_no_airflow_is_told(server: Server, reply: Reply) -> None:
    server.replies["GET /api/v2/version"] = server.replies["GET /api/v1/version"] = reply
    told = failure(lambda: reach(server).version())
    assert (told.reason, told.input) == (FailureReason.INPUT, "airflow-url")


def test_no_redirect_is_followed_with_the_credentials(server: Server) -> None:
    server.is_airflow("2.11.2")
    server.replies["GET /api/v1/dags"] = (302, "")
    told = failure(lambda: reach(server, token="t").request("GET", "/dags"))
    assert told.input == "airflow-url"
    assert not any("login" in name for name, _, _ in server.asked)


def test_an_airflow_that_is_down_is_unreachable(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "BACKOFF", 0)
    server.stop()
    told = failure(lambda: reach(server).version())
    assert (told.reason, told.input) == (FailureReason.ORCHESTRATOR_UNREACHABLE, "airflow-url")
    assert server.url in told.message


def test_what_passes_is_asked_again_and_then_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "BACKOFF", 0)
    server.is_airflow("3.3.2")
    answers = iter([(503, "busy"), (200, {"dags": [1]})])
    server.replies["GET /api/v2/dags"] = lambda _: next(answers)
    assert reach(server, token="t").request("GET", "/dags").body == {"dags": [1]}
    server.replies["GET /api/v2/dags"] = (503, "busy")
    told = failure(lambda: reach(server, token="t").request("GET", "/dags"))
    assert told.reason is FailureReason.ORCHESTRATOR_UNREACHABLE


class Refused(Exception):
    """As boto3 raises what Airflow itself refused."""

    def __init__(self, status: int, answer: Any) -> None:
        self.response = {"RestApiStatusCode": status, "RestApiResponse": answer, "Error": {"Code": "x"}}


class Mwaa:
    """The part of boto3's client of `mwaa` that is asked."""

    class exceptions:  # noqa: N801  # boto3's own name
        RestApiClientException = RestApiServerException = Refused

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []

    def invoke_rest_api(self, **asked: Any) -> Any:
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"RestApiStatusCode": 200, "RestApiResponse": answer}


def test_mwaa_is_asked_through_its_own_api() -> None:
    client = Mwaa({"version": "2.10.3"}, {"dags": []}, Refused(404, {"title": "not found"}))
    reached = MwaaTransport(client, "prod")
    assert reached.version() == "2.10.3"
    assert reached.request("GET", "/dags", query={"limit": 1}).body == {"dags": []}
    assert reached.request("DELETE", "/dags/x").status == 404
    assert client.asked[1] == {"Name": "prod", "Path": "/dags", "Method": "GET", "QueryParameters": {"limit": 1}}
    assert client.asked[2] == {"Name": "prod", "Path": "/dags/x", "Method": "DELETE"}


def test_what_mwaa_refuses_is_told() -> None:
    forbidden = MwaaTransport(Mwaa(Refused(403, "no")), "prod")
    assert failure(lambda: forbidden.request("GET", "/dags")).reason is FailureReason.PERMISSION
    broken = MwaaTransport(Mwaa(Refused(500, "no")), "prod")
    assert failure(lambda: broken.request("GET", "/dags")).reason is FailureReason.ORCHESTRATOR_UNREACHABLE
