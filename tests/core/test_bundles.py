"""Bundles as they travel: every entry and every byte, and what became of them, read back alike."""

from email import message_from_bytes
from email.message import Message

import pytest
from tests.core.test_recording_entries import BUNDLE

from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.recording.bundles import bundle_body, parse_taken, taken_body
from tapetrail.core.recording.entries import parse_line
from tapetrail.core.recording.taken import Content, KnownSignal, Taken

BODIES = [b"", b"\r\n--x\r\n", bytes(range(256)), b"text"]


def parts_of(body: bytes, boundary: str) -> list[Message]:
    head = f"Content-Type: multipart/form-data; boundary={boundary}\r\n\r\n".encode()
    found = message_from_bytes(head + body)
    assert found.is_multipart()
    return [part for part in found.walk() if not part.is_multipart()]


def test_a_bundle_holds_every_entry_and_its_bytes() -> None:
    contents = {digest_bytes(each): Content(data=each, media_type="a/b") for each in BODIES}
    first, *objects = parts_of(bundle_body(BUNDLE, contents, boundary="x-1"), "x-1")
    assert first.get_content_type() == "application/x-ndjson"
    lines = bytes(first.get_payload(decode=True) or b"").splitlines()
    assert [parse_line(line, place="here") for line in lines] == [*BUNDLE]
    assert [part.get_filename() for part in objects] == [*contents]
    assert {part.get_content_type() for part in objects} == {"a/b"}


def test_what_became_of_entries_is_read_back() -> None:
    digest = Digest("sha256:" + "0" * 64)
    signal = KnownSignal(external_id="s", id=3, record_digest=digest, order_ref="r")
    taken = [
        Taken(external_id="a", table="charts", id=1, record_digest=digest),
        Taken(
            external_id="b", table="decisions", id=2, record_digest=digest, goes_on=True,
            samples={("q", "a"): 2}, signal=signal,
        ),
    ]  # fmt: skip
    assert parse_taken(taken_body(taken)) == taken
    for wrong in (b"", b"{}", b'{"taken":[{}]}', b"<html>"):
        with pytest.raises(ValueError, match="validation error"):
            parse_taken(wrong)
