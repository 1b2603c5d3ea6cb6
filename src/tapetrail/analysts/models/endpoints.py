"""Where a call goes: whose address that is decides what it costs and whose limits it shares."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tapetrail.analysts.models.families import Family
from tapetrail.analysts.models.keys import is_loopback

_PROVIDERS: Final = {
    "openai": "openai",
    "openai-chat": "openai",
    "anthropic": "anthropic",
    "google": "google",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One place that answers calls: `family` is the word in a strategy, `host` has its port.

    `provider` is whose list of prices holds there, None at an address that is not the provider's
    own. `is_local` is said of a family without an address of its own on this machine.
    """

    family: str
    host: str
    provider: str | None
    is_local: bool

    @property
    def key(self) -> str:
        """What its limits are counted under, in every process."""
        return f"{self.provider or self.family}@{self.host}"


def endpoint(family: Family, base_url: str) -> Endpoint:
    """Return where calls of a family go that are sent to an address."""
    place = urlsplit(base_url)
    is_own = family.base_url is not None and place.netloc == urlsplit(family.base_url).netloc
    return Endpoint(
        family=family.word,
        host=place.netloc,
        provider=_PROVIDERS.get(family.word) if is_own else None,
        is_local=family.base_url is None and is_loopback(place.hostname or ""),
    )
