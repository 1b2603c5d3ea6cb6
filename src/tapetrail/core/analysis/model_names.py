"""Names of models as providers write them: a name, and behind it perhaps the date of a snapshot."""

import re
from typing import Final

_SNAPSHOT: Final = re.compile(r"[-@](?:[0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})")


def is_model(text: str, name: str) -> bool:
    """Return whether `text` names this model or a dated snapshot of it, and no other version."""
    rest = text.removeprefix(name) if text.startswith(name) else None
    return rest is not None and (rest == "" or _SNAPSHOT.fullmatch(rest) is not None)
