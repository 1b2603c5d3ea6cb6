"""The families of model endpoints there are: a wire format, and where and how it is reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tapetrail.analysts.models import anthropic, google, openai_chat, openai_responses
from tapetrail.analysts.models.reading import WireFormat

_OPENAI: Final = "https://api.openai.com/v1"
_OPENAI_HEADERS: Final = {
    "openai-organization": "OPENAI_ORG_ID",
    "openai-project": "OPENAI_PROJECT_ID",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family: `word` is what stands before the model's name in a strategy.

    `key_envs` are tried in their order, and none of them means that no key is needed. Without a
    `base_url` the strategy states it. `named_headers` are sent where their variable is set.
    """

    word: str
    wire: WireFormat
    base_url: str | None
    base_url_env: str | None = None
    key_envs: tuple[str, ...] = ()
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    named_headers: Mapping[str, str] = field(default_factory=dict[str, str])


FAMILIES: Final = (
    Family(
        word="openai",
        wire=openai_responses.FORMAT,
        base_url=_OPENAI,
        base_url_env="OPENAI_BASE_URL",
        key_envs=("OPENAI_API_KEY",),
        named_headers=_OPENAI_HEADERS,
    ),
    Family(
        word="openai-chat",
        wire=openai_chat.FORMAT,
        base_url=_OPENAI,
        base_url_env="OPENAI_BASE_URL",
        key_envs=("OPENAI_API_KEY",),
        named_headers=_OPENAI_HEADERS,
    ),
    Family(word="compatible", wire=openai_chat.COMPATIBLE, base_url=None),
    Family(
        word="anthropic",
        wire=anthropic.FORMAT,
        base_url="https://api.anthropic.com",
        base_url_env="ANTHROPIC_BASE_URL",
        key_envs=("ANTHROPIC_API_KEY",),
        key_header="x-api-key",
        key_prefix="",
    ),
    Family(
        word="google",
        wire=google.FORMAT,
        base_url="https://generativelanguage.googleapis.com",
        base_url_env="GOOGLE_GEMINI_BASE_URL",
        key_envs=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        key_header="x-goog-api-key",
        key_prefix="",
    ),
)
