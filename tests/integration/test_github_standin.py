"""The GitHub stand-in as a process, met over HTTP by PyGithub, which the action uses, and by a client that is cut off.

This shows that a client written for GitHub reads the stand-in's answers, follows its pages and retries on its
failures. It doesn't show that GitHub answers alike: `tests/unit/test_sandbox_github.py` tells how far that is held.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import requests
from github import Auth, Github, GithubException, UnknownObjectException
from github.GithubRetry import GithubRetry
from github.PullRequest import PullRequest

from sandbox.github.control import GitHubControl
from sandbox.processes import Servers

SHA = "3f2a91c0d5b8e7f6a1c2d3e4f5a6b7c8d9e0f1a2"
BOT_TOKEN = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
USER_TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
START_LIMIT = 5.0
"""Seconds; it takes 0.2 on an idle machine."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    servers = Servers(tmp_path_factory.mktemp("github"))
    try:
        before = time.monotonic()
        url = servers.start("sandbox.github", host="127.0.0.1")
        assert time.monotonic() - before < START_LIMIT
        yield url
    finally:
        servers.stop()


@pytest.fixture
def control(server: str) -> GitHubControl:
    control = GitHubControl(server)
    control.reset()
    control.add_pull_request(number=7, title="Train with smaller rates", merge_commit_sha=SHA, author="monalisa")
    return control


@pytest.fixture(params=["github.com", "enterprise"])
def api_url(request: pytest.FixtureRequest, control: GitHubControl) -> str:
    return control.api_url if request.param == "github.com" else control.enterprise_api_url


def client(api_url: str, token: str = BOT_TOKEN, retries: int = 0) -> Github:
    retry = GithubRetry(total=retries, backoff_factor=0, secondary_rate_wait=0) if retries else None
    return Github(
        base_url=api_url,
        auth=Auth.Token(token),
        per_page=100,
        retry=retry,
        timeout=5,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )


def pull_request(api_url: str, token: str = BOT_TOKEN, retries: int = 0) -> PullRequest:
    return client(api_url, token, retries).get_repo("octo-org/flows").get_pull(7)


def test_pygithub_reads_a_pull_request_and_finds_it_by_its_commit(api_url: str):
    repository = client(api_url).get_repo("octo-org/flows")
    assert repository.default_branch == "main"
    pull = repository.get_pull(7)
    assert (pull.merged, pull.merge_commit_sha, pull.user.login) == (True, SHA, "monalisa")
    assert [one.number for one in repository.get_commit(SHA).get_pulls()] == [7]
    with pytest.raises(UnknownObjectException):
        repository.get_pull(8)


def test_pygithub_writes_edits_and_deletes_a_comment(api_url: str, control: GitHubControl):
    pull = pull_request(api_url)
    comment = pull.create_issue_comment("one")
    assert (comment.user.login, comment.user.type) == ("github-actions[bot]", "Bot")
    comment.edit("two")
    assert [one["body"] for one in control.comments(7)] == ["two"]
    assert pull.get_issue_comment(comment.id).body == "two"
    assert [mail["body"] for mail in control.mails()] == ["one"]
    comment.delete()
    assert control.comments(7) == []


def test_pygithub_reads_250_comments_in_three_pages(api_url: str, control: GitHubControl):
    for number in range(250):
        control.add_comment(7, f"comment {number}", author="monalisa")
    assert [one.body for one in pull_request(api_url).get_issue_comments()] == [f"comment {n}" for n in range(250)]
    asked = [one for one in control.requests() if one["path"].endswith("/issues/7/comments")]
    assert [one["query"].get("page") for one in asked] == [None, "2", "3"]
    assert (
        asked[1]["url"].split("/issues/")[0].endswith(f"/repositories/{client(api_url).get_repo('octo-org/flows').id}")
    )


def test_pygithub_knows_a_person_and_not_a_workflow(api_url: str, control: GitHubControl):
    control.set_user(USER_TOKEN, "monalisa")
    assert client(api_url, USER_TOKEN).get_user().login == "monalisa"
    with pytest.raises(GithubException) as refused:
        assert client(api_url).get_user().login
    assert refused.value.status == 403


def test_pygithub_reads_the_rate_limit_and_a_comparison(api_url: str, control: GitHubControl):
    control.add_commits("a" * 40, "b" * 40)
    assert client(api_url).get_rate_limit().resources.core.limit == 1000
    comparison = client(api_url).get_repo("octo-org/flows").compare(SHA, "main")
    assert [one.sha for one in comparison.commits] == ["a" * 40, "b" * 40]


def test_pygithub_tells_what_is_too_long(api_url: str):
    with pytest.raises(GithubException) as refused:
        pull_request(api_url).create_issue_comment("x" * 65_537)
    assert refused.value.status == 422
    assert refused.value.data["errors"][0]["message"] == "Body is too long (maximum is 65536 characters)"


def test_pygithub_retries_a_failure_that_passes(control: GitHubControl):
    control.fail_next("GET", r"/pulls/7$", status=502, times=2)
    assert pull_request(control.api_url, retries=3).number == 7
    statuses = [one["status"] for one in control.requests() if one["path"].endswith("/pulls/7")]
    assert statuses == [502, 502, 200]


def test_pygithub_retries_a_secondary_rate_limit(control: GitHubControl):
    said = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    control.fail_next("GET", r"/pulls/7$", status=403, body={"message": said}, headers={"Retry-After": "0"})
    assert pull_request(control.api_url, retries=1).number == 7


def test_a_connection_that_is_dropped(control: GitHubControl):
    pull = pull_request(control.api_url)
    control.fail_next("POST", "/comments$", drop=True)
    with pytest.raises(requests.ConnectionError):
        pull.create_issue_comment("lost")
    assert control.comments(7) == []
    assert control.requests()[-1]["status"] is None


def test_an_answer_that_is_lost_when_the_comment_stands(control: GitHubControl):
    pull = pull_request(control.api_url)
    control.fail_next("POST", "/comments$", drop=True, carried_out=True)
    with pytest.raises(requests.ConnectionError):
        pull.create_issue_comment("stands")
    assert [one["body"] for one in control.comments(7)] == ["stands"]


def test_a_server_that_hangs_hangs_for_that_request_alone(control: GitHubControl):
    control.fail_next("GET", r"/pulls/7$", hang=60)
    url = f"{control.api_url}/repos/octo-org/flows/pulls/7"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {BOT_TOKEN}"})
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(request, timeout=0.3)
    assert control.requests()[-1]["status"] is None
    assert pull_request(control.api_url).number == 7


def test_a_control_that_is_wrong_is_told(control: GitHubControl):
    with pytest.raises(ValueError, match="no pull request 99"):
        control.add_comment(99, "hi", author="monalisa")
    with pytest.raises(ValueError, match="regular expression"):
        control.fail_next("GET", "(")
