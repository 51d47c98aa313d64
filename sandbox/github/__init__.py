"""A stand-in of GitHub's REST API, stateful and in memory: `python -m sandbox.github`.

It serves what a commenting action asks: repositories, pull requests, the pull requests of a commit, issue comments
with real paging, comparisons, rate limits; of GraphQL `viewer { login }` alone; and failures on demand. The same is
served under `/api/v3` (and `/api/graphql`), as GitHub Enterprise Server has it. The tests hold its answers, and the
bodies that it accepts, to GitHub's published OpenAPI description, which does not cover GraphQL.

What that shows: every object has the fields that GitHub promises, in their types, and none that GitHub doesn't know.
What it can't show: that the values are those that GitHub would give. There is no git here (any 40-digit SHA is a
commit, histories are lines) unless a test hands it a repository of git's, whose branches and comparisons it then
serves; and there are no permissions beyond the kind of token, no rendering of Markdown, no webhooks, no
rate limit that is enforced (it is counted and told; ask for the refusal as a failure), and none of GitHub's delays.
"""
