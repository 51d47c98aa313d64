"""The GitHub stand-in, every answer of it held to GitHub's own OpenAPI description, as githubkit packages it.

This shows that the answers have the fields that GitHub promises, in their types, and none that GitHub doesn't know;
that the bodies it accepts are bodies that GitHub's description allows. It doesn't show that GitHub would give the same
values, or refuse in the same cases. The description is that of version 2026-03-10 of the API; what the older version,
which is GitHub's default, has beyond it stands in `OLDER`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from githubkit_schemas.v2026_03_10 import models
from pydantic import TypeAdapter, ValidationError
from werkzeug.test import TestResponse

from sandbox.github.app import make_app
from sandbox.github.shapes import VERSIONS

REPO = "/repos/octo-org/flows"
BOT_TOKEN = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
USER_TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
SHA = "3f2a91c0d5b8e7f6a1c2d3e4f5a6b7c8d9e0f1a2"
OLDER = {"merge_commit_sha", "rate"}

ANSWERS: dict[tuple[str, str], Any] = {
    ("GET", r"/repos/[^/]+/[^/]+"): models.FullRepository,
    ("GET", r"/repos/.+/pulls/\d+"): models.PullRequest,
    ("GET", r"/repos/.+/issues/\d+"): models.Issue,
    ("GET", r"/repos/[^/]+/[^/]+/commits/[^/]+"): models.Commit,
    ("GET", r"/repos/.+/commits/[^/]+/pulls"): list[models.PullRequestSimple],
    ("GET", r"/repos/.+/compare/.+"): models.CommitComparison,
    ("GET", r"/repos/.+/git/matching-refs/heads/.*"): list[models.GitRef],
    ("GET", r"/repos/.+/issues/\d+/comments"): list[models.IssueComment],
    ("POST", r"/repos/.+/issues/\d+/comments"): models.IssueComment,
    ("GET", r"/repos/.+/issues/comments/\d+"): models.IssueComment,
    ("PATCH", r"/repos/.+/issues/comments/\d+"): models.IssueComment,
    ("DELETE", r"/repos/.+/issues/comments/\d+"): None,
    ("GET", r"/user"): models.PublicUser,
    ("GET", r"/rate_limit"): models.RateLimitOverview,
}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", r"/repos/.+/issues/\d+/comments"): models.ReposOwnerRepoIssuesIssueNumberCommentsPostBody,
    ("PATCH", r"/repos/.+/issues/comments/\d+"): models.ReposOwnerRepoIssuesCommentsCommentIdPatchBody,
}


def described(table: dict[tuple[str, str], Any], method: str, path: str) -> Any:
    return next(model for (verb, form), model in table.items() if verb == method and re.fullmatch(form, path))


def assert_conforms(model: Any, document: Any, *, allowed: set[str] = frozenset()) -> None:
    """The document is valid in strict mode, and has no field that the description doesn't know."""
    adapter = TypeAdapter(model)
    read = adapter.validate_json(json.dumps(document), strict=True)
    known = adapter.dump_python(read, mode="json", by_alias=True, exclude_unset=True)
    assert sorted(unknown_fields(document, known, allowed)) == []


def unknown_fields(document: Any, known: Any, allowed: set[str], place: str = "") -> Iterator[str]:
    if isinstance(document, dict):
        for name in document.keys() - allowed:
            if name not in known:
                yield f"{place}.{name}"
            else:
                yield from unknown_fields(document[name], known[name], allowed, f"{place}.{name}")
    if isinstance(document, list):
        for one, other in zip(document, known, strict=True):
            yield from unknown_fields(one, other, allowed, f"{place}[]")


