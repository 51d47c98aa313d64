"""A role's credentials for GitHub's OIDC token: each time a new token, exchanged at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deployer.credentials.aws import Question, Role, ask
from deployer.credentials.id_token import IdTokenSource
from deployer.deadline import Cancellation


@dataclass(frozen=True, kw_only=True)
class RoleCredentials:
    """A role's credentials, as they are kept for the job's processes."""

    text: str = field(repr=False)
    """What a `credential_process` prints."""
    lifetime: float
    secrets: tuple[str, ...] = field(repr=False)


class RoleSource:
    """Asks GitHub for a token and AWS for the credentials of a role."""

    def __init__(
        self,
        tokens: IdTokenSource,
        *,
        role: str,
        session: str,
        environment: Mapping[str, str],
        cancellation: Cancellation,
        mask: Callable[[tuple[str, ...]], None],
    ) -> None:
        """Args:
        tokens: where GitHub's tokens come from.
        role: the role's ARN.
        session: the name of its session.
        environment: the whole environment of the process that asks AWS.
        cancellation: ends the first question; `close` ends later ones, for which the job need not be cancelled.
        mask: is handed each token before it is sent.
        """
        self._tokens = tokens
        self._role = role
        self._session = session
        self._environment = environment
        self._cancellation = cancellation
        self._closed = Cancellation()
        self._mask = mask
        self._claims: Mapping[str, str] = {}

    @property
    def claims(self) -> Mapping[str, str]:
        """Whom the latest token says that the job is; none before there is one."""
        return self._claims

    def ask(self) -> RoleCredentials:
        """Ask for credentials.

        Raises:
            Unanswered: GitHub did not answer, or failed.
            DeployError: GitHub or AWS refused, or AWS did not answer.
        """
        token = self._tokens.ask()
        self._mask((token.text,))
        self._claims = token.claims
        question = Question(role=Role(arn=self._role, session=self._session, token=token.text))
        answer = ask(question, environment=self._environment, cancellation=self._cancellation)
        self._cancellation = self._closed
        assert answer.keys is not None
        return RoleCredentials(text=answer.keys.document(), lifetime=answer.keys.lifetime, secrets=answer.keys.secrets)

    def close(self) -> None:
        """End a question that is under way."""
        self._closed.cancel(signal.SIGTERM)
