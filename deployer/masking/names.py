"""Names of variables, keys and parameters whose values are secret."""

from __future__ import annotations

import re

# Somewhere in the name, as a word between underscores.
ANYWHERE = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWORDS|PASSWD|PASSPHRASE|PASSCODE|SECRET|SECRETS|APIKEY|PAT|DSN|BEARER|JWT|CREDENTIALS?"
    r"|CONNECTION_STRING|CONNECTIONSTRING|CONN_STR|WEBHOOK)(?:_|$)|PASSWORD|SECRET"
)
# At the end of it, alone or joined to another word.
AT_THE_END = re.compile(
    r"(?:TOKEN|PASSWORD|PASSWD|PASSPHRASE|(?:API|ACCESS|PRIVATE|SECRET|MASTER|SSH|ACCOUNT|ENCRYPTION|SIGNING)KEY"
    r"|(?:^|_)(?:KEY|KEYS|PASS|PWD|PSW|AUTH|COOKIE|COOKIES|SAS|AUTHORIZATION|AUTH_HEADER)|ACCESS_KEY_ID|KEY_DATA"
    r"|(?:^|_)(?:VAULT|APPROLE)_SECRET_ID|(?:^|_)(?:ACCESS|API|AUTH|REFRESH|BEARER)_TOKENS"
    r"|(?:DATABASE|DB|REDIS|MONGO|MONGODB|AMQP|BROKER|POSTGRES|POSTGRESQL|MYSQL|SQLALCHEMY)_UR[LI])(?:_?[0-9]+)?$"
)
# What such a variable says about a secret, and is none: a file, an address, a lifetime.
ABOUT = re.compile(
    r"_(?:FILE|FILENAME|PATH|DIR|NAME|NAMES|ARN|ENDPOINT|TYPE|TTL|EXPIRY|EXPIRES|EXPIRATION|AUDIENCE|COUNT|LENGTH"
    r"|REGION|ALGORITHM|ISSUER|ENABLED|PREFIX|BACKEND|MANAGER|ROLE|ID|SOCK|CLASS)$|(?<!HOOK)(?<!DATABASE)(?<!DB)_UR[LI]$"
)
# Behind it: which of several it is, and how it is written. `API_KEY_PROD` is a key, `GCP_SA_KEY_JSON` too.
QUALIFIER = re.compile(
    r"(?:_(?:PROD|PRODUCTION|STAGE|STAGING|DEV|DEVELOPMENT|TEST|QA|B64|BASE64|PEM|JSON|VALUE|RO|RW|READ|WRITE|OLD|NEW"
    r"|V[0-9]+))+$"
)
STAGE = re.compile(r"_(?:PROD|PRODUCTION|STAGE|STAGING|DEV|DEVELOPMENT|TEST|QA)$")
# A document of credentials that is the value itself, `SA_JSON`, `KUBE_CONFIG_DATA`, `DOCKER_AUTH_CONFIG`; and whatever
# is written in base64, as such a document is when it has to fit on one line.
DOCUMENT = re.compile(
    r"(?:^|_)(?:(?:SA|SVC_?ACCT|SERVICE_?ACCOUNT|GCP|GCLOUD|GOOGLE|FIREBASE|KUBE_?CONFIG|DOCKER_?CONFIG|CREDS?)_?JSON"
    r"|CREDS|(?:KUBE|DOCKER)_?CONFIG_(?:DATA|CONTENTS?|TEXT|YAML)|DOCKER_?AUTH_?CONFIG"
    r"|(?:NETRC|PGPASS|PYPIRC|NPMRC)_(?:DATA|CONTENTS?|TEXT))$"
    r"|(?<!USE)(?<!IS)(?<!AS)(?<!ENABLE)(?<!FROM)(?<!TO)_(?:B64|BASE64)$"
)
PUBLIC = re.compile(r"PUBLIC_?KEY|PUBKEY")
NO_SECRETS = frozenset(
    {"PWD", "OLDPWD", "GPG_KEY", "METAFLOW_KUBERNETES_SECRETS", "GOOGLE_APPLICATION_CREDENTIALS", "COMMENT_KEY"}
    | {"SSH_AUTH_SOCK", "GOOGLE_GHA_CREDS_PATH"}
    | {"METAFLOW_KUBERNETES_IMAGE_PULL_SECRETS", "METAFLOW_ARGO_WORKFLOWS_KUBERNETES_SECRETS"}
    | {"METAFLOW_ARGO_EVENTS_WEBHOOK_URL", "METAFLOW_ARGO_EVENTS_INTERNAL_WEBHOOK_URL"}
    | {"METAFLOW_ARGO_EVENTS_WEBHOOK_AUTH"}
)
"""The shell's folders, the key that signed Python's release, what only names a secret or its file, and where Metaflow
publishes events: an address within the cluster, whose path is the event's name (`metaflow-event`)."""


def is_secret_name(name: str) -> bool:
    """Whether the value of a variable, a key or a parameter of this name is secret.

    Args:
        name: in any case, its words divided by `_`, `-`, `.` or capitals: `DB_PASSWORD`, `api-key`, `clientSecret`.
    """
    divided = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    upper = re.sub(r"[^A-Z0-9]+", "_", divided.upper()).strip("_")
    if upper in NO_SECRETS or PUBLIC.search(upper):
        return False
    if DOCUMENT.search(STAGE.sub("", upper)):
        return True
    upper = QUALIFIER.sub("", upper)
    if AT_THE_END.search(upper):
        return True
    return bool(ANYWHERE.search(upper)) and not ABOUT.search(upper)
