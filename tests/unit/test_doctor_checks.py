"""What `operation: doctor` makes of what it sees, and that one look that ends badly ends nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from deployer.check import clock, expiry, ok
from deployer.event import Event
from deployer.github.errors import explain
from deployer.github.token_check import token_checks
from deployer.inputs import read_inputs
from deployer.operation import Doctor, decide
from deployer.operations.doctor import _Process
from deployer.orchestrators.argo_workflows.checks import (
    certificate_expiry,
    controller,
    rights_line,
    spelling,
    token_expiry,
)
from deployer.orchestrators.checks import DATASTORE, OF_ALL, OF_ORCHESTRATOR, PLUGIN, areas
from deployer.orchestrators.clients.kubernetes_rights import RIGHTS
from deployer.outcome import Check, CheckState, Failure, FailureReason, Outcome, Status
from deployer.report.annotations import to_annotations
from deployer.report.headline import headline
from deployer.report.outputs import outputs
from deployer.report.summary import summary
from deployer.worker.client import WorkerCancelled, WorkerError, WorkerTimeout

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PUSH = Event(name="push", ref="refs/heads/main", branch="main", default_branch="main")


@pytest.mark.parametrize(
    ("behind", "state"),
    [
        (0, CheckState.OK),
        (30, CheckState.OK),
        (90, CheckState.WARNING),
        (-90, CheckState.WARNING),
        (400, CheckState.BAD),
    ],
)
def test_clocks_are_compared_by_the_date_of_an_answer(behind: int, state: CheckState) -> None:
    check = clock("AWS's", format_datetime(NOW + timedelta(seconds=behind), usegmt=True), NOW)
    assert check.state is state
    if state is not CheckState.OK:
        assert f"{abs(behind)} s {'behind' if behind > 0 else 'ahead of'} AWS's" in check.found


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_an_answer_without_a_date_tells_nothing_of_the_clock(date: str | None) -> None:
    assert clock("AWS's", date, NOW).state is CheckState.UNKNOWN


@pytest.mark.parametrize(
    ("left", "state", "told"),
    [
        (timedelta(seconds=-1), CheckState.BAD, "expired on 2026-11-23 07:59 UTC"),
        (timedelta(minutes=5), CheckState.WARNING, "in 5 minutes"),
    ],
)
def test_credentials_that_end_are_told(left: timedelta, state: CheckState, told: str) -> None:
    check = expiry("Credentials", "The token", NOW + left, NOW, "Renew it.")
    assert check is not None
    assert check.state is state
    assert told in check.found


def test_credentials_that_last_are_no_line() -> None:
    assert expiry("Credentials", "The token", NOW + timedelta(hours=1), NOW, "Renew it.") is None


def jwt(claims: object) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


def test_a_tokens_end_is_in_its_claims() -> None:
    assert token_expiry(jwt({"exp": 1_795_420_800})) == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    for opaque in ("", "opaque", "a.b.c", jwt({}), jwt([]), jwt({"exp": "soon"}), "e30.!!.x", jwt({"exp": 10**30})):
        assert token_expiry(opaque) is None


def test_a_client_certificates_end_is_read() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    pem = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    assert certificate_expiry(pem) == NOW + timedelta(days=1)
    assert certificate_expiry(b"no certificate") is None


@pytest.mark.parametrize(
    ("takes", "chosen", "state", "told"),
    [
        (True, None, CheckState.OK, "`schedules`"),
        (False, None, CheckState.OK, "`schedule`"),
        (None, None, CheckState.OK, "any spelling"),
        (None, True, CheckState.OK, "`schedules` is written"),
        (True, True, CheckState.OK, "`schedules`"),
        (True, False, CheckState.OK, "`schedule`"),
        (False, True, CheckState.BAD, "half deployed"),
    ],
)
def test_a_schedule_has_to_be_written_as_the_crd_has_it(
    takes: bool | None, chosen: bool | None, state: CheckState, told: str
) -> None:
    check = spelling(takes, chosen=chosen)
    assert check.state is state
    assert told in check.found


def test_a_metaflow_without_the_setting_writes_the_older_spelling() -> None:
    check = spelling(True, chosen=None, known=False)
    assert check.state is CheckState.OK
    assert "Argo 4 needs Metaflow 2.19.32" in check.found


def workflow(age: timedelta, phase: str | None) -> dict[str, Any]:
    created = (NOW - age).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"metadata": {"name": "x", "creationTimestamp": created}, "status": {"phase": phase} if phase else {}}


def test_a_controller_is_seen_by_what_it_leaves() -> None:
    old, new = timedelta(hours=1), timedelta(seconds=5)
    assert controller([], NOW).state is CheckState.UNKNOWN
    assert controller([workflow(new, None)], NOW).state is CheckState.UNKNOWN, "it may be on its way"
    assert controller([workflow(new, None), workflow(old, "Succeeded")], NOW).state is CheckState.OK
    left = controller([workflow(old, "Succeeded"), workflow(old, None)], NOW)
    assert left.state is CheckState.WARNING
    assert "`x` was never taken up" in left.found


def test_each_verb_is_told_by_what_lacks_without_it() -> None:
    right = RIGHTS[0]
    assert rights_line(right, "flows", []).state is CheckState.OK
    for verb in right.verbs:
        check = rights_line(right, "flows", [verb])
        assert check.state is (CheckState.BAD if verb in right.deploying else CheckState.WARNING)
        assert f"`{verb}`" in check.found
        assert "`workflowtemplates.argoproj.io` in `flows`" in check.found


class _GitHub:
    def __init__(self, headers: dict[str, str], *, private: bool = True, status: int | None = None) -> None:
        self._headers, self._private, self._status = headers, private, status

    def repository(self) -> tuple[dict[str, str], dict[str, Any]]:
        return {"date": format_datetime(NOW, usegmt=True), **self._headers}, {"private": self._private}

    def can_read_comments(self) -> None:
        if self._status is not None:
            raise explain("reading comments", self._status, "Resource not accessible", "https://api.github.com")


def github(token: str = "ghp_x", event: Event = PUSH, **about: Any) -> Check:
    headers = about.pop("headers", {})
    return token_checks(_GitHub(headers, **about), event, token, NOW)[0]  # type: ignore[arg-type]


def test_a_classic_tokens_scopes_decide() -> None:
    assert github(headers={"x-oauth-scopes": "repo, workflow"}).state is CheckState.OK
    assert github(headers={"X-OAuth-Scopes": "public_repo"}, private=False).state is CheckState.OK
    check = github(headers={"x-oauth-scopes": "public_repo"})
    assert (check.state, "`public_repo`" in check.found) == (CheckState.WARNING, True)
    assert "no scope" in github(headers={"x-oauth-scopes": ""}).found


def test_what_github_does_not_tell_is_not_claimed() -> None:
    for token in ("ghs_x", "github_pat_x"):
        check = github(token)
        assert check.state is CheckState.OK
        assert "whether it may write them GitHub tells only when one is written" in check.found
    check = github("ghs_x", status=403)
    assert check.state is CheckState.WARNING
    assert "pull-requests: write" in check.advice


def test_tokens_that_only_read_are_known_by_the_event() -> None:
    from dataclasses import replace

    fork = replace(PUSH, name="pull_request", is_fork=True)
    assert github("ghs_x", fork).state is CheckState.WARNING
    assert "reads only" in github("ghs_x", fork).found


def test_a_token_that_ends_soon_and_a_rate_limit_that_is_near() -> None:
    headers = {"github-authentication-token-expiration": "2026-11-30 00:00:00 UTC", "x-ratelimit-remaining": "3"}
    checks = token_checks(_GitHub({**headers, "x-oauth-scopes": "repo"}), PUSH, "ghp_x", NOW)  # type: ignore[arg-type]
    found = [check.found for check in checks if check.state is CheckState.WARNING]
    assert found == ["It ends on 2026-11-30.", "3 requests are left of this hour's."]


def test_every_need_of_an_area_is_looked_at_before_it() -> None:
    for orchestrator in (*OF_ORCHESTRATOR, "plugged-in"):
        seen: set[str] = set()
        for area in areas(orchestrator):
            assert set(area.needs) <= seen, area.name
            seen.add(area.name)
    assert areas("plugged-in") == (*OF_ALL, PLUGIN)


class _Answers:
    """A worker whose processes answer, raise, or hang until their limit, one after another."""

    def __init__(self, *answers: Exception | tuple[Check, ...]) -> None:
        self._answers = list(answers)
        self.started = 0

    def start(self, deadline: object) -> _Answers:
        self.started += 1
        return self

    def call(self, request: object, kind: object, deadline: object) -> tuple[Check, ...]:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        pass


def failing(kind: Callable[..., WorkerError]) -> WorkerError:
    return kind((Failure(reason=FailureReason.DATASTORE, message="It broke.", advice="Mend it."),))


def test_a_look_that_hangs_or_breaks_ends_itself_alone() -> None:
    well = ok("Datastore", "here")
    worker = _Answers(failing(WorkerTimeout), failing(WorkerError), (well,))
    process = _Process(worker, "step-functions")  # type: ignore[arg-type]
    (hung,) = process.look(DATASTORE)
    assert (hung.state, hung.reason, hung.advice) == (CheckState.BAD, FailureReason.DATASTORE, DATASTORE.advice)
    assert hung.found == "The datastore did not answer within 20 s."
    (broken,) = process.look(DATASTORE)
    assert (broken.state, broken.found, broken.advice) == (CheckState.BAD, "It broke.", "Mend it.")
    assert process.look(DATASTORE) == (well,)
    assert worker.started == 3, "each that ended has a new process after it"


def test_a_cancelled_job_looks_no_further() -> None:
    worker = _Answers(failing(WorkerCancelled))
    with pytest.raises(WorkerCancelled):
        _Process(worker, "step-functions").look(DATASTORE)  # type: ignore[arg-type]


def test_doctor_needs_no_flow_and_ignores_no_input() -> None:
    given = {"INPUT_OPERATION": "doctor", "INPUT_WAIT": "none", "INPUT_POLL-INTERVAL": "5s", "INPUT_TAGS": "a"}
    decision = decide(PUSH, read_inputs(given))
    assert decision.operations == (Doctor(),)
    assert decision.warnings == ()


BAD = Check(
    name="Datastore",
    state=CheckState.BAD,
    found="`s3://x|y` is not there: @octocat",
    advice="Make it.",
    reason=FailureReason.DATASTORE,
)
UNSURE = Check(name="Clock", state=CheckState.WARNING, found="It is late.", advice="Set it.")


def test_one_bad_line_fails_the_job_with_its_reason() -> None:
    outcome = Outcome(operation="doctor", checks=(ok("Disk", "room"), UNSURE, BAD))
    assert outcome.status is Status.FAILURE
    assert outputs(outcome, None)["failure-reason"] == "datastore"
    assert headline(outcome) == "❌ Deploying would fail: Datastore is not well"
    error, warning = to_annotations(outcome)
    assert (error.level, error.title, warning.level) == ("error", "datastore", "warning")
    assert warning.message == "Clock: It is late. Set it."


def test_without_a_bad_line_it_succeeds() -> None:
    outcome = Outcome(operation="doctor", checks=(ok("Disk", "room"), UNSURE))
    assert (outcome.status, outputs(outcome, None)["status"]) == (Status.SUCCESS, "success")
    assert "1 thing is worth a look" in headline(outcome)
    assert "Everything" in headline(Outcome(operation="doctor", checks=(ok("Disk", "room"),)))


def test_the_table_holds_foreign_text_as_data() -> None:
    (row,) = [line for line in summary(Outcome(operation="doctor", checks=(BAD,))).splitlines() if "Make it" in line]
    assert row.count("|") == 5, "a bar in the text makes no cell"
    assert "@octocat" not in row
