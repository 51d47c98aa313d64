"""What is secret in a document: a kubeconfig, a Metaflow configuration, options, the key of a service account."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from deployer.kubeconfig import decoded
from deployer.masking.names import is_secret_name
from deployer.masking.patterns import pattern_spans
from deployer.masking.rules import GRAM, is_random
from deployer.yaml_mapping import parse_mapping

KUBECONFIG_SECRET = re.compile(r"(?:token|password|secret|key-data)$", re.IGNORECASE)
UNREADABLE_SECRET = re.compile(r"(?:token|password|secret|key-data)[\"']?\s*:\s*[\"']?([^\s\"',}]+)", re.IGNORECASE)
KEY_FILES = ("tokenFile", "client-key")
"""Keys of a kubeconfig that name a file with a credential."""
DEEPEST_FOLLOWED = 200
"""Levels: more than any input may have, so that what is refused for its depth is looked through too."""
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
HEADERS = "METAFLOW_SERVICE_HEADERS"


def kubeconfig_secrets(text: str) -> tuple[str, ...]:
    """The tokens, passwords and keys of a kubeconfig, plain or in base64; readable or not."""
    found: list[str] = []
    plain = decoded(text)
    if plain is not None:
        # who has the base64 has the file: in one piece, and as its lines were broken
        found += ["".join(text.split()), text.strip()]
        text = plain
    config = read_mapping(text)
    if config is None:
        return (*found, *UNREADABLE_SECRET.findall(text))
    for key, value, around in leaves(config):
        # an exec plug-in's environment: {name: AWS_SECRET_ACCESS_KEY, value: …}
        is_variable = key == "value" and is_secret_name(str(around.get("name", "")))
        if KUBECONFIG_SECRET.search(key) or is_variable:
            found.append(value)
            key_text = decoded(value) if key.endswith("key-data") else None
            found += [key_text] if key_text is not None else []
    return tuple(found)


def kubeconfig_key_files(text: str) -> tuple[str, ...]:
    """The files with a credential that a kubeconfig names."""
    config = read_mapping(text) or {}
    return tuple(value for key, value, _ in leaves(config) if key in KEY_FILES)


def mapping_secrets(text: str) -> tuple[str, ...]:
    """The values of a mapping whose keys look secret, at every depth: of a Metaflow configuration, of options."""
    return nested_secrets(read_mapping(text) or {})


def nested_secrets(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of a mapping whose keys look secret, at every depth, and in a text that is itself a document: what a
    Config's own parser or a JSON Parameter reads. Of such a text's own texts no more is read."""
    found = list(_secrets_of(document))
    for key, value, _ in leaves(document):
        if not is_secret_name(key):
            found += _secrets_of(_document(value))
    return tuple(found)


def document_secrets(text: str) -> tuple[str, ...]:
    """The secrets of a document that has credentials by its form, plain or in base64; none of any other text.

    The key of a service account (`private_key`), the logins of container registries (`auths`, each `auth` of them
    `user:password` in base64), a kubeconfig.
    """
    plain = decoded(text) or text
    if not any(sign in plain for sign in ("private_key", "auths", "users")):
        return ()
    document = read_mapping(plain)
    if document is None:
        return ()
    if isinstance(document.get("users"), list) and ("clusters" in document or "contexts" in document):
        return kubeconfig_secrets(text)
    if not isinstance(document.get("private_key"), str) and not isinstance(document.get("auths"), dict):
        return ()
    found = ["".join(text.split())] if plain != text else []
    found += _secrets_of(document)
    for key, value, _ in leaves(document.get("auths", {})):
        login = decoded(value) if key == "auth" else None
        found += [login, login.partition(":")[2]] if login is not None else []
    return tuple(found)


def value_secrets(name: str, value: str) -> tuple[str, ...]:
    """The secret parts of a value that is secret by its name.

    Of a URL its user info, its query's and path's secret parts; of a JSON document the values whose keys look secret or
    that look random; of one in base64 or YAML what `document_secrets` finds; else the value itself.
    """
    value = value.strip()
    if URL.fullmatch(value):
        return _url_secrets(name, value)
    known = document_secrets(value)
    if known and not value.startswith("{"):
        return known  # the lines of a YAML document are ordinary words
    document = read_mapping(value) if value.startswith("{") else None
    if document is not None:
        random = (leaf for _, leaf, _ in leaves(document) if is_random(leaf) and not URL.fullmatch(leaf))
        return (value, *known, *_secrets_of(document), *random)
    return (value,)


