"""Where a program is follows its tasks, its generators and its processes, each to its own end."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import openai
import pytest
from tests.homes import held_home
from tests.model_server import Answer, model_server
from tests.workflows.recordings import assert_sound, read

import tapetrail
from tapetrail.sdk.executions import Execution
from tapetrail.sdk.places import here

pytestmark = pytest.mark.service

ASKED: Final[list[Any]] = [{"role": "user", "content": "Up?"}]
FORKS: Final = """
import os, sys, tapetrail
recorder = tapetrail.recorder(sys.argv[1], agent="forks")
run = recorder.execution("forks")
decision = run.decision("AAA")
decision.begin()
decision.log_analysis(agent="told", response="by the parent")
child = os.fork()
if child == 0:
    try:
        recorder.log_note(decision, "by the child")
    except Exception as error:
        print(error, flush=True)
    recorder.close()
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
decision.log_signal("hold")
decision.conclude()
"""


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Iterator[Path]:
    with held_home(prepared_home, tmp_path / "home") as found:
        yield found


@pytest.mark.skipif(sys.platform == "win32", reason="it has no fork")
def test_a_forked_process_that_ends_leaves_the_recorder_of_its_parent_alone(home: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", FORKS, str(home)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert "opened by the process that this one was forked from" in found.stdout
    (decision,) = read(home, "decisions")
    assert decision["status"] == "completed"
    (execution,) = read(home, "executions")
    assert execution["status"] == "completed"
    assert len(read(home, "analyses")) == 1
    assert read(home, "notes") == []
    assert_sound(home)


def test_a_generator_that_another_task_closes_leaves_that_task_where_it_is(home: Path) -> None:
    async def answers(run: Execution) -> AsyncIterator[str]:
        async with run.decision("AAA") as decision:
            yield "first"
            await decision.asignal("buy")

    async def close(left: AsyncIterator[str], run: Execution) -> None:
        async with run.decision("BBB") as decision:
            with contextlib.suppress(StopAsyncIteration):
                await anext(left)
            assert (found := here()) is not None
            assert found.decision is decision
            decision.log_analysis(agent="of B", response="still here")
            await decision.asignal("sell")

    async def main(run: Execution) -> None:
        left = answers(run)
        assert await anext(left) == "first"
        await asyncio.create_task(close(left, run))
        closes = answers(run)
        await asyncio.create_task(anext_of(closes))
        with contextlib.suppress(StopAsyncIteration):
            await anext(closes)

    async def anext_of(left: AsyncIterator[str]) -> str:
        return await anext(left)

    with tapetrail.recorder(home, agent="generates") as recorder, recorder.execution() as run:
        asyncio.run(main(run))
    found = [(row["symbol"], row["signal_type"]) for row in read(home, "decisions")]
    assert sorted(found) == [("AAA", "BUY"), ("AAA", "BUY"), ("BBB", "SELL")]
    (analysis,) = read(home, "analyses")
    assert analysis["symbol"] == "BBB"


def test_a_stream_that_is_left_early_is_on_record_as_far_as_it_was_read(home: Path) -> None:
    piece = '{"model":"m","choices":[{"index":0,"delta":{"content":"Up"}}]}'
    body = "".join(f"data: {each}\n\n" for each in [piece] * 5_000).encode()
    with (
        model_server() as model,
        tapetrail.recorder(home, agent="leaves") as recorder,
        openai.OpenAI(base_url=f"{model.url}/v1", api_key="sk-of-tests", max_retries=0) as client,
    ):
        model.script = [Answer(headers={"content-type": "text/event-stream"}, body=body)]
        with recorder.watch(client), recorder.execution() as run, run.decision("AAA") as decision:
            with decision.analysis("reads") as analysis:
                stream = client.chat.completions.create(model="m", messages=ASKED, stream=True)
                assert next(iter(stream)).choices[0].delta.content == "Up"
                stream.close()
                analysis.answer(text="Up, as far as I read")
            decision.log_signal("buy")
    with tapetrail.open_record(home) as record:
        (attempt,) = record.analyses.attempts(1)
        reply = record.analyses.reply(1, attempt_no=1)
    assert body.startswith(reply)
    assert attempt.error_kind is not None
