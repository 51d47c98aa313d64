"""Text of others stays text: in the rendered page it is no markup, no link, no mention, and moves no cell."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from report_samples import CONTEXT, FAILED_RUN, FAILED_TASK, RUN_FAILED, RUNTIME, flow, outcome, wrong

from deployer.outcome import FlowDescription, FlowOutcome, FlowParameter, Outcome, Status, Step
from deployer.report.comment import comment_body
from deployer.report.markdown import Markdown, code, fence, html_code, html_text, link, plain, prose
from deployer.report.summary import summary

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<b>bold</b> &lt;b&gt; &amp;",
    "| a | b |",
    "a\\| b \\\\| c",
    "[x](javascript:alert(1))",
    "[x](https://evil.example)",
    "![x](https://evil.example/p.png)",
    "<https://evil.example>",
    "https://evil.example/path?a=b&c=d",
    "HTTP://EVIL.EXAMPLE",
    "ftp://evil.example www.evil.example WWW.evil.example",
    "mail@evil.example mailto:mail@evil.example",
    "@octocat @octo-org/team (@octocat)",
    "fixes #12 and GH-13 octo-org/flows#14",
    "`code` ``` fence ~~~",
    "odd ` tick",
    "`a` @octocat `b",
    "<!-- metaflow-deploy: {} -->",
    "-->",
    "**bold** _it_ __bold__ ~~gone~~ $math$ $$x$$",
    "line\nbreak\r\n# heading\n- list\n> quote\n\n    code",
    "</details></summary></table></sub>",
    "```\n</details>\n```\n@octocat",
    "````text\n``` nested",
    "\\` \\| back\\slash \\",
    "{{ 7 * 7 }} {% raw %}",
    "::error::x",
    "[^1]: note [x]: https://evil.example",
    ":tada: :+1:",
    "\x1b[31mred\x1b[0m\x07\x00\u202eevil\u2066",
    '"]:::failed --> x; click x href "https://evil.example"',
    "a" * 300,
    "",
    "   ",
]


class Page(HTMLParser):
    """The text and the tags of a rendered page."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.comments: list[str] = []
        self._code = 0
        self.feed(MarkdownIt("gfm-like", {"html": True}).render(markdown))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._code += tag in ("code", "pre")
        self.text.append("\n" if tag == "br" else "")

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "pre")

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def count(self, *names: str) -> Counter[str]:
        return Counter(tag for tag, _ in self.tags if tag in names)


def everywhere(text: str) -> Outcome:
    """An outcome with this text wherever somebody else's text can come from."""
    made = flow(
        status=Status.FAILURE,
        orchestrator=text or "argo-workflows",
        warnings=(text,),
        failure=replace(RUN_FAILED, message=text, advice=text, evidence=text, path=f"{text}.py"),
        run=replace(
            FAILED_RUN,
            id=f"argo-{text}",
            pathspec=f"Flow/{text}",
            url=f"https://ui.example.com/{text}",
            parameters={"alpha": text, text or "x": "1"},
            note=text,
            failed_task=replace(FAILED_TASK, step=text or "x", task_id=text, exception=text),
        ),
        runtime=replace(RUNTIME, python=text, metaflow=text, task_image=text),
        description=FlowDescription(
            name=text,
            project=text,
            steps=(Step(name=text, type="start", next=("end",)), Step(name="end", type="end")),
            parameters=(FlowParameter(name=text, type=text, default=text, help=text),),
        ),
    )
    assert made.deployment is not None
    assert made.deployment.provenance is not None
    deployment = replace(
        made.deployment,
        id=text,
        flow_name=text,
        namespace=text,
        region=text,
        arn=text,
        url=f"https://argo.example.com/{text}",
        schedule=text,
        timezone=text,
        triggers=(text,),
        metaflow_namespace=text,
        owner=text,
        project=text,
        project_branch=text,
        provenance=replace(made.deployment.provenance, commit=text, repository=text),
    )
    well = replace(made, status=Status.SUCCESS, failure=None, deployment=deployment, replaced=deployment)
    held = replace(flow("B"), status=Status.SKIPPED, warnings=(text,), deployment=None)
    flows: tuple[FlowOutcome, ...] = (replace(made, deployment=deployment), well, held)
    return outcome(
        *flows,
        warnings=(text,),
        context=replace(CONTEXT, actor=text, environment=text, branch=text, job=text, workflow=text),
    )


