"""GitHub's OIDC token: how it is asked for, and kept fresh in its file."""

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
from deployer.credentials.id_token import IdToken, IdTokenSource, Unanswered
from deployer.credentials.keeper import MARGIN, TokenKeeper, renewal
from deployer.deadline import Cancellation
from deployer.outcome import DeployError, Failure, FailureReason


class Source(IdTokenSource):
    """Answers what the test says, one after another; the last one for ever."""

    def __init__(self, *answers: IdToken | Exception) -> None:
        self._answers = list(answers)
        self.asked = 0
        self.came = threading.Condition()

    def ask(self) -> IdToken:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        with self.came:
            self.asked += 1
            self.came.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait_for(self, times: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: self.asked >= times, timeout=30), f"asked {self.asked} times"


class Kept:
    """A keeper with what it said."""

    def __init__(self, source: Source, path: Path, cancellation: Cancellation | None = None) -> None:
        self.masked: list[str] = []
        self.told: list[str] = []
        self.warned: list[str] = []
        self.keeper = TokenKeeper(
            source,
            path,
            cancellation=cancellation or Cancellation(),
            mask=self.masked.append,
            tell=self.told.append,
            warn=self.warned.append,
        )


def token(text: str, lifetime: float = 0.0) -> IdToken:
    return IdToken(text=text, lifetime=lifetime)


REFUSED = DeployError(Failure(reason=FailureReason.CREDENTIALS, message="Refused.", advice="Ask."))


@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [(300, 300 - MARGIN), (900, 900 - MARGIN), (60, 30), (4, 2), (0, 0.05), (-500, 0.05)],
)
def test_a_token_is_asked_for_before_its_end(lifetime: float, seconds: float) -> None:
    assert renewal(lifetime) == seconds


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "SHORTEST_PAUSE", 0.05)


def test_the_file_is_kept_fresh_and_each_token_masked_before_it_is_written(tmp_path: Path) -> None:
    source = Source(token("first"), token("second"), token("third"))
    kept = Kept(source, tmp_path / "token")
    with kept.keeper:
        assert (tmp_path / "token").read_text() == "first"
        source.wait_for(4)  # so that the third was written
        assert (tmp_path / "token").read_text() == "third"
    assert kept.masked[:3] == ["first", "second", "third"]
    assert kept.warned == []


def test_an_endpoint_that_fails_for_a_while_costs_one_warning(tmp_path: Path) -> None:
    source = Source(token("first"), Unanswered("status 503"), REFUSED, token("second"))
    kept = Kept(source, tmp_path / "token")
    with kept.keeper:
        source.wait_for(5)
        assert (tmp_path / "token").read_text() == "second"
    (warning,) = kept.warned
    assert "status 503" in warning
    assert kept.told == ["GitHub gives OIDC tokens again."]


def test_nothing_is_asked_after_the_end_or_a_cancellation(tmp_path: Path) -> None:
    source, cancellation = Source(token("first", 300)), Cancellation()
    with Kept(source, tmp_path / "one").keeper as kept:
        pass
    assert not kept._thread.is_alive()
    with Kept(source, tmp_path / "two", cancellation).keeper as kept:
        cancellation.cancel(signal.SIGINT)
        kept._thread.join(10)
        assert not kept._thread.is_alive()
    assert source.asked == 2


def test_a_job_that_is_cancelled_before_its_first_token_ends(tmp_path: Path) -> None:
    cancellation = Cancellation()
    cancellation.cancel(signal.SIGINT)
    with pytest.raises(DeployError) as raised, Kept(Source(Unanswered("down")), tmp_path / "t", cancellation).keeper:
        pass
    assert raised.value.failure.reason is FailureReason.CANCELLED


def test_a_first_token_that_is_refused_is_not_asked_for_again(tmp_path: Path) -> None:
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