def user_info(value: str) -> tuple[str, ...]:
    """The user info of a URL that has a password, or that is a token, and the password alone."""
    if not URL.fullmatch(value.strip()):
        return ()
    try:
        parts = urlsplit(value.strip())
    except ValueError:  # a broken IPv6 address
        return ()
    info, at, _ = parts.netloc.rpartition("@")
    user, colon, password = info.partition(":")
    if not at or (not password and not is_random(user)):
        return ()
    found = [f"{info}@", password or user]
    # where a user is beside a password it is a name; in its place it may be the token (`https://TOKEN:@host`)
    found += [user] if colon and is_random(user) else []
    return tuple(dict.fromkeys([*found, *(unquote(one) for one in found)]))


def url_credentials(text: str) -> tuple[str, ...]:
    """What is a credential in the URLs of a text: user info, secret values of a query, secret parts of a path."""
    found = [text[start:end] for start, end in pattern_spans(text)]
    parts = (part for one in found for part in re.split("[/:@]", one))
    return tuple(dict.fromkeys([*user_info(text), *found, *(part for part in parts if len(part) >= GRAM)]))


def leaves(
    value: Any, key: str = "", around: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every text with its key and the mapping that it is in."""
    if isinstance(value, str):
        yield key, value, around or {}
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, str(name), value)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, key, around)


def read_mapping(text: str) -> dict[str, Any] | None:
    """A mapping, of YAML or JSON; None where a text is none."""
    try:
        return parse_mapping(text)
    except ValueError:
        pass
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and not _is_deep(found) else None


def _document(text: str) -> dict[str, Any]:
    """A mapping that a text is, of JSON, YAML or TOML; an empty one where it is none."""
    if not re.search("[:=]", text):
        return {}
    try:
        found = tomllib.loads(text)
        json.dumps(found, default=str)  # a hexadecimal number may have more digits than Python writes
    except (ValueError, RecursionError):
        return read_mapping(text) or {}
    return {} if _is_deep(found) else found


def _is_deep(document: dict[str, Any]) -> bool:
    """Whether a document nests deeper than its values can be followed; Python's own JSON reads thousands of levels."""
    level: list[Any] = [document]
    for _ in range(DEEPEST_FOLLOWED):
        inner = (one for around in level for one in (around.values() if isinstance(around, dict) else around))
        level = [one for one in inner if isinstance(one, dict | list)]
    return bool(level)


def _secrets_of(document: Mapping[str, Any]) -> Iterator[str]:
    for key, value in document.items():
        if key == HEADERS:
            headers = read_mapping(value) if isinstance(value, str) else value
            yield from (header for _, header, _ in leaves(headers))
        elif isinstance(value, str):
            if is_secret_name(str(key)):
                yield from value_secrets(str(key), value)
            else:
                yield from user_info(value)
        elif is_secret_name(str(key)) and not isinstance(value, bool | None):
            yield from (leaf for _, leaf, _ in leaves(value)) if isinstance(value, dict | list) else (str(value),)
        elif isinstance(value, dict):
            yield from _secrets_of(value)
        elif isinstance(value, list):
            yield from (one for inner in value if isinstance(inner, dict) for one in _secrets_of(inner))


def _url_secrets(name: str, url: str) -> tuple[str, ...]:
    found = url_credentials(url)
    if found:
        return (url, *found)
    try:
        path = urlsplit(url)._replace(scheme="", netloc="").geturl()
    except ValueError:
        return (url,)
    if not path.strip("/") or ("HOOK" not in name.upper() and re.search(r"_UR[LI]$", name.upper())):
        return ()  # an address alone
    segments = (one for one in re.split(r"[/?&=#]", path) if len(one) >= GRAM)
    return (url, path.strip("/"), *segments)