class Checked:
    """A client that holds every answer, and every body that was accepted, to the description."""

    def __init__(self, client: FlaskClient, version: str, prefix: str = "") -> None:
        self.client, self.version, self.prefix = client, version, prefix

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.open(f"/_control/{path}", method=method, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json

    def add_pull_request(self, number: int = 7, **given: Any) -> None:
        pull = {"number": number, "title": "Train", "merged": True, "merge_commit_sha": SHA, "commits": []}
        pull |= {"base": "main", "head": "feature", "author": "octocat", "state": None, "body": None}
        self.control("POST", "pulls", {**pull, "repository": "octo-org/flows", **given})

    def add_comment(self, body: str, author: str) -> Any:
        comment = {"repository": "octo-org/flows", "number": 7, "body": body, "author": author}
        return self.control("POST", "comments", comment)

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = BOT_TOKEN, **headers: str
    ) -> TestResponse:
        sent = {"User-Agent": "tests", "X-GitHub-Api-Version": self.version, **headers}
        if token is not None:
            sent["Authorization"] = token if " " in token else f"Bearer {token}"
        data = body if isinstance(body, str) else None if body is None else json.dumps(body)
        answer = self.client.open(self.prefix + path, method=method, data=data, headers=sent)
        self._check(method, path.partition("?")[0], answer, data)
        return answer

    def _check(self, method: str, path: str, answer: TestResponse, data: str | None) -> None:
        assert answer.headers["X-GitHub-Request-Id"]
        assert int(answer.headers["X-RateLimit-Remaining"]) >= 0
        if answer.status_code == 422:
            assert_conforms(models.ValidationError, answer.json, allowed={"status"})
        if answer.status_code >= 400:
            assert_conforms(models.BasicError, answer.json, allowed={"errors"})
            assert answer.json["status"] == str(answer.status_code)
        elif answer.status_code in (204, 304):
            assert answer.data == b""
        else:
            allowed = OLDER if self.version == VERSIONS[0] else set()
            assert_conforms(described(ANSWERS, method, path), answer.json, allowed=allowed)
            if data is not None:
                assert_conforms(described(BODIES, method, path), json.loads(data))


@pytest.fixture(
    params=[(version, prefix) for version in VERSIONS for prefix in ("", "/api/v3")],
    ids=lambda given: given[0] + given[1].replace("/", "-"),
)
def github(request: pytest.FixtureRequest) -> Checked:
    version, prefix = request.param
    return Checked(make_app().test_client(), version, prefix)


@pytest.fixture
def plain() -> Checked:
    """With GitHub's default version alone, for what does not depend on it."""
    return Checked(make_app().test_client(), VERSIONS[0])


def links(answer: TestResponse) -> dict[str, str]:
    found = re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers.get("Link", ""))
    return {name: address for address, name in found}


def test_the_check_itself_finds_what_is_wrong():
    good = {"message": "Not Found", "status": "404"}
    assert_conforms(models.BasicError, good)
    with pytest.raises(ValidationError):
        assert_conforms(models.BasicError, {**good, "status": 404})
    with pytest.raises(AssertionError, match="mesage"):
        assert_conforms(models.BasicError, {**good, "mesage": "misspelt"})
    nested = {"user": {"login": "octocat", "nick": "octo"}}
    assert list(unknown_fields(nested, {"user": {"login": "octocat"}}, set())) == [".user.nick"]


def test_a_repository_tells_its_default_branch(github: Checked):
    assert github.ask("GET", REPO).json["default_branch"] == "main"
    github.control("POST", "repositories", {"repository": "octo-org/flows", "default_branch": "trunk"})
    assert github.ask("GET", "/repos/Octo-Org/Flows").json["default_branch"] == "trunk"


def test_a_merged_pull_request(github: Checked):
    github.add_pull_request(title="Smaller rates", author="monalisa")
    pull = github.ask("GET", f"{REPO}/pulls/7").json
    assert (pull["merged"], pull["state"], pull["title"]) == (True, "closed", "Smaller rates")
    assert pull["user"]["login"] == "monalisa"
    assert pull["base"]["ref"] == "main"
    assert pull["merged_at"] is not None
    assert ("merge_commit_sha" in pull) == (github.version == "2022-11-28")
    assert "pull_request" in github.ask("GET", f"{REPO}/issues/7").json


def test_a_pull_request_closed_without_merging(github: Checked):
    github.add_pull_request(merged=False, merge_commit_sha=None, state="closed")
    pull = github.ask("GET", f"{REPO}/pulls/7").json
    assert (pull["merged"], pull["merged_at"], pull["state"]) == (False, None, "closed")


