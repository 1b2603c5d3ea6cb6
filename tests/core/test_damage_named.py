"""What is wrong with stored bytes, and with an execution that cannot say what it was asked for."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest
from tests.core.test_verification import (
    NOON,
    RUN,
    SIGNAL,
    SNAPSHOT,
    WHOLE,
    WHOLE_SEAL,
    changed,
    row,
    whole_checked,
)

from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import digest_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.plans import Every, read_every
from tapetrail.core.records.states import ExecutionStatus
from tapetrail.core.verification.blobs import (
    FoundBlob,
    Lost,
    bytes_fault,
    key_fault,
    named_faults,
    shadow_fault,
    size_fault,
)
from tapetrail.core.verification.faults import Fault, shown
from tapetrail.core.verification.naming import Known, wrong_fields

JPEG: Final = digest_text("jpeg")
BLOB: Final = FoundBlob(
    id=3, digest=JPEG, key=object_key(JPEG), size=4, media_type="text/plain; charset=utf-8"
)


def named(*faults: object) -> list[tuple[str, str | None, str | None]]:
    assert all(isinstance(fault, Fault) for fault in faults)
    return [(f.field, f.recorded, f.found) for f in faults if isinstance(f, Fault)]


def test_a_changed_execution_beside_a_damaged_seal_accuses_no_decision() -> None:
    damaged = replace(
        WHOLE, row=changed(RUN, actor="x"), seal=changed(WHOLE_SEAL, seal_digest="x"), decisions=[]
    )
    assert {(table, field) for table, _, field in whole_checked(damaged)} == {
        ("workflow_executions", "actor"),
        ("execution_seals", "seal_digest"),
    }
    sealed = replace(damaged, seal=WHOLE_SEAL)
    assert ("decisions", None, "row") in whole_checked(sealed)


def test_the_row_of_a_blob_is_what_a_sound_row_says_of_it() -> None:
    chart = row("charts", 8, {"snapshot_id": SNAPSHOT}, jpeg_digest=JPEG,
                image_media_type="image/jpeg", chart_url_jpeg="file:elsewhere")  # fmt: skip
    assert named(*named_faults(chart, {JPEG: BLOB})) == [
        ("media_type", "image/jpeg", BLOB.media_type),
        ("key", "elsewhere", BLOB.key),
    ]
    for source, media_type in (("sample", "text/csv; charset=utf-8"), ("posted", BLOB.media_type)):
        snapshot = row("market_snapshots", 7, {}, raw_digest=JPEG, source=source)
        blob = replace(BLOB, media_type=media_type)
        assert named(*named_faults(snapshot, {JPEG: blob})) == []
    page = row("charts", 8, {"snapshot_id": SNAPSHOT}, html_digest=JPEG)
    assert named(*named_faults(page, {JPEG: BLOB})) == [
        ("media_type", "text/html; charset=utf-8", BLOB.media_type)
    ]


def test_another_row_under_the_key_of_lost_bytes_is_named() -> None:
    page = row("charts", 8, {"snapshot_id": SNAPSHOT}, html_digest=digest_text("page"))
    (lost,) = named_faults(page, {})
    assert isinstance(lost, Lost)
    assert named(lost.fault(BLOB)) == [("digest", digest_text("page"), JPEG)]


def test_bytes_that_are_gone_shorter_or_others_are_named() -> None:
    assert key_fault(BLOB, BLOB.size) is None
    moved = replace(BLOB, key="objects/00/00")
    assert named(key_fault(moved, 4)) == [("digest", "the one in objects/00/00", JPEG)]
    assert named(key_fault(moved, None)) == [("key", BLOB.key, "objects/00/00")]
    assert named(size_fault(BLOB, None)) == [("key", BLOB.key, None)]
    assert named(size_fault(BLOB, 3)) == [("size", "4", "3")]
    assert named(bytes_fault(BLOB, digest_text("x"))) == [("digest", JPEG, digest_text("x"))]


def test_two_changes_of_a_row_are_named_by_what_its_reply_states() -> None:
    stated = {"stop_loss": SIGNAL.columns["stop_loss"], "symbol": "AAPL"}
    broken = changed(SIGNAL, stop_loss=7, symbol="no such")
    known = Known()
    assert {fault.field for fault in wrong_fields(broken, known, stated)} == {"stop_loss", "symbol"}
    beyond = changed(broken, entry_price=9)
    assert {fault.field for fault in wrong_fields(beyond, known, stated)} >= {"record_digest"}


def test_values_and_words_are_shown_as_they_are() -> None:
    assert shown(None) is None
    assert shown(7) == "7"
    assert shown(Decimal("1.50")) == "1.5"
    assert shown(NOON) == "2026-11-20T12:00:00.000000Z"
    assert str(Fault(table="charts", id=1, field="x", recorded="a", found=None)) == (
        "charts 1 x: recorded a, found nothing"
    )


def test_words_of_states_and_steps() -> None:
    assert not ExecutionStatus.STOPPED.has_ended
    assert not ExecutionStatus.RUNNING.has_ended
    assert ExecutionStatus.FAILED.has_ended
    assert read_every("1mo") is Every.MONTH
    with pytest.raises(InvalidInput, match="every '2w': expected one of session, 1w, 1mo"):
        read_every("2w")


def test_an_address_in_a_bucket_names_the_key_of_a_row_whatever_stands_before_it() -> None:
    key, digest = "charts/AAPL/20130301/1d-ab.html", digest_text("page")
    blob = replace(BLOB, digest=digest, key=key, media_type="text/html; charset=utf-8")
    for url in (f"s3://trails/{key}", f"s3://trails/charts/a/b/{key}"):
        page = row("charts", 8, {"snapshot_id": SNAPSHOT}, html_digest=digest, chart_url_html=url)
        assert named(*named_faults(page, {digest: blob})) == []
        assert named(*named_faults(page, {digest: replace(blob, key="objects/a/b")})) == [
            ("key", key, "objects/a/b")
        ]
        (lost,) = named_faults(page, {})
        assert isinstance(lost, Lost)
        assert lost.key == key


def test_what_lies_over_recorded_bytes_is_named_with_the_version_that_has_them() -> None:
    over = bytes_fault(BLOB, digest_text("x"))
    assert over is not None
    assert shadow_fault(BLOB, over, None) is over
    said = f"version 7 has what was recorded; over it lies {digest_text('x')}"
    assert named(shadow_fault(BLOB, over, "7")) == [("digest", JPEG, said)]
    deleted = size_fault(BLOB, None)
    assert deleted is not None
    said = "version 7 has what was recorded; over it lies nothing"
    assert named(shadow_fault(BLOB, deleted, "7")) == [("key", BLOB.key, said)]
