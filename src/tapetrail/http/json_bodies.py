"""Bodies as JSON, whatever came."""

import json
from typing import cast


def load_json(body: bytes) -> object:
    """Return what a body holds as JSON. Raises `ValueError` for no JSON and for too deep a one."""
    try:
        return cast("object", json.loads(body))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
