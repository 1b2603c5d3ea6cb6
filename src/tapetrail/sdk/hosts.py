"""Where models are asked: the hosts that are known, and how a program names more of them."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from tapetrail.core.errors import InvalidInput

MODEL_HOSTS: Final = (
    "api.openai.com", "*.api.openai.com", "*.openai.azure.com", "*.services.ai.azure.com",
    "*.cognitiveservices.azure.com", "*.inference.ai.azure.com", "models.github.ai",
    "api.anthropic.com", "*-aiplatform.googleapis.com", "aiplatform.googleapis.com",
    "aiplatform.*.rep.googleapis.com", "generativelanguage.googleapis.com",
    "bedrock-runtime.*.amazonaws.com", "bedrock-runtime-fips.*.amazonaws.com",
    "openrouter.ai", "api.mistral.ai", "api.groq.com", "api.deepseek.com", "api.together.xyz",
    "api.together.ai", "api.x.ai", "api.fireworks.ai", "api.cohere.com", "api.cohere.ai",
    "api.perplexity.ai", "api.cerebras.ai", "api.sambanova.ai", "api.deepinfra.com",
    "integrate.api.nvidia.com", "router.huggingface.co", "api.moonshot.ai", "api.moonshot.cn",
    "dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com",
    "api.z.ai", "open.bigmodel.cn", "api.minimax.io", "api.ai21.com", "api.novita.ai",
    "ai-gateway.vercel.sh", "gateway.ai.cloudflare.com",
)  # fmt: skip
"""Hosts that answer for models; a star stands for any text."""
THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 # as typed, not bound
LOCAL_PORTS: Final = (11434, 8000, 1234)
"""Where Ollama, vLLM and LM Studio listen on this machine."""
_PORTS: Final = {"http": 80, "https": 443}
_PORTS_END: Final = 65536


def is_model_host(host: str, port: int | None) -> bool:
    """Return whether a place is one where models are known to be asked."""
    if host in THIS_MACHINE:
        return port in LOCAL_PORTS
    return any(fnmatchcase(host, pattern) for pattern in MODEL_HOSTS)


class NamedHosts:
    """Places that a program names, as `host` or `host:port`."""

    __slots__ = ("_hosts", "_places")

    def __init__(self, names: Iterable[str]) -> None:
        """Raise `InvalidInput` for what is neither."""
        found = [_place(name) for name in names]
        self._hosts = frozenset(host for host, port in found if port is None)
        self._places = frozenset(found)

    def holds(self, host: str, port: int | None, *, scheme: str) -> bool:
        """Return whether a place is named; without a port it is the scheme's."""
        return host in self._hosts or (host, port or _PORTS.get(scheme)) in self._places


def _place(name: str) -> tuple[str, int | None]:
    wrong = InvalidInput(f"host {name!r}: expected 'host' or 'host:port', as 'llm.example:8443'")
    if not name or any(sign in name for sign in "/@ ?#"):
        raise wrong
    host, colon, port = name.rpartition(":")
    is_bare_v6 = ":" in host and not host.endswith("]")
    if not colon or is_bare_v6 or name.endswith("]"):
        return name.strip("[]").lower(), None
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < _PORTS_END:
        raise wrong
    return host.strip("[]").lower(), int(port)
