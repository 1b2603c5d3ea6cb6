"""Where a family is asked and with which key: from the names that people have set already.

The environment comes as a mapping; nothing here reads it. A key is never part of a message.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from tapetrail.analysts.models.families import FAMILIES, Family
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.http.calls import Call, Secret, is_loopback

KEY_ENDS: Final = "_API_KEY"
"""How the name of a variable ends that a strategy may name."""
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_LINE: Final = re.compile(
    r"(?:export +)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<quote>[\"']?)"
    r"(?P<value>[\x21\x23-\x26\x28-\x7e]*)(?P=quote)"
)
_HOST: Final = re.compile(r"[a-z0-9._:-]+")

NAMES: Final = frozenset(
    name
    for family in FAMILIES
    for name in (*family.key_envs, family.base_url_env, *family.named_headers.values())
    if name
)
"""The variables that families look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a family is reached: the address in front of every path, and what each call carries."""

    family: Family
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, Secret] = field(default_factory=dict[str, Secret])

    def call(self, model: str, body: bytes) -> Call:
        """Return the call that sends a request's bytes."""
        wire = self.family.wire
        return Call(
            url=self.base_url + wire.path(model),
            body=body,
            headers={**wire.headers, **self.headers},
            secrets=self.secrets,
        )


def access(
    family: Family,
    environment: Mapping[str, str],
    *,
    key_env: str | None = None,
    base_url: str | None = None,
) -> Access:
    """Return how a family is reached; `key_env` and `base_url` are what a strategy states.

    Raises `InvalidInput`: `key_missing` for a key that is not set, naming the variable, and without
    a kind for an address that is missing, not to be stated, or not safe to send a key to.
    """
    reached = _base_url(family, environment, base_url)
    return Access(
        family=family,
        base_url=reached,
        headers={
            header: _sendable(environment[name], place=name)
            for header, name in family.named_headers.items()
            if environment.get(name)
        },
        secrets=_secrets(family, environment, key_env=key_env, base_url=reached),
    )


def key_name(
    family: Family, environment: Mapping[str, str], *, key_env: str | None = None
) -> str | None:
    """Return the variable that holds the key of a family, None where none is set."""
    names = (key_env,) if key_env else family.key_envs
    return next((name for name in names if environment.get(name)), None)


def environment_with(text: str, environment: Mapping[str, str], *, place: str) -> dict[str, str]:
    """Return an environment with what a file of keys says where it says nothing itself.

    The file has a line `NAME=value` each, and comments. What is empty counts as absent. Raises
    `InvalidInput` with the line, and never with what stands there: it may be a key.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        read = _LINE.fullmatch(line.strip())
        if read is None:
            raise InvalidInput(f"{place}, line {number}: expected NAME=value, its value unspaced")
        name, value = read["name"], read["value"]
        if name not in NAMES and not name.endswith(KEY_ENDS):
            others = sorted(each for each in NAMES if not each.endswith(KEY_ENDS))
            raise InvalidInput(
                f"{place}, line {number}: no model is asked with a variable of that name; expected"
                f" one that ends with {KEY_ENDS}, or {_listed(others)}"
            )
        if name in found:
            raise InvalidInput(f"{place}, line {number}: that name stands there a second time")
        found[name] = value
    return {**found, **{name: value for name, value in environment.items() if value}}


def _secrets(
    family: Family, environment: Mapping[str, str], *, key_env: str | None, base_url: str
) -> dict[str, Secret]:
    if key_env:
        _check_meant(key_env, family, base_url)
    names = (key_env,) if key_env else family.key_envs
    found = key_name(family, environment, key_env=key_env)
    if found and is_open(base_url):
        raise InvalidInput(
            f"{family.word}: the key in {found} would be read on its way to {base_url}; expected"
            " https, or this machine"
        )
    if found:
        secret = Secret(environment[found], name=found, prefix=family.key_prefix)
        return {family.key_header: secret}
    if not names:
        return {}
    raise InvalidInput(
        f"{family.word}: no key; set {_listed(names)} to one, or write it into your keys_file",
        kind=ErrorKind.KEY_MISSING,
    )


def _check_meant(key_env: str, family: Family, base_url: str) -> None:
    """Raise `InvalidInput` where a strategy would send what is no key, or another's key, away."""
    if not key_env.endswith(KEY_ENDS):
        raise InvalidInput(
            f"key_env {key_env}: expected a name that ends with {KEY_ENDS}, so that a strategy"
            " sends nothing else of the environment away"
        )
    owner = next((each for each in FAMILIES if key_env in each.key_envs), None)
    if owner is None or key_env in family.key_envs:
        return
    own_host = urlsplit(owner.base_url or "").netloc
    if urlsplit(base_url).netloc != own_host:
        raise InvalidInput(
            f"key_env {key_env}: it is the key of {owner.word}, and goes to {own_host} alone; put"
            f" the key for {urlsplit(base_url).netloc} into a variable of its own"
        )


def _base_url(family: Family, environment: Mapping[str, str], stated: str | None) -> str:
    set_url = environment.get(family.base_url_env or "")
    if family.base_url is None:
        if not stated:
            raise InvalidInput(
                f"{family.word}: no base_url; state the address in front of"
                f" {family.wire.path('MODEL')}, such as http://127.0.0.1:11434/v1"
            )
        return checked_url(stated, place="base_url", schemes=("https", "http"))
    if stated:
        raise InvalidInput(
            f"{family.word}: base_url is for compatible:MODEL, since a strategy must not send the"
            f" key of {family.word} elsewhere; set {family.base_url_env}"
        )
    place = family.base_url_env or family.word
    return checked_url(set_url or family.base_url, place=place, schemes=("https",))


def checked_url(url: str, *, place: str, schemes: Iterable[str]) -> str:
    """Return a base URL without a slash at its end; http to this machine is taken in any case.

    Raises `InvalidInput`, which shows no part of it that may be secret.
    """
    parts = _split(url, place=place)
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(f"{place}: holds a user or a password; a key belongs into its variable")
    host = parts.hostname or ""
    if not _HOST.fullmatch(host):
        raise InvalidInput(f"{place}: {host!r} is no host; write https://HOST or https://HOST/PATH")
    if parts.query or parts.fragment:
        raise InvalidInput(f"{place} at {host}: has a query or fragment; a base URL ends before it")
    if parts.scheme not in schemes and not (parts.scheme == "http" and is_loopback(host)):
        raise InvalidInput(
            f"{place} at {host}: {parts.scheme or 'no scheme'}, expected https: a key would be read"
            " on its way"
        )
    return url.rstrip("/")


def is_open(base_url: str) -> bool:
    """Return whether others can read what is sent to an address."""
    parts = urlsplit(base_url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def _split(url: str, *, place: str) -> SplitResult:
    if not _PRINTABLE.fullmatch(url):
        raise InvalidInput(
            f"{place}: a URL has no blanks, line ends or letters outside of ASCII; write a host"
            " with such letters in its xn-- form"
        )
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InvalidInput(f"{place}: no URL, its host or port cannot be read") from error
    return parts


def _sendable(text: str, *, place: str) -> str:
    if not _PRINTABLE.fullmatch(text):
        raise InvalidInput(f"{place}: has a blank, a line end or a letter that no header takes")
    return text


def _listed(names: Iterable[str]) -> str:
    return " or ".join(names)