def test_the_pull_requests_of_a_commit_are_found_by_merge_commit_and_by_commits(github: Checked):
    rebased = ["a" * 40, "b" * 40]
    github.add_pull_request(7)
    github.add_pull_request(8, commits=rebased, merge_commit_sha=rebased[-1])
    github.add_pull_request(9, merged=False, merge_commit_sha=None, commits=["c" * 40])

    def numbers(sha: str) -> list[int]:
        return [pull["number"] for pull in github.ask("GET", f"{REPO}/commits/{sha}/pulls").json]

    assert numbers(SHA) == [7]
    assert [numbers(sha) for sha in rebased] == [[8], [8]]
    assert numbers("c" * 40) == [9]
    assert numbers("d" * 40) == []
    assert numbers(SHA[:7]) == [7]
    assert github.ask("GET", f"{REPO}/commits/main").json["sha"] == rebased[-1]
    assert github.ask("GET", f"{REPO}/commits/{SHA}").json["commit"]["message"] == "Train (#7)"
    answer = github.ask("GET", f"{REPO}/commits/nonsense/pulls")
    assert (answer.status_code, answer.json["message"]) == (422, "No commit found for SHA: nonsense")


def test_a_comparison_lists_what_a_push_brought(github: Checked):
    shas = [letter * 40 for letter in "abcd"]
    github.control("POST", "commits", {"repository": "octo-org/flows", "commits": shas})
    push = github.ask("GET", f"{REPO}/compare/{shas[0]}...{shas[3]}").json
    assert ([one["sha"] for one in push["commits"]], push["status"]) == (shas[1:], "ahead")
    assert github.ask("GET", f"{REPO}/compare/{shas[1]}...main").json["total_commits"] == 2
    assert github.ask("GET", f"{REPO}/compare/main...main").json["status"] == "identical"
    assert github.ask("GET", f"{REPO}/compare/{shas[3]}...{shas[0]}").json["behind_by"] == 3
    assert github.ask("GET", f"{REPO}/compare/{shas[0]}...gone").status_code == 404
    page = github.ask("GET", f"{REPO}/compare/{shas[0]}...{shas[3]}?per_page=2&page=2").json
    assert ([one["sha"] for one in page["commits"]], page["total_commits"]) == ([shas[3]], 3)


def test_branches_are_listed_by_how_they_begin(github: Checked):
    shas = [letter * 40 for letter in "ab"]
    github.control("POST", "commits", {"repository": "octo-org/flows", "commits": shas})
    github.add_pull_request(8, merged=False, merge_commit_sha=None, commits=["c" * 40], head="maintenance")
    listed = github.ask("GET", f"{REPO}/git/matching-refs/heads/main").json
    assert {one["ref"]: one["object"]["sha"] for one in listed} == {
        "refs/heads/main": shas[1],
        "refs/heads/maintenance": "c" * 40,
    }
    assert len(github.ask("GET", f"{REPO}/git/matching-refs/heads/").json) == 2
    assert github.ask("GET", f"{REPO}/git/matching-refs/heads/release/").json == []


def test_a_history_of_gits_answers_for_commits_and_branches(plain: Checked, tmp_path: Path):
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=Mona", "-c", "user.email=mona@example.com", "-c", "init.defaultBranch=main"]
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    def commit(message: str) -> str:
        git("commit", "--quiet", "--allow-empty", "--message", message)
        return git("rev-parse", "HEAD")

    git("init", "--quiet")
    first, last = commit("first"), commit("last")
    git("switch", "--quiet", "--create", "feature", first)
    feature = commit("feature")
    plain.control("POST", "histories", {"repository": "octo-org/flows", "folder": str(tmp_path)})

    def status(base: str, head: str) -> str:
        return str(plain.ask("GET", f"{REPO}/compare/{base}...{head}?per_page=1").json["status"])

    assert [status("main", head) for head in (first, last, feature)] == ["behind", "identical", "diverged"]
    assert status(first, "feature") == "ahead"
    assert plain.ask("GET", f"{REPO}/compare/main...{'d' * 40}").status_code == 404
    listed = plain.ask("GET", f"{REPO}/git/matching-refs/heads/").json
    assert [one["object"]["sha"] for one in listed] == [feature, last]


