"""Each way in which a program asks a model through an SDK: the address in, the text out."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import anthropic
import openai
from google import genai
from google.genai import types
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from tests.edges.watched import KEY

ASKED: Final = "What now?"
MODEL: Final = "some-model"


def openai_client(url: str) -> openai.OpenAI:
    return openai.OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=2)


def openai_chat(url: str) -> str:
    with openai_client(url) as client:
        found = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": ASKED}]
        )
        return found.choices[0].message.content or ""


def openai_chat_stream(url: str) -> str:
    with openai_client(url) as client:
        chunks = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": ASKED}], stream=True
        )
        return "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)


def openai_responses(url: str) -> str:
    with openai_client(url) as client:
        return client.responses.create(model=MODEL, input=ASKED).output_text


def openai_responses_stream(url: str) -> str:
    with openai_client(url) as client:
        events = client.responses.create(model=MODEL, input=ASKED, stream=True)
        return "".join(e.delta for e in events if e.type == "response.output_text.delta")


async def openai_async(url: str) -> str:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1") as client:
        return (await client.responses.create(model=MODEL, input=ASKED)).output_text


async def openai_async_stream(url: str) -> str:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1") as client:
        chunks = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": ASKED}], stream=True
        )
        return "".join([e.choices[0].delta.content or "" async for e in chunks if e.choices])


def anthropic_message(url: str) -> str:
    with anthropic.Anthropic(api_key=KEY, base_url=url) as client:
        found = client.messages.create(
            model=MODEL, max_tokens=9, messages=[{"role": "user", "content": ASKED}]
        )
        return "".join(each.text for each in found.content if each.type == "text")


def anthropic_stream(url: str) -> str:
    with (
        anthropic.Anthropic(api_key=KEY, base_url=url) as client,
        client.messages.stream(
            model=MODEL, max_tokens=9, messages=[{"role": "user", "content": ASKED}]
        ) as stream,
    ):
        return "".join(stream.text_stream)


async def anthropic_async_stream(url: str) -> str:
    async with (
        anthropic.AsyncAnthropic(api_key=KEY, base_url=url) as client,
        client.messages.stream(
            model=MODEL, max_tokens=9, messages=[{"role": "user", "content": ASKED}]
        ) as stream,
    ):
        return "".join([each async for each in stream.text_stream])


def google_client(url: str) -> Any:
    """Return a client, whose types are told in part alone."""
    return genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=url))


def google_content(url: str) -> str:
    with google_client(url) as client:
        return str(client.models.generate_content(model=MODEL, contents=ASKED).text)


def google_stream(url: str) -> str:
    with google_client(url) as client:
        chunks = client.models.generate_content_stream(model=MODEL, contents=ASKED)
        return "".join(each.text or "" for each in chunks)


async def google_async(url: str) -> str:
    async with google_client(url).aio as client:
        return str((await client.models.generate_content(model=MODEL, contents=ASKED)).text)


async def google_async_stream(url: str) -> str:
    async with google_client(url).aio as client:
        chunks = await client.models.generate_content_stream(model=MODEL, contents=ASKED)
        return "".join([each.text or "" async for each in chunks])


def chat_openai(url: str) -> ChatOpenAI:
    return ChatOpenAI(model=MODEL, base_url=f"{url}/v1", api_key=SecretStr(KEY))


def chat_anthropic(url: str) -> ChatAnthropic:
    return ChatAnthropic(
        model_name=MODEL, base_url=url, api_key=SecretStr(KEY), timeout=9, stop=None
    )


def langchain_openai(url: str) -> str:
    return chat_openai(url).invoke(ASKED).text


def langchain_openai_stream(url: str) -> str:
    return "".join(each.text for each in chat_openai(url).stream(ASKED))


async def langchain_openai_async(url: str) -> str:
    return (await chat_openai(url).ainvoke(ASKED)).text


def langchain_anthropic(url: str) -> str:
    return chat_anthropic(url).invoke(ASKED).text


async def langchain_anthropic_async_stream(url: str) -> str:
    return "".join([each.text async for each in chat_anthropic(url).astream(ASKED)])


def _run(way: Callable[[str], Coroutine[Any, Any, str]]) -> Callable[[str], str]:
    return lambda url: asyncio.run(way(url))


WAYS: Final[dict[str, Callable[[str], str]]] = {
    "openai chat": openai_chat,
    "openai chat, streamed": openai_chat_stream,
    "openai responses": openai_responses,
    "openai responses, streamed": openai_responses_stream,
    "openai async": _run(openai_async),
    "openai async, streamed": _run(openai_async_stream),
    "anthropic": anthropic_message,
    "anthropic, streamed": anthropic_stream,
    "anthropic async, streamed": _run(anthropic_async_stream),
    "google": google_content,
    "google, streamed": google_stream,
    "google async": _run(google_async),
    "google async, streamed": _run(google_async_stream),
    "ChatOpenAI": langchain_openai,
    "ChatOpenAI, streamed": langchain_openai_stream,
    "ChatOpenAI async": _run(langchain_openai_async),
    "ChatAnthropic": langchain_anthropic,
    "ChatAnthropic async, streamed": _run(langchain_anthropic_async_stream),
}
