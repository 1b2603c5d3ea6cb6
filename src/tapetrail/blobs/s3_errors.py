"""What an S3 store says when it does not do what it is asked, by the code in its reply.

The client's own types are not enough: a bucket that is not there is `FileNotFoundError` like an
object that is not, and a wrong key like a right one that may not write. Replies without a body, as
some proxies send them, leave the status.
"""

import re
from enum import StrEnum
from typing import Final

import obstore

from tapetrail.s3_settings import S3Settings

FAILURES: Final = (obstore.exceptions.BaseError, FileNotFoundError)
"""What the client raises for anything that did not succeed."""
_CODE: Final = re.compile(r"<Code>\s*(\w{1,64})\s*</Code>")
_MESSAGE: Final = re.compile(r"<Message>\s*([^<]{1,200})")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_SERVER_TIME: Final = re.compile(r"<ServerTime>\s*([0-9TZ:.+-]{1,40})")
_NO_SUCH_RANGE: Final = "416"
_WHOLE: Final = "non-partial response"
_PASSING_STATUS: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


class Refusal(StrEnum):
    """What a failure means."""

    NO_OBJECT = "no such object"
    NO_BUCKET = "no such bucket"
    NO_CONDITIONS = "no conditional puts"
    WRONG_KEY = "wrong key"
    MAY_NOT = "forbidden"
    CLOCK = "clocks too far apart"
    BUSY = "busy"
    WRONG_REGION = "another region"
    FULL = "no room"
    DAMAGED = "damaged on the way"
    AWAY = "away"
    OTHER = "refused"

    @property
    def passes(self) -> bool:
        """Return whether the same request may succeed in a moment."""
        return self in {Refusal.BUSY, Refusal.AWAY, Refusal.DAMAGED}

    def said(self, error: BaseException, settings: S3Settings) -> str:
        """Return what went wrong and what to do, in a line; no key is in it."""
        if self in {Refusal.AWAY, Refusal.OTHER}:
            return self._reason(error, settings)
        text = str(error)
        code = _found(_CODE, text) or f"status {_found(_STATUS, text)}"
        remedy = _REMEDIES.get(self, "").format(bucket=settings.bucket, region=settings.region)
        if self is Refusal.MAY_NOT and settings.access_key is None:
            remedy = "no key is set; see: tapetrail help environment"
        clock = _found(_SERVER_TIME, text)
        at = f", it is {clock} there" if clock else ""
        message = _found(_MESSAGE, text)
        reason = f" ({message.strip().rstrip('.')})" if message else ""
        return f"{code}{reason}{at}{remedy and f'; {remedy}'}"

    def _reason(self, error: BaseException, settings: S3Settings) -> str:
        line = str(error).partition("\n")[0]
        _, _, reason = line.rpartition(" - ")
        why = reason or line
        return f"{settings.address} does not answer; {why}" if self is Refusal.AWAY else why


_REMEDIES: Final = {
    Refusal.NO_BUCKET: "there is no bucket {bucket}; run: tapetrail blobs create-bucket",
    Refusal.WRONG_KEY: "see the keys in: tapetrail config list --show-origin",
    Refusal.MAY_NOT: (
        "the key needs s3:GetObject and s3:PutObject below its prefix, and s3:ListBucket of"
        " {bucket}: without that one, an object that is not there reads like a forbidden one"
    ),
    Refusal.CLOCK: "set the clock of this host by NTP",
    Refusal.BUSY: "it stayed busy",
    Refusal.WRONG_REGION: "the region is {region}; see s3.region and s3.endpoint",
    Refusal.FULL: "make room there",
    Refusal.DAMAGED: "what arrived there was not what was sent, time and again",
}
_CODES: Final = {
    "NoSuchKey": Refusal.NO_OBJECT,
    "NoSuchVersion": Refusal.NO_OBJECT,
    "NoSuchBucket": Refusal.NO_BUCKET,
    "NotImplemented": Refusal.NO_CONDITIONS,
    "InvalidAccessKeyId": Refusal.WRONG_KEY,
    "SignatureDoesNotMatch": Refusal.WRONG_KEY,
    "InvalidToken": Refusal.WRONG_KEY,
    "ExpiredToken": Refusal.WRONG_KEY,
    "AccessDenied": Refusal.MAY_NOT,
    "RequestTimeTooSkewed": Refusal.CLOCK,
    "SlowDown": Refusal.BUSY,
    "ServiceUnavailable": Refusal.BUSY,
    "InternalError": Refusal.BUSY,
    "RequestTimeout": Refusal.BUSY,
    "OperationAborted": Refusal.BUSY,
    "PermanentRedirect": Refusal.WRONG_REGION,
    "AuthorizationHeaderMalformed": Refusal.WRONG_REGION,
    "QuotaExceeded": Refusal.FULL,
    "XMinioStorageFull": Refusal.FULL,
    "BadDigest": Refusal.DAMAGED,
    "XAmzContentSHA256Mismatch": Refusal.DAMAGED,
}


def refusal_of(error: BaseException) -> Refusal:
    """Return what a failure of the client means."""
    text = str(error)
    if (code := _found(_CODE, text)) is not None:
        return _CODES.get(code, _by_status(text))
    return _by_status(text)


def has_no_part(error: BaseException) -> bool:
    """Return whether a store that was asked for an object's end gave all of it, or has none."""
    return _WHOLE in str(error) or _found(_STATUS, str(error)) == _NO_SUCH_RANGE


def _by_status(text: str) -> Refusal:
    status = _found(_STATUS, text)
    if status is None:
        return Refusal.OTHER if has_no_part(Exception(text)) else Refusal.AWAY
    if int(status) == 404:  # noqa: PLR2004 # not found, as HTTP has it
        return Refusal.NO_OBJECT
    if int(status) == 501:  # noqa: PLR2004 # not implemented
        return Refusal.NO_CONDITIONS
    if int(status) in {401, 403}:
        return Refusal.MAY_NOT
    return Refusal.BUSY if int(status) in _PASSING_STATUS else Refusal.OTHER


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None