def test_a_comment_of_a_workflow_is_by_its_bot(github: Checked):
    github.add_pull_request()
    answer = github.ask("POST", f"{REPO}/issues/7/comments", {"body": "deployed"})
    assert answer.status_code == 201
    assert (answer.json["user"]["login"], answer.json["user"]["type"]) == ("github-actions[bot]", "Bot")
    assert answer.json["performed_via_github_app"]["slug"] == "github-actions"
    assert answer.headers["Location"] == answer.json["url"]
    assert answer.json["url"].startswith(f"http://localhost{github.prefix}/repos/")
    site = "http://localhost" if github.prefix else "https://github.com"
    assert answer.json["html_url"] == f"{site}/octo-org/flows/pull/7#issuecomment-{answer.json['id']}"


def test_a_comment_of_a_person_is_by_that_person(github: Checked):
    github.add_pull_request()
    github.control("POST", "users", {"token": USER_TOKEN, "login": "monalisa"})
    made = github.ask("POST", f"{REPO}/issues/7/comments", {"body": "hi"}, token=USER_TOKEN).json
    assert (made["user"]["login"], made["user"]["type"]) == ("monalisa", "User")
    assert made["performed_via_github_app"] is None
    assert github.ask("GET", "/user", token=USER_TOKEN).json["login"] == "monalisa"
    assert github.ask("GET", "/user", token="ghp_another").json["login"] == "octocat"


def test_a_comment_is_read_edited_and_deleted(github: Checked):
    github.add_pull_request()
    made = github.ask("POST", f"{REPO}/issues/7/comments", {"body": "one"}).json
    single = f"{REPO}/issues/comments/{made['id']}"
    assert github.ask("PATCH", single, {"body": "two"}).json["body"] == "two"
    assert github.ask("GET", single).json["body"] == "two"
    assert github.control("GET", "comments?repository=octo-org/flows&number=7")[0]["body"] == "two"
    assert github.ask("GET", f"{REPO}/pulls/7").json["comments"] == 1
    assert github.ask("DELETE", single).status_code == 204
    assert [github.ask(verb, single, body).status_code for verb, body in (("GET", None), ("PATCH", {"body": "x"}))] == [
        404,
        404,
    ]
    assert github.ask("GET", f"{REPO}/issues/7/comments").json == []


def test_creating_sends_a_mail_and_editing_none(plain: Checked):
    plain.add_pull_request(title="Train")
    made = plain.ask("POST", f"{REPO}/issues/7/comments", {"body": "one"}).json
    plain.ask("PATCH", f"{REPO}/issues/comments/{made['id']}", {"body": "two"})
    plain.ask("POST", f"{REPO}/issues/7/comments", {"body": ""})
    (mail,) = plain.control("GET", "mails")
    assert (mail["comment_id"], mail["body"]) == (made["id"], "one")
    assert mail["subject"] == "Re: [octo-org/flows] Train (PR #7)"


@pytest.mark.parametrize("verb", ["POST", "PATCH"])
@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"body": "x" * 65_537}, 422, "Body is too long (maximum is 65536 characters)"),
        ({"body": " \n"}, 422, "Body cannot be blank"),
        ({}, 422, '"body" wasn\'t supplied'),
        ({"body": 1}, 422, "1 is not a string"),
        ("{", 400, "Problems parsing JSON"),
        ("[]", 400, "Body should be a JSON object"),
    ],
)
def test_a_body_that_github_refuses(plain: Checked, verb: str, body: Any, status: int, said: str):
    plain.add_pull_request()
    made = plain.add_comment("stays", "octocat")
    path = f"{REPO}/issues/7/comments" if verb == "POST" else f"{REPO}/issues/comments/{made['id']}"
    answer = plain.ask(verb, path, body)
    assert answer.status_code == status
    errors = answer.json.get("errors", [])
    assert said in (errors[0]["message"] if errors else answer.json["message"])
    assert [one["body"] for one in plain.control("GET", "comments?repository=octo-org/flows&number=7")] == ["stays"]


