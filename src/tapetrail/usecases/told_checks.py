"""What programs tell over a network, held against the bytes that came with it.

A recorder works out what it says of bars and images itself; whoever else tells is not believed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from tapetrail.core.canonical import Digest
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording.entries import BarsLogged, ChartLogged, Entry
from tapetrail.core.recording.images import image_type_of
from tapetrail.core.recording.taken import Content


def check_told(
    entries: Sequence[Entry], contents: Mapping[Digest, Content], *, now: datetime
) -> None:
    """Raise `InvalidInput` for an entry that says something else than its bytes do."""
    for entry in entries:
        match entry:
            case BarsLogged() if (content := contents.get(Digest(entry.content))) is not None:
                said = dict(_of_bars(content.data, now))
                _compare(entry, said, what="bars")
            case ChartLogged() if (content := contents.get(Digest(entry.image))) is not None:
                _compare(entry, {"media_type": image_type_of(content.data)}, what="chart")
            case _:
                pass


def _of_bars(content: bytes, now: datetime) -> Iterator[tuple[str, object]]:
    from tapetrail.sources.posted_bars import reread_bars  # noqa: PLC0415 # numpy, for bars only

    found = reread_bars(content, now=now)
    yield "timeframe", found.timeframe
    yield "adjustment", found.adjustment
    yield "session_first", found.bars.first_on
    yield "session_last", found.bars.last_on
    yield "bar_count", found.bars.bar_count


def _compare(entry: Entry, said: Mapping[str, object], *, what: str) -> None:
    for name, value in said.items():
        if getattr(entry, name) != value:
            rule = f"{what}: {name} is not what the bytes say, which is {value}"
            raise InvalidInput(rule, rule=rule)
