"""Where in a LangGraph a program is, by what LangChain itself keeps of the running step."""

import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final, cast

_MODULE: Final = "langchain_core.runnables.config"
_VARIABLE: Final = "var_child_runnable_config"


def langgraph_place() -> tuple[str, int] | None:
    """Return the node and the step that runs here, None where none does.

    It is a look at what is loaded: nothing is imported, and no LangChain is needed.
    """
    variable = getattr(sys.modules.get(_MODULE), _VARIABLE, None)
    if not isinstance(variable, ContextVar):
        return None
    config = cast("ContextVar[object]", variable).get(None)
    metadata = _member(config, "metadata")
    node, step = _member(metadata, "langgraph_node"), _member(metadata, "langgraph_step")
    return (node, step) if isinstance(node, str) and isinstance(step, int) else None


def _member(found: object, name: str) -> object:
    return cast("Mapping[str, object]", found).get(name) if isinstance(found, Mapping) else None