def test_the_longest_body_is_taken(plain: Checked):
    plain.add_pull_request()
    assert plain.ask("POST", f"{REPO}/issues/7/comments", {"body": "é" * 65_536}).status_code == 201


def test_paging_over_250_comments(github: Checked):
    github.add_pull_request()
    for number in range(250):
        github.add_comment(f"comment {number}", "monalisa")
    seen: list[str] = []
    path: str | None = f"{REPO}/issues/7/comments?per_page=100"
    relations = []
    while path is not None:
        answer = github.ask("GET", path)
        seen += [one["body"] for one in answer.json]
        relations.append(sorted(links(answer)))
        following = links(answer).get("next")
        path = following and following.removeprefix(f"http://localhost{github.prefix}")
        if path is not None:
            # GitHub's links name a repository by its id
            assert path.startswith("/repositories/")
            path = path.replace(path.split("/issues")[0], REPO)
    assert seen == [f"comment {number}" for number in range(250)]
    assert relations == [["last", "next"], ["first", "last", "next", "prev"], ["first", "prev"]]


@pytest.mark.parametrize(
    ("query", "first", "count", "last"),
    [
        ("", 0, 30, 9),
        ("?per_page=500", 0, 100, 3),
        ("?page=0", 0, 30, 9),
        ("?per_page=x&page=9", 240, 10, None),
        ("?page=10", None, 0, None),
    ],
)
def test_odd_paging_is_put_right_as_on_github(
    plain: Checked, query: str, first: int | None, count: int, last: int | None
):
    plain.add_pull_request()
    for number in range(250):
        plain.add_comment(str(number), "monalisa")
    answer = plain.ask("GET", f"{REPO}/issues/7/comments{query}")
    assert len(answer.json) == count
    assert first is None or answer.json[0]["body"] == str(first)
    found = re.search(r"page=(\d+)$", links(answer).get("last", ""))
    assert (found and int(found[1])) == last


def test_the_links_of_pages_lead_somewhere(plain: Checked):
    plain.add_pull_request()
    for number in range(3):
        plain.add_comment(str(number), "monalisa")
    address = links(plain.ask("GET", f"{REPO}/issues/7/comments?per_page=2"))["next"]
    answer = plain.client.get(address, headers={"Authorization": f"token {BOT_TOKEN}", "User-Agent": "tests"})
    assert [one["body"] for one in answer.json] == ["2"]


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "Requires authentication"),
        ("Bearer nonsense", "Bad credentials"),
        ("Basic Z2hzXw==", "Bad credentials"),
        ("Bearer ghs_", "Bad credentials"),
        ("Bearer ", "Bad credentials"),
    ],
)
def test_without_a_good_token_nothing_is_told(github: Checked, token: str | None, said: str):
    answer = github.ask("GET", REPO, token=token)
    assert (answer.status_code, answer.json["message"]) == (401, said)


def test_a_workflow_token_cannot_ask_who_it_is(github: Checked):
    answer = github.ask("GET", "/user")
    assert (answer.status_code, answer.json["message"]) == (403, "Resource not accessible by integration")


@pytest.mark.parametrize(
    "path",
    ["/repos/octo-org/other", "/repos/octo-org/flows/pulls/8", "/repos/octo-org/flows/issues/8/comments", "/nonsense",
     "/repos/octo-org/flows/issues/comments/1", "/repositories/1"],
)  # fmt: skip
def test_what_is_not_there(github: Checked, path: str):
    answer = github.ask("GET", path)
    assert (answer.status_code, answer.json["message"]) == (404, "Not Found")
    assert answer.json["documentation_url"].startswith("https://docs.github.com/rest")
    assert github.ask("PUT", REPO).status_code == 404


def test_requests_are_counted_by_token(github: Checked):
    before = int(github.ask("GET", REPO).headers["X-RateLimit-Remaining"])
    answer = github.ask("GET", REPO)
    assert int(answer.headers["X-RateLimit-Remaining"]) == before - 1 == 998
    core = github.ask("GET", "/rate_limit").json["resources"]["core"]
    assert (core["limit"], core["used"]) == (1000, 2)
    assert github.ask("GET", REPO, token=USER_TOKEN).headers["X-RateLimit-Limit"] == "5000"


