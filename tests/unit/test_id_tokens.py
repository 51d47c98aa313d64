"""GitHub's OIDC token: how it is asked for; a role's credentials: how they are kept fresh in their file."""

from __future__ import annotations

import io
import json
import signal
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest

from deployer.credentials import keeper
from deployer.credentials.files import write_secret
from deployer.credentials.id_token import IdTokenSource, Unanswered
from deployer.credentials.keeper import MARGIN, CredentialKeeper, renewal
from deployer.credentials.role import RoleCredentials
from deployer.deadline import Cancellation
from deployer.outcome import DeployError, Failure, FailureReason


class Source:
    """Answers what the test says, one after another; the last one for ever."""

    def __init__(self, *answers: RoleCredentials | Exception) -> None:
        self._answers = list(answers)
        self.asked = 0
        self.came = threading.Condition()

    def ask(self) -> RoleCredentials:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        with self.came:
            self.asked += 1
            self.came.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True

    def wait_for(self, times: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: self.asked >= times, timeout=30), f"asked {self.asked} times"


class Kept:
    """A keeper with what it said."""

    def __init__(self, source: Source, path: Path, cancellation: Cancellation | None = None) -> None:
        self.masked: list[tuple[str, ...]] = []
        self.told: list[str] = []
        self.warned: list[str] = []
        self._path = path
        self.keeper = CredentialKeeper(
            source,
            path,
            cancellation=cancellation or Cancellation(),
            mask=self._mask,
            tell=self.told.append,
            warn=self.warned.append,
        )

    def _mask(self, secrets: tuple[str, ...]) -> None:
        written = self._path.read_text() if self._path.exists() else ""
        assert secrets in self.masked or not any(one in written for one in secrets), "masked before it can be used"
        self.masked.append(secrets)


def keys(text: str, lifetime: float = 0.0) -> RoleCredentials:
    return RoleCredentials(text=text, lifetime=lifetime, secrets=(text,))


REFUSED = DeployError(Failure(reason=FailureReason.CREDENTIALS, message="Refused.", advice="Ask."))


@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [(3600, 3600 - MARGIN), (43200, 43200 - MARGIN), (900, 450), (60, 30), (4, 2), (0, 0.05), (-500, 0.05)],
)
def test_credentials_are_asked_for_before_their_end(lifetime: float, seconds: float) -> None:
    assert renewal(lifetime) == seconds


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "SHORTEST_PAUSE", 0.05)


def test_the_file_is_kept_fresh_and_all_credentials_are_masked_before_they_are_written(tmp_path: Path) -> None:
    source = Source(keys("first"), keys("second"), keys("third"))
    kept = Kept(source, tmp_path / "token")
    with kept.keeper:
        assert (tmp_path / "token").read_text() == "first"
        source.wait_for(4)  # so that the third was written
        assert (tmp_path / "token").read_text() == "third"
    assert kept.masked[:3] == [("first",), ("second",), ("third",)]
    assert source.closed
    assert kept.warned == []


def test_an_endpoint_that_fails_for_a_while_costs_one_warning(tmp_path: Path) -> None:
    source = Source(keys("first"), Unanswered("status 503"), REFUSED, keys("second"))
    kept = Kept(source, tmp_path / "token")
    with kept.keeper:
        source.wait_for(5)
        assert (tmp_path / "token").read_text() == "second"
    (warning,) = kept.warned
    assert "status 503" in warning
    assert kept.told == ["The role's credentials are renewed again."]


def test_nothing_is_asked_after_the_end_or_a_cancellation(tmp_path: Path) -> None:
    source, cancellation = Source(keys("first", 300)), Cancellation()
    with Kept(source, tmp_path / "one").keeper as kept:
        pass
    assert not kept._thread.is_alive()
    with Kept(source, tmp_path / "two", cancellation).keeper as kept:
        cancellation.cancel(signal.SIGINT)
        kept._thread.join(10)
        assert not kept._thread.is_alive()
    assert source.asked == 2


def test_a_job_that_is_cancelled_before_its_first_credentials_ends(tmp_path: Path) -> None:
    cancellation = Cancellation()
    cancellation.cancel(signal.SIGINT)
    with pytest.raises(DeployError) as raised, Kept(Source(Unanswered("down")), tmp_path / "t", cancellation).keeper:
        pass
    assert raised.value.failure.reason is FailureReason.CANCELLED


def test_credentials_that_are_refused_at_first_are_not_asked_for_again(tmp_path: Path) -> None:
    source = Source(REFUSED)
    with pytest.raises(DeployError, match="Refused"), Kept(source, tmp_path / "token").keeper:
        pass
    assert source.asked == 1


class Answers:
    """requests' Session.get, answered by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, status: int, body: str) -> None:
        import requests

        self.asked: list[tuple[str, Mapping[str, Any]]] = []

        def get(session: Any, url: str, **options: Any) -> Any:
            self.asked.append((url, options))
            answer = requests.Response()
            answer.status_code, answer.raw = status, io.BytesIO(body.encode())
            return answer

        monkeypatch.setattr(requests.Session, "get", get)


VARIABLES = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://actions.example.com/idtoken?api-version=2.0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
}


def test_the_lifetime_is_the_tokens_own_word_whatever_the_runners_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    text = jwt.encode({"iat": 1000, "exp": 1300, "aud": "x"}, "k" * 32)
    Answers(monkeypatch, 200, json.dumps({"count": 1, "value": text}))
    found = IdTokenSource(VARIABLES, "sts.amazonaws.com").ask()
    assert (found.text, found.lifetime) == (text, 300)
    assert text not in repr(found)


@pytest.mark.parametrize(
    ("status", "body"), [(503, "busy"), (429, ""), (200, "{}"), (200, "<html>"), (200, '{"value": "no.jwt"}')]
)
def test_what_may_pass_is_no_refusal(status: int, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Answers(monkeypatch, status, body)
    with pytest.raises(Unanswered):
        IdTokenSource(VARIABLES, "sts.amazonaws.com").ask()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_told_with_githubs_words(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Answers(monkeypatch, status, '{"message": "no"}')
    with pytest.raises(DeployError) as raised:
        IdTokenSource(VARIABLES, "sts.amazonaws.com").ask()
    assert raised.value.failure.reason is FailureReason.CREDENTIALS
    assert raised.value.failure.evidence == '{"message": "no"}'


@pytest.mark.parametrize("lacking", sorted(VARIABLES))
def test_a_job_without_the_permission_is_told_what_to_write(lacking: str) -> None:
    with pytest.raises(DeployError) as raised:
        IdTokenSource({**VARIABLES, lacking: ""}, "sts.amazonaws.com")
    assert "`permissions: id-token: write`" in raised.value.failure.advice


def test_a_secret_is_readable_by_its_owner_alone_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    with path.open() as reader:  # who has it open reads the old one to its end
        write_secret(path, "new")
        assert reader.read() == "old"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "new"
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]
