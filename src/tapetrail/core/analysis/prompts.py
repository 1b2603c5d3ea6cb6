"""Prompt templates: a question in words, rendered from plain values in a closed sandbox.

A body has two blocks. `system` is the same for every symbol of a strategy, so that providers can
cache it; `question` is what changes. Templates see dictionaries, lists, texts and flags, never a
Python object, by the names in `SYSTEM_NAMES` and `QUESTION_NAMES`. There is nothing to call, to
compute or to include, and what a value says is never read as a template.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias, cast

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tapetrail.core.canonical import Digest, digest_text
from tapetrail.core.errors import ErrorKind, InvalidInput

Value: TypeAlias = "str | bool | Sequence[Value] | Mapping[str, Value] | None"
Context: TypeAlias = Mapping[str, Value]

BODY_CHARS_MAX: Final = 50_000
COMPILED_MAX: Final = 64
"""Bodies that are kept as what renders them."""
SYSTEM: Final = "system"
QUESTION: Final = "question"
SYSTEM_NAMES: Final = frozenset({"strategy", "schema"})
QUESTION_NAMES: Final = frozenset(
    {"strategy", "instrument", "as_of", "charts", "missing_charts", "image", "numbers"}
)
FILTERS: Final = ("join", "length")
TESTS: Final = ("none",)
LOOP: Final = ("index", "first", "last")
_NAMES: Final = {SYSTEM: SYSTEM_NAMES, QUESTION: QUESTION_NAMES}


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 with everything taken out but texts, conditions, loops and a few filters."""

    intercepted_binops: frozenset[str] = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
        )
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in FILTERS}
        self.tests = {name: self.tests[name] for name in TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a member of a mapping, or where a loop is; no object has attributes here."""
        if isinstance(obj, LoopContext) and attribute in LOOP:
            return super().getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return a member of a mapping or of a list."""
        if isinstance(obj, Mapping | list | tuple):
            with suppress(LookupError, TypeError):
                return cast("Any", obj)[argument]
        return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: PLR0917 # as Jinja2 has it
        """Raise: a prompt states numbers, it computes none."""
        del context, left, right
        raise SecurityError(f"operator {operator}: nothing is computed in a prompt")


_SANDBOX: Final = _Sandbox()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a model is told: `system` first, which is the same for every symbol, then `question`."""

    system: str
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplate:
    """One version of a prompt. Its body never changes; another body is another version."""

    name: str
    version: int
    body: str

    def __post_init__(self) -> None:
        """Raise `InvalidInput` (`bad_prompt`) with the line that breaks which rule."""
        if self.version < 1:
            raise self._bad(f"version {self.version}, expected 1 or more")
        if len(self.body) > BODY_CHARS_MAX:
            raise self._bad(f"{len(self.body)} characters, expected at most {BODY_CHARS_MAX}")
        self._put(lambda: _compiled(self.body))

    @property
    def body_digest(self) -> Digest:
        """The digest of the body, UTF-8."""
        return digest_text(self.body)

    def render(self, context: Context) -> Prompt:
        """Return the prompt for a question.

        Raises `InvalidInput` (`bad_prompt`) for a name that the context does not have.
        """
        template = self._put(lambda: _compiled(self.body))

        def block(name: str) -> str:
            held = {key: value for key, value in context.items() if key in _NAMES[name]}
            return "".join(template.blocks[name](template.new_context(held))).strip()

        return self._put(lambda: Prompt(system=block(SYSTEM), question=block(QUESTION)))

    def _put(self, work: "Callable[[], Any]") -> Any:
        """Return what `work` returns; what Jinja2 refuses is a bad prompt."""
        try:
            return work()
        except TemplateSyntaxError as error:
            raise self._bad(f"line {error.lineno}: {error.message}") from error
        except TemplateError as error:
            raise self._bad(str(error.message)) from error

    def _bad(self, reason: str) -> InvalidInput:
        return InvalidInput(
            f"prompt {self.name} version {self.version}: {reason}", kind=ErrorKind.BAD_PROMPT
        )


@lru_cache(maxsize=COMPILED_MAX)
def _compiled(body: str) -> Template:
    """Return what renders a body, which takes some 15 ms to make and never changes.

    Raises `TemplateError` where it breaks a rule.
    """
    _check(_SANDBOX.parse(body))
    return _SANDBOX.from_string(body)


def _check(body: nodes.Template) -> None:
    """Raise for anything but the two blocks, each with its own names."""
    blocks: dict[str, nodes.Block] = {}
    for node in body.body:
        if isinstance(node, nodes.Block) and node.name in _NAMES and node.name not in blocks:
            blocks[node.name] = node
        elif not _is_space(node):
            raise TemplateError(f"line {node.lineno}: expected the blocks {' and '.join(_NAMES)}")
    if set(blocks) != set(_NAMES):
        raise TemplateError(f"expected the blocks {' and '.join(_NAMES)}, each once")
    for name, block in blocks.items():
        _check_names(name, block)
    for call in body.find_all((nodes.Call, nodes.FromImport, nodes.Import, nodes.Include)):
        raise TemplateError(f"line {call.lineno}: nothing can be called or included")


def _check_names(name: str, block: nodes.Block) -> None:
    alone = nodes.Template(block.body, lineno=block.lineno)
    alone.set_environment(_SANDBOX)
    unknown = sorted(meta.find_undeclared_variables(alone) - _NAMES[name])
    if unknown:
        raise TemplateError(
            f"block {name}: {', '.join(unknown)}; known there: {', '.join(sorted(_NAMES[name]))}"
        )


def _is_space(node: nodes.Node) -> bool:
    if not isinstance(node, nodes.Output):
        return False
    return all(
        isinstance(part, nodes.TemplateData) and not part.data.strip()
        for part in cast("list[nodes.Node]", node.nodes)
    )
