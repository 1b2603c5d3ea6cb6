"""Whoever goes on with a decision makes the same requests from the record, or uses no reply."""

import json
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from unittest.mock import Mock

import pytest
from sqlalchemy.orm import Session
from tests.core.test_prompts import STRATEGY, about_one, chart, evidence
from tests.model_server import Answer, Asked, ModelServer, model_server, spoken
from tests.wire_replies import TEXT, chat_of
from tests.workflows.conftest import AS_OF, Home
from tests.workflows.model_answers import good, is_whole
from tests.workflows.test_model_decisions import ANALYSES, LEDGER, blob, environment, priced

from tapetrail.analysts.models.analyst import Models
from tapetrail.analysts.models.bodies import compact
from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import ErrorKind, NotFound
from tapetrail.core.market.timeframes import DAILY
from tapetrail.core.records.base import Stored
from tapetrail.core.records.states import Role
from tapetrail.core.strategy.analysts import AnalystSpec
from tapetrail.http.transport import Transport
from tapetrail.persistence import keep_object
from tapetrail.render.jpeg import render_jpeg
from tapetrail.render.page import render_page
from tapetrail.store import ledger, prompts
from tapetrail.store.ledger import Call, RecordedChart
from tapetrail.store.reads import DecisionTask
from tapetrail.workflows.ask import Asked as Wanted
from tapetrail.workflows.ask import Named, Seat
from tapetrail.workflows.calls import Reader
from tapetrail.workflows.images import Gallery, Images
from tapetrail.workflows.recall import Recalled, Rows, recall

AT: Final = datetime(2012, 8, 31, 21, tzinfo=UTC)
OFTEN_SMALLER: Final = "anthropic:claude-sonnet-4-5"
"""A model that sees pictures smaller than charts are, so that they are drawn again for it."""


@pytest.fixture
def model() -> Generator[ModelServer]:
    with model_server() as made:
        made.answers = good
        yield made


@pytest.mark.service
def test_another_process_asks_and_concludes_by_the_same_requests(
    home: Home, model: ModelServer
) -> None:
    def held(asked: Asked) -> Answer | str:
        text = good(asked)
        if not is_whole(asked):
            return text
        assert isinstance(text, str)
        return Answer(body=spoken(asked, text), is_held=True)

    model.answers = held
    file = home.strategy(symbols="IBM", more=f"analyst: {json.dumps(priced(OFTEN_SMALLER))}")
    with home.started("run", file, "--as-of", AS_OF, **environment(model)) as process:
        model.await_asked(3)
        process.kill()
        process.wait()
    model.release()
    done = home.run("worker", "--until-empty", **environment(model))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(model.asked) == 4
    assert model.asked[2].body == model.asked[3].body
    assert [row["reason"] for row in home.rows(LEDGER)] == ["first", "first", "first", "retry"]
    analyses = home.rows(ANALYSES)
    assert [row["status"] for row in analyses] == ["completed"] * 3
    assert all(row["prompt_text"] for row in analyses)
    assert sorted(blob(home, row["request"]) for row in home.rows(LEDGER)) == sorted(
        asked.body for asked in model.asked
    )
    assert home.run("verify", "--deep").returncode == 0


def made_call(blobs: DirectoryBlobs, asked: Wanted, request: bytes) -> Call:
    body = keep_object(blobs, compact(chat_of(TEXT, "llava")), media_type="application/json")
    return Call(
        attempt=Stored(1, digest_bytes(b"row")), key=asked.key, attempt_no=1, turn_no=1,
        base_url="http://127.0.0.1:1/v1", request_digest=digest_bytes(request), sent_at=AT,
        response_digest=body.digest, media_type=body.media_type, http_status=200,
        provider_request_id=None, error_kind=None, error_message=None, received_at=AT,
    )  # fmt: skip


def test_a_reply_to_another_request_of_a_model_is_not_used(tmp_path: Path) -> None:
    drawn = chart()
    drawn = replace(drawn, image=render_jpeg(render_page(drawn.spec)))
    spec = AnalystSpec(analyst="compatible:llava", base_url="http://127.0.0.1:1/v1")
    with Transport(clock=lambda: AT) as transport:
        analyst = Models({}, transport=transport).open(spec)
    named = Named(name="llava", analyst=analyst)
    seat = Seat(about_one=(named,), about_all=(named,), role=Role.DECIDING)
    asked = Wanted(seat=seat, named=named, question=about_one(drawn))
    blobs = DirectoryBlobs(root=tmp_path / "blobs")
    images = Images(blobs=blobs, gallery=Gallery())
    own = analyst.request(images.question(asked, refused=None))
    heard = Reader.of(blobs, images, asked).hear(made_call(blobs, asked, own.body), None)
    assert (heard.read.text, heard.prompt_text) == (TEXT, own.prompt_text)
    other = Reader.of(blobs, images, asked).hear(made_call(blobs, asked, own.body + b" "), None)
    assert (other.kind, other.read.text, other.prompt_text) == (ErrorKind.DEFECT, None, None)
    assert other.read.error_message is not None
    assert other.read.error_message.startswith("the analyst makes another request")


def test_what_was_prepared_here_is_used_where_its_very_rows_are_on_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drawn = chart()
    row, image = Stored(7, digest_bytes(b"row")), digest_bytes(drawn.image)
    prepared = Recalled(evidence=evidence(drawn), rows=Rows(charts={DAILY: (row, image)}))

    def recalled(found: Stored) -> Recalled:
        known = RecordedChart(
            row=found, timeframe=DAILY, data_points=250, jpeg_digest=image, jpeg_key="none.jpg",
            spec_digest=digest_bytes(b"spec"), bars_digest=digest_bytes(b"bars"), gaps=(),
        )  # fmt: skip
        monkeypatch.setattr(ledger, "recorded_charts", Mock(return_value=[known]))
        monkeypatch.setattr(prompts, "recorded_templates", Mock(return_value={}))
        return recall(
            Mock(Session), Mock(DecisionTask, is_question=False), strategy=STRATEGY,
            blobs=DirectoryBlobs(root=tmp_path / "blobs"), calendar=Mock(), prepared=prepared,
        )  # fmt: skip

    assert recalled(row) is prepared
    for other in (replace(row, id=8), replace(row, digest=digest_bytes(b"another row"))):
        with pytest.raises(NotFound):
            recalled(other)
