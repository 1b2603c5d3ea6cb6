"""The part of LangGraph that our example uses; its own types are unknown in parts."""

from collections.abc import Callable, Iterator
from typing import Final, Generic, Literal, TypeVar

_State = TypeVar("_State")

START: Final[str]
END: Final[str]

class CompiledStateGraph(Generic[_State]):
    def stream(self, input: _State, *, stream_mode: Literal["values"]) -> Iterator[_State]: ...

class StateGraph(Generic[_State]):
    def __init__(self, state_schema: type[_State]) -> None: ...
    def add_node(self, node: str, action: Callable[[_State], _State]) -> None: ...
    def add_edge(self, start_key: str, end_key: str) -> None: ...
    def compile(self) -> CompiledStateGraph[_State]: ...
