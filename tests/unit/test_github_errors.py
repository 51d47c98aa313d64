"""What GitHub refuses, in words that say what to do."""

from __future__ import annotations

import pytest

from deployer.github.errors import explain

API = "https://ghe.example.com/api/v3"


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (403, "Resource not accessible by integration", "`permissions: pull-requests: write`"),
        (403, "Resource not accessible by integration", "Dependabot"),
        (403, "Resource not accessible by personal access token", "`Pull requests: Read and write`"),
        (403, "Unable to create comment because issue is locked.", "Unlock the conversation"),
        (403, "Repository was archived so is read-only.", "archived"),
        (403, "Resource protected by organization SAML enforcement.", "SSO"),
        (403, "You have exceeded a secondary rate limit.", "limits the rate"),
        (429, "", "limits the rate"),
        (401, "Bad credentials", "`${{ github.token }}`"),
        (404, "Not Found", "/api/v3"),
        (422, "Validation Failed", "refused the content"),
        (502, "Server Error", "(status 502)"),
        (0, "connection refused", f"may reach {API}"),
    ],
)
def test_every_refusal_says_what_to_do(status: int, said: str, told: str):
    error = explain("writing the comment", status, said, API)
    assert told in str(error)
    assert "writing the comment" in str(error)
    assert said in str(error)
    assert error.status == status
    assert "{" not in str(error).replace("${{ github.token }}", "")


@pytest.mark.parametrize(("status", "unsure"), [(0, True), (500, True), (502, True), (403, False), (422, False)])
def test_what_may_stand_all_the_same_is_known(status: int, unsure: bool):
    assert explain("writing the comment", status, "", API).may_have_succeeded is unsure


def test_what_concerns_one_pull_request_alone_is_told_apart():
    locked = explain("writing the comment", 403, "Unable to create comment because issue is locked.", API)
    forbidden = explain("writing the comment", 403, "Resource not accessible by integration", API)
    assert (locked.here_alone, forbidden.here_alone) == (True, False)


def test_a_refusal_for_other_reasons_is_no_rate_limit_because_of_its_words():
    assert "limits the rate" not in str(explain("writing the comment", 422, "the rate limit parameter", API))
