"""Where a call goes: whose address that is decides what it costs and whose limits it shares."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tapetrail.analysts.models.families import Family
from tapetrail.http.calls import is_loopback

PROVIDERS: Final = {
    "openai": "openai",
    "openai-chat": "openai",
    "compatible": "compatible",
    "anthropic": "anthropic",
    "google": "google",
}
"""By family, under which name settings give limits to its provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One place that answers calls: `family` is the word in a strategy, `host` has its port.

    At an address that `is_own`, the provider's, its list of prices holds. `is_local` is said of a
    family without an address of its own on this machine.
    """

    family: str
    provider: str
    host: str
    is_own: bool
    is_local: bool

    @property
    def key(self) -> str:
        """What its limits are counted under, in every process."""
        return f"{self.provider}@{self.host}"


def endpoint(family: Family, base_url: str) -> Endpoint:
    """Return where calls of a family go that are sent to an address."""
    place = urlsplit(base_url)
    return Endpoint(
        family=family.word,
        provider=PROVIDERS[family.word],
        host=place.netloc,
        is_own=family.base_url is not None and place.netloc == urlsplit(family.base_url).netloc,
        is_local=family.base_url is None and is_loopback(place.hostname or ""),
    )
