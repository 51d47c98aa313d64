"""GitHub's JSON of what the store holds, with every field that GitHub's OpenAPI description requires."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

from sandbox.github.history import Comparison
from sandbox.github.store import BOT, Comment, PullRequest, Repository, made_up_sha

Object = dict[str, Any]

USER_IDS = {BOT: 41_898_282, "octocat": 583_231, "github": 9_919}
ACTIONS_APP_ID = 15_368
OLD_VERSION = "2022-11-28"
VERSIONS = (OLD_VERSION, "2026-03-10")

REPOSITORY_LINKS = (
    *("assignees{/user}", "blobs:git/blobs{/sha}", "branches{/branch}", "collaborators{/collaborator}"),
    *("comments{/number}", "commits{/sha}", "compare/{base}...{head}", "contents/{+path}", "contributors"),
    *("deployments", "downloads", "events", "forks", "git_commits:git/commits{/sha}", "git_refs:git/refs{/sha}"),
    *("git_tags:git/tags{/sha}", "hooks", "issue_comment:issues/comments{/number}", "issues{/number}"),
    *("issue_events:issues/events{/number}", "keys{/key_id}", "labels{/name}", "languages", "merges"),
    *("milestones{/number}", "notifications{?since,all,participating}", "pulls{/number}", "releases{/id}"),
    *("stargazers", "statuses/{sha}", "subscribers", "subscription", "tags", "teams", "trees:git/trees{/sha}"),
)
"""`NAME` or `NAME:PATH`, with the templates that GitHub leaves in the links."""


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Writes objects for one address of the API and one version of it."""

    api: str
    """The API's root: http://HOST:PORT, or that with /api/v3."""
    html: str
    """The site's root: https://github.com, or the server's own where it is GitHub Enterprise."""
    version: str = OLD_VERSION

    def user(self, login: str, kind: str | None = None) -> Object:
        """A Simple User."""
        url = f"{self.api}/users/{login.replace('[', '%5B').replace(']', '%5D')}"
        page = f"{self.html}/apps/{login.removesuffix('[bot]')}" if login.endswith("[bot]") else f"{self.html}/{login}"
        number = USER_IDS.get(login, 10_000_000 + zlib.crc32(login.encode()) % 90_000_000)
        avatar = f"in/{ACTIONS_APP_ID}" if login == BOT else f"u/{number}"
        return {
            "login": login,
            "id": number,
            "node_id": _node("U", number),
            "avatar_url": f"https://avatars.githubusercontent.com/{avatar}?v=4",
            "gravatar_id": "",
            "url": url,
            "html_url": page,
            "followers_url": f"{url}/followers",
            "following_url": f"{url}/following{{/other_user}}",
            "gists_url": f"{url}/gists{{/gist_id}}",
            "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
            "subscriptions_url": f"{url}/subscriptions",
            "organizations_url": f"{url}/orgs",
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events{{/privacy}}",
            "received_events_url": f"{url}/received_events",
            "type": kind or ("Bot" if login.endswith("[bot]") else "User"),
            "user_view_type": "public",
            "site_admin": False,
        }

    def public_user(self, login: str) -> Object:
        """The answer of `GET /user`."""
        names = ("name", "company", "blog", "location", "email", "hireable", "bio", "twitter_username")
        counts = ("public_repos", "public_gists", "followers", "following")
        times = {"created_at": "2011-01-25T18:44:36Z", "updated_at": "2026-01-22T11:23:33Z"}
        return {**self.user(login), **dict.fromkeys(names), **dict.fromkeys(counts, 0), **times}

    def app(self) -> Object:
        """GitHub's own App behind GITHUB_TOKEN."""
        return {
            "id": ACTIONS_APP_ID,
            "client_id": "Iv1.05c79e9ad1f6bdfa",
            "slug": "github-actions",
            "node_id": "MDM6QXBwMTUzNjg=",
            "owner": self.user("github", "Organization"),
            "name": "GitHub Actions",
            "description": "Automate your workflow from idea to production",
            "external_url": "https://help.github.com/en/actions",
            "html_url": f"{self.html}/apps/github-actions",
            "created_at": "2018-07-30T09:30:17Z",
            "updated_at": "2025-03-07T16:35:00Z",
            "permissions": {"contents": "write", "issues": "write", "metadata": "read", "pull_requests": "write"},
            "events": ["push", "pull_request", "workflow_dispatch"],
        }

    def repository(self, repository: Repository) -> Object:
        """A Repository, as it stands within other objects."""
        url, page = self._repo(repository), f"{self.html}/{repository.full_name}"
        host = page.split("://")[1]
        open_issues = sum(pull.state == "open" for pull in repository.pulls.values())
        return {
            "id": repository.id,
            "node_id": _node("R", repository.id),
            "name": repository.name,
            "full_name": repository.full_name,
            "private": True,
            "owner": self.user(repository.owner, "Organization"),
            "html_url": page,
            "description": "Metaflow flows",
            "fork": False,
            "url": url,
            **_links(url),
            "git_url": f"git://{host}.git",
            "ssh_url": f"git@{host.replace('/', ':', 1)}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            "mirror_url": None,
            "homepage": None,
            "language": "Python",
            **dict.fromkeys(("forks_count", "forks", "stargazers_count", "watchers_count", "watchers"), 0),
            "size": 108,
            "default_branch": repository.default_branch,
            "open_issues_count": open_issues,
            "open_issues": open_issues,
            "is_template": False,
            "topics": [],
            **dict.fromkeys(("has_issues", "has_projects", "has_wiki"), True),
            **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled"), False),
            "visibility": "private",
            "pushed_at": repository.created_at,
            "created_at": repository.created_at,
            "updated_at": repository.created_at,
            "license": None,
            "allow_forking": True,
            "web_commit_signoff_required": False,
        }

    def full_repository(self, repository: Repository) -> Object:
        """The answer of `GET /repos/{owner}/{repo}`."""
        return {
            **self.repository(repository),
            "permissions": {"admin": False, "maintain": False, "push": True, "triage": True, "pull": True},
            "temp_clone_token": "",
            **dict.fromkeys(("allow_squash_merge", "allow_merge_commit", "allow_rebase_merge"), True),
            **dict.fromkeys(("allow_auto_merge", "delete_branch_on_merge", "allow_update_branch"), False),
            "subscribers_count": 1,
            "network_count": 0,
            "organization": self.user(repository.owner, "Organization"),
        }

    def pull_request_simple(self, repository: Repository, pull: PullRequest) -> Object:
        """A pull request as lists give it: without `merged`."""
        url, page = f"{self._repo(repository)}/pulls/{pull.number}", self._page(repository, pull)
        issue = f"{self._repo(repository)}/issues/{pull.number}"
        links = {
            "html_url": page,
            "issue_url": issue,
            "commits_url": f"{url}/commits",
            "review_comments_url": f"{url}/comments",
            "review_comment_url": f"{self._repo(repository)}/pulls/comments{{/number}}",
            "comments_url": f"{issue}/comments",
            "statuses_url": f"{self._repo(repository)}/statuses/{pull.head_sha}",
        }
        # version 2026-03-10 of the API has it no more
        merge = {"merge_commit_sha": pull.merge_commit_sha} if self.version == OLD_VERSION else {}
        return {
            "url": url,
            "id": 1_000_000 + pull.number,
            "node_id": _node("PR", repository.id, pull.number),
            **links,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "number": pull.number,
            "state": pull.state,
            "locked": False,
            "title": pull.title,
            "user": self.user(pull.author),
            "body": pull.body,
            "labels": [],
            "milestone": None,
            "active_lock_reason": None,
            "created_at": pull.created_at,
            "updated_at": pull.created_at,
            "closed_at": pull.created_at if pull.state == "closed" else None,
            "merged_at": pull.created_at if pull.merged else None,
            **merge,
            "assignees": [],
            "requested_reviewers": [],
            "requested_teams": [],
            "head": self._branch(repository, pull.head, pull.head_sha),
            "base": self._branch(repository, pull.base, self._base_sha(repository, pull)),
            "_links": {
                "self": {"href": url},
                **{name.removesuffix("_url"): {"href": link} for name, link in links.items()},
            },
            "author_association": "MEMBER",
            "auto_merge": None,
            "draft": False,
        }

    def pull_request(self, repository: Repository, pull: PullRequest) -> Object:
        """The answer of `GET /repos/{owner}/{repo}/pulls/{number}`."""
        counts = {"review_comments": 0, "commits": max(1, len(pull.commits))}
        return {
            **self.pull_request_simple(repository, pull),
            "merged": pull.merged,
            "mergeable": None if pull.merged else True,
            "rebaseable": None if pull.merged else True,
            "mergeable_state": "unknown" if pull.merged else "clean",
            "merged_by": self.user(pull.author) if pull.merged else None,
            "comments": len(repository.comments_of(pull.number)),
            **counts,
            "maintainer_can_modify": False,
            "additions": 1,
            "deletions": 1,
            "changed_files": 1,
        }

    def issue(self, repository: Repository, pull: PullRequest) -> Object:
        """A pull request as the issue that it is too."""
        url, page = f"{self._repo(repository)}/issues/{pull.number}", self._page(repository, pull)
        simple = self.pull_request_simple(repository, pull)
        same = ("number", "state", "locked", "title", "user", "body", "labels", "milestone", "active_lock_reason")
        more = ("created_at", "updated_at", "closed_at", "assignees", "author_association", "draft", "html_url")
        merged_at = {"merged_at": simple["merged_at"]}
        request = {"url": simple["url"], "html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch"}
        return {
            **{name: simple[name] for name in (*same, *more)},
            "id": 2_000_000 + pull.number,
            "node_id": simple["node_id"],
            "url": url,
            "repository_url": self._repo(repository),
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "timeline_url": f"{url}/timeline",
            "comments": len(repository.comments_of(pull.number)),
            "pull_request": {**request, **merged_at},
            "closed_by": self.user(pull.author) if pull.state == "closed" else None,
            "state_reason": None,
            "performed_via_github_app": None,
            "reactions": _reactions(url),
        }

    def comment(self, repository: Repository, comment: Comment) -> Object:
        """An Issue Comment."""
        url = f"{self._repo(repository)}/issues/comments/{comment.id}"
        page = f"{self.html}/{repository.full_name}/pull/{comment.number}#issuecomment-{comment.id}"
        return {
            "url": url,
            "html_url": page,
            "issue_url": f"{self._repo(repository)}/issues/{comment.number}",
            "id": comment.id,
            "node_id": _node("IC", repository.id, comment.id),
            "user": self.user(comment.author),
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
            "body": comment.body,
            "author_association": "NONE" if comment.by_app else "MEMBER",
            "reactions": _reactions(url),
            "performed_via_github_app": self.app() if comment.by_app else None,
        }

    def commit(self, repository: Repository, sha: str) -> Object:
        """A Commit; who wrote it and what it says is made up, since there is no git here."""
        url, person = self._repo(repository), {"name": "The Octocat", "email": "octocat@github.com"}
        signature = {**person, "date": repository.created_at}
        before = self._parent(repository, sha)
        page = f"{self.html}/{repository.full_name}/commit"
        tree = made_up_sha("tree", sha)
        return {
            "sha": sha,
            "node_id": _node("C", repository.id, sha),
            "commit": {
                "author": signature,
                "committer": signature,
                "message": self._message(repository, sha),
                "tree": {"sha": tree, "url": f"{url}/git/trees/{tree}"},
                "url": f"{url}/git/commits/{sha}",
                "comment_count": 0,
            },
            "url": f"{url}/commits/{sha}",
            "html_url": f"{page}/{sha}",
            "comments_url": f"{url}/commits/{sha}/comments",
            "author": self.user("octocat"),
            "committer": self.user("octocat"),
            "parents": [{"sha": before, "url": f"{url}/commits/{before}", "html_url": f"{page}/{before}"}],
        }

    def comparison(self, repository: Repository, base: str, head: str, found: Comparison, page: slice) -> Object:
        """A Commit Comparison."""
        compared = f"{self.html}/{repository.full_name}/compare/{base}...{head}"
        return {
            "url": f"{self._repo(repository)}/compare/{base}...{head}",
            "html_url": compared,
            "permalink_url": compared,
            "diff_url": f"{compared}.diff",
            "patch_url": f"{compared}.patch",
            "base_commit": self.commit(repository, base),
            "merge_base_commit": self.commit(repository, found.merge_base),
            "status": found.status,
            "ahead_by": len(found.ahead),
            "behind_by": len(found.behind),
            "total_commits": len(found.ahead),
            "commits": [self.commit(repository, sha) for sha in found.ahead[page]],
            "files": [],
        }

    def reference(self, repository: Repository, branch: str, sha: str) -> Object:
        """A Git Reference, of a branch."""
        url = f"{self._repo(repository)}/git"
        return {
            "ref": f"refs/heads/{branch}",
            "node_id": _node("REF", repository.id, branch),
            "url": f"{url}/refs/heads/{branch}",
            "object": {"sha": sha, "type": "commit", "url": f"{url}/commits/{sha}"},
        }

    def _repo(self, repository: Repository) -> str:
        return f"{self.api}/repos/{repository.full_name}"

    def _page(self, repository: Repository, pull: PullRequest) -> str:
        return f"{self.html}/{repository.full_name}/pull/{pull.number}"

    def _branch(self, repository: Repository, reference: str, sha: str) -> Object:
        owner = self.user(repository.owner, "Organization")
        label = f"{repository.owner}:{reference}"
        return {"label": label, "ref": reference, "sha": sha, "user": owner, "repo": self.repository(repository)}

    @staticmethod
    def _parent(repository: Repository, sha: str) -> str:
        place = repository.commits.index(sha) if sha in repository.commits else len(repository.commits)
        return repository.commits[place - 1] if place else made_up_sha("before", repository.full_name)

    def _base_sha(self, repository: Repository, pull: PullRequest) -> str:
        return self._parent(repository, (*pull.commits, pull.merge_commit_sha or "")[0])

    @staticmethod
    def _message(repository: Repository, sha: str) -> str:
        for pull in repository.pulls.values():
            if sha == pull.merge_commit_sha:
                return f"{pull.title} (#{pull.number})"
        return f"Change {sha[:7]}"


def rate_limit(limit: int, used: int, reset: int, version: str) -> Object:
    """A Rate Limit Overview."""
    core = {"limit": limit, "used": used, "remaining": max(0, limit - used), "reset": reset}
    search = {"limit": 30, "used": 0, "remaining": 30, "reset": reset}
    old = {"rate": core} if version == OLD_VERSION else {}
    return {"resources": {"core": core, "search": search, "graphql": {**core, "used": 0, "remaining": limit}}, **old}


def _links(url: str) -> Object:
    links = {}
    for one in REPOSITORY_LINKS:
        end = min(one.find(mark) if mark in one else len(one) for mark in "{/:")
        name, path = (one[:end], one[end + 1 :]) if one[end : end + 1] == ":" else (one[:end], one)
        links[f"{name}_url"] = f"{url}/{path}"
    links["archive_url"] = f"{url}/{{archive_format}}{{/ref}}"
    return links


def _reactions(url: str) -> Object:
    names = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(names, 0)}


def _node(prefix: str, *parts: object) -> str:
    text = base64.urlsafe_b64encode("\0".join(map(str, parts)).encode()).decode().rstrip("=")
    return f"{prefix}_{text}"