def test_what_has_not_changed_is_not_sent_again(plain: Checked):
    etag = plain.ask("GET", REPO).headers["ETag"]
    assert plain.ask("GET", REPO, **{"If-None-Match": etag}).status_code == 304
    plain.add_pull_request(merged=False, merge_commit_sha=None)
    assert plain.ask("GET", REPO, **{"If-None-Match": etag}).status_code == 200


def test_a_version_of_the_api_that_is_not(plain: Checked):
    assert plain.ask("GET", REPO, **{"X-GitHub-Api-Version": "2020-01-01"}).status_code == 400


def fault(method: str = "*", path: str = "", **given: Any) -> dict[str, Any]:
    plan = {"method": method, "path": path, "status": 500, "times": 1, "headers": {}, "body": None}
    return {**plan, "hang": None, "drop": False, "carried_out": False, **given}


def test_failures_on_demand_hit_what_matches_as_often_as_asked(github: Checked):
    github.add_pull_request()
    github.control("POST", "faults", fault("POST", r"/issues/\d+/comments$", times=2, status=502))
    statuses = [github.ask("POST", f"{REPO}/issues/7/comments", {"body": "x"}).status_code for _ in range(3)]
    assert statuses == [502, 502, 201]
    github.control("POST", "faults", fault("GET", r"page=2", status=503))
    assert github.ask("GET", f"{REPO}/issues/7/comments").status_code == 200
    assert github.ask("GET", f"{REPO}/issues/7/comments?page=2").status_code == 503


def test_a_failure_has_the_headers_and_the_body_that_were_asked_for(plain: Checked):
    said = {"message": "You have exceeded a secondary rate limit.", "status": "403"}
    headers = {"Retry-After": "7", "X-RateLimit-Remaining": "0"}
    plain.control("POST", "faults", fault(status=403, headers=headers, body=said))
    answer = plain.ask("GET", REPO)
    assert (answer.status_code, answer.json) == (403, said)
    assert (answer.headers["Retry-After"], answer.headers["X-RateLimit-Remaining"]) == ("7", "0")


@pytest.mark.parametrize("status", [401, 403, 404, 422, 429, 500, 502, 503])
def test_a_failure_with_no_body_says_what_github_says(plain: Checked, status: int):
    plain.control("POST", "faults", fault(status=status))
    assert plain.ask("GET", REPO).json["message"]


def test_a_request_can_be_carried_out_and_its_answer_lost(plain: Checked):
    plain.add_pull_request()
    plain.control("POST", "faults", fault("POST", carried_out=True))
    assert plain.ask("POST", f"{REPO}/issues/7/comments", {"body": "stands"}).status_code == 500
    assert [one["body"] for one in plain.ask("GET", f"{REPO}/issues/7/comments").json] == ["stands"]


def test_requests_are_told_without_their_token(github: Checked):
    github.add_pull_request()
    github.ask("POST", f"{REPO}/issues/7/comments?x=1", {"body": "hi"})
    github.ask("GET", "/nonsense", token=None)
    first, second = github.control("GET", "requests")
    assert (first["method"], first["path"], first["query"]) == ("POST", f"{REPO}/issues/7/comments", {"x": "1"})
    assert first["url"] == f"{github.prefix}{REPO}/issues/7/comments?x=1"
    assert (first["login"], first["body"], first["status"]) == ("github-actions[bot]", {"body": "hi"}, 201)
    assert (second["login"], second["status"]) == (None, 401)
    assert BOT_TOKEN not in json.dumps([first, second])


def test_a_reset_forgets_all(plain: Checked):
    plain.add_pull_request()
    plain.add_comment("hi", "octocat")
    plain.control("POST", "faults", fault())
    plain.control("POST", "reset", {})
    assert (plain.control("GET", "mails"), plain.control("GET", "requests")) == ([], [])
    assert plain.ask("GET", REPO).status_code == 200
    assert plain.ask("GET", f"{REPO}/pulls/7").status_code == 404