def reports(result: Outcome) -> list[str]:
    return [comment_body(result, summary_url=CONTEXT.run_url), summary(result)]


def assert_harmless(page: Page) -> None:
    assert not {tag for tag, _ in page.tags} & {"script", "img", "del", "em", "s", "h1", "h4", "blockquote", "section"}
    assert not page.comments
    links = [attributes.get("href") or "" for tag, attributes in page.tags if tag == "a"]
    hosts = {re.sub(r"^(\w+://[^/]+).*", r"\1", address) for address in links}
    assert hosts <= {"https://github.com", "https://argo.example.com", "https://ui.example.com"}
    assert all(set(attributes) <= {"href", "class", "style"} for _, attributes in page.tags)
    said = "".join(page.text)
    assert not re.search(r"@\w", said), "a mention"
    assert not re.search(r"#\d|GH-\d", said), "a reference"
    assert not re.search(r"www\.|://", said, re.IGNORECASE), "an address that GitHub would link"
    assert not re.search(r":[a-z0-9+-]+:", said), "an emoji"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", said)
    assert "49" not in said, "a template in the text was evaluated"


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_stays_text(text: str) -> None:
    calm = [Page(report) for report in reports(everywhere("x"))]
    for page, reference in zip([Page(report) for report in reports(everywhere(text))], calm, strict=True):
        assert_harmless(page)
        if text.strip():
            structure = ("table", "tr", "th", "td", "details", "summary", "h2", "h3", "sub", "ul", "li")
            assert page.count(*structure) == reference.count(*structure)


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_in_the_jobs_own_failures_stays_text(text: str) -> None:
    failures = (wrong(text, text, advice=text, evidence=text, path=text), wrong("second", "flow"))
    for result in (outcome(failures=failures), outcome(failures=failures[:1]), outcome(skipped=text)):
        for report in reports(result):
            assert_harmless(Page(report))


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.strip()])
def test_what_is_escaped_can_still_be_read(text: str) -> None:
    """Nothing but control characters and the invisible separators is lost or added."""

    def seen(markdown: str) -> str:
        reader = HTMLParser(convert_charrefs=True)
        said: list[str] = []
        reader.handle_data = said.append  # type: ignore[method-assign]
        reader.feed(MarkdownIt("gfm-like", {"html": True}).render(markdown))
        return " ".join("".join(said).replace("\u200b", "").split())

    printable = re.sub(r"\x1b\[\d+m|[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069]", "", text)
    expected = " ".join(printable.split())
    assert seen(f"a {plain(text)} b") == f"a {expected} b"
    assert seen(f"a {code(text)} b") == f"a {expected} b"
    assert seen(f"<div>\na {html_text(text)} {html_code(text)} b\n</div>") == f"a {expected} {expected} b"


def test_prose_of_ours_marks_code_and_escapes_the_rest() -> None:
    assert prose("Write `60s` or *more*.") == "Write `60s` or \\*more\\*."
    assert prose("`a` @octocat `b") == plain("`a` @octocat `b"), "an odd backtick is no markup of ours"
    assert prose("`a|b`") == "<code>a&#124;b</code>"


def test_what_is_markdown_already_is_left() -> None:
    assert plain(Markdown("**b**")) == "**b**"


def test_only_addresses_of_the_web_become_links() -> None:
    label = Markdown("x")
    for address in ("javascript:alert(1)", "data:text/html,x", "//evil.example", "", None, " https://x"):
        assert link(label, address) == "x"
    assert link(label, "https://x.example/a b)(<") == "[x](https://x.example/a%20b%29%28%3C)"
    assert link(label, "https://x.example/a%20b?c=d#e") == "[x](https://x.example/a%20b?c=d#e)"


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    for ticks in ("`", "```", "`" * 7):
        block = fence(f"a\n{ticks}\nb {ticks}")
        opening = block.splitlines()[0].removesuffix("text")
        assert len(opening) > len(ticks)
        page = Page(block)
        assert page.count("pre") == {"pre": 1}
        assert not "".join(page.text).strip()


def test_code_in_a_summary_line_is_html() -> None:
    assert html_code("<b>`x`</b>\n\ny") == "<code>&lt;b&gt;`x`&lt;/b&gt; y</code>"
