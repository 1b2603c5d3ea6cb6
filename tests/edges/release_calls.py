"""Calls through one release of an SDK, watched, in an environment that holds little else.

    python release_calls.py openai|anthropic|google URL [aiohttp]

It prints a line of JSON for each call that was seen: what went out and what came, in Base64.
"""

import asyncio
import json
import sys
from base64 import b64encode
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from tapetrail.sdk.calls_seen import Received, Sent
from tapetrail.sdk.watching import Watching

KEY = "sk-SECRET-0123456789abcdef"
MESSAGES = [{"role": "user", "content": "What now?"}]


class Prints:
    """An observer that prints what it sees."""

    def begin(self, sent: Sent) -> object:
        return sent

    def end(self, token: object, received: Received) -> None:
        assert isinstance(token, Sent)
        said = {
            "sent": b64encode(token.body or b"").decode(),
            "received": b64encode(received.body).decode(),
            "status": received.http_status,
            "library": token.library,
            "shows_key": KEY in repr((token, received, token.body, received.body)),
        }
        sys.stdout.write(json.dumps(said) + "\n")


def openai_calls(url: str, backend: str) -> None:
    openai: Any = import_module("openai")
    client = openai.OpenAI(api_key=KEY, base_url=f"{url}/v1")
    client.chat.completions.create(model="m", messages=MESSAGES)
    list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))

    async def ask() -> None:
        made = {"http_client": openai.DefaultAioHttpClient()} if backend else {}
        async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1", **made) as looped:
            await looped.chat.completions.create(model="m", messages=MESSAGES)
            told = await looped.chat.completions.create(model="m", messages=MESSAGES, stream=True)
            assert [each async for each in told]

    asyncio.run(ask())


def anthropic_calls(url: str, backend: str) -> None:
    anthropic: Any = import_module("anthropic")
    asked: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": MESSAGES}
    client = anthropic.Anthropic(api_key=KEY, base_url=url)
    client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        assert "".join(stream.text_stream)

    async def ask() -> None:
        made = {"http_client": anthropic.DefaultAioHttpClient()} if backend else {}
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=url, **made) as looped:
            await looped.messages.create(**asked)
            async with looped.messages.stream(**asked) as told:
                assert [each async for each in told.text_stream]

    asyncio.run(ask())


def google_calls(url: str, _: str) -> None:
    genai: Any = import_module("google.genai")
    client = genai.Client(api_key=KEY, http_options={"base_url": url})
    client.models.generate_content(model="m", contents="What now?")
    list(client.models.generate_content_stream(model="m", contents="What now?"))

    async def ask() -> None:
        models = client.aio.models
        await models.generate_content(model="m", contents="What now?")
        told = await models.generate_content_stream(model="m", contents="What now?")
        assert [each async for each in told]

    asyncio.run(ask())


def main(name: str, url: str, backend: str = "") -> None:
    calls = {"openai": openai_calls, "anthropic": anthropic_calls, "google": google_calls}[name]
    place = url.removeprefix("http://")
    with Watching(Prints(), clock=lambda: datetime.now(UTC), hosts=[place]) as watching:
        calls(url, backend)
        problems = [said for said in watching.check() if "loaded" not in said]
    sys.stderr.write("\n".join(problems))


if __name__ == "__main__":
    main(*sys.argv[1:])
