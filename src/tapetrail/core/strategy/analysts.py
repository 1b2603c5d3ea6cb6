"""Who answers for a strategy: analysts by name, or with how they are asked.

An analyst is a word, or a mapping where more is to be said. In the stored form one that only has a
name is a word again, so that strategies keep the form they are written in.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, cast

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
    model_validator,
)

from tapetrail.core.strategy.parts import ExactDecimal, Part, Switch, Usd, Whole, Word

FALLBACKS_MAX: Final = 5
SAMPLES_MAX: Final = 20
OUTPUT_TOKENS_MAX: Final = 1_000_000
MAX_OUTPUT_TOKENS: Final = 16_384
"""Thinking counts in it, so that a tight maximum leaves no room for the answer."""
TIMEOUT_S_MAX: Final = 3_600
SEED_END: Final = 2**31
_USD_RULE: Final = "US dollars a million tokens"
_SWITCH_RULE: Final = "true or false"
EACH: Final = {"chart": None, "consolidated": None}.keys()


class Tier(StrEnum):
    """How a request is served, and at which price; each provider has a word of its own for it."""

    STANDARD = "standard"
    FLEX = "flex"
    PRIORITY = "priority"


Fit: TypeAlias = Literal["fit", "native"]
Address: TypeAlias = Annotated[str, StringConstraints(pattern=r"^https?://[\x21-\x7e]{1,300}$")]
Variable: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
Effort: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,20}$")]


class ModelParams(Part):
    """What a model is asked with; only what is set is sent, and the maximum always."""

    max_output_tokens: Annotated[Whole, Field(ge=1, le=OUTPUT_TOKENS_MAX)] = Field(
        default=MAX_OUTPUT_TOKENS, description=f"a whole number from 1 to {OUTPUT_TOKENS_MAX}"
    )
    temperature: Annotated[ExactDecimal, Field(ge=0, le=2)] | None = Field(
        default=None, description="a number from 0 to 2"
    )
    top_p: Annotated[ExactDecimal, Field(gt=0, le=1)] | None = Field(
        default=None, description="a number above 0, at most 1"
    )
    seed: Annotated[Whole, Field(ge=0, lt=SEED_END)] | None = Field(
        default=None, description="a whole number from 0"
    )
    reasoning_effort: Effort | None = Field(
        default=None, description="the provider's word, such as low or high"
    )

    @property
    def stated(self) -> dict[str, int | Decimal | str]:
        """What is set, by name."""
        found = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value for name, value in found if value is not None}


class StatedPrice(Part):
    """What a model costs, where its user knows better than any table; caches cost as input does."""

    input: Usd = Field(description=_USD_RULE)
    output: Usd = Field(description=_USD_RULE)
    cached_read: Usd | None = Field(default=None, description=_USD_RULE)
    cache_write: Usd | None = Field(default=None, description=_USD_RULE)


class AnalystSpec(Part):
    """One analyst, and how it is asked; without anything but a name, as it comes.

    `label` is `as` in a file: the name under which its answers are kept.
    """

    analyst: Word = Field(description="the name of an analyst")
    label: Word | None = Field(default=None, alias="as", description="a name of one's own for it")
    base_url: Address | None = Field(
        default=None, description="an address, such as http://127.0.0.1:11434/v1"
    )
    key_env: Variable | None = Field(
        default=None, description="the name of an environment variable, never a key"
    )
    params: ModelParams = Field(
        default=ModelParams(), description="a mapping of what a model is asked with"
    )
    price: StatedPrice | None = Field(
        default=None, description="a mapping of input and output, US dollars a million tokens"
    )
    timeout_s: Annotated[Whole, Field(ge=1, le=TIMEOUT_S_MAX)] | None = Field(
        default=None, description=f"a whole number of seconds from 1 to {TIMEOUT_S_MAX}"
    )
    tier: Tier | None = Field(default=None, description=" or ".join(Tier))
    image: Switch = Field(default=True, description=_SWITCH_RULE)
    images: Switch = Field(default=True, description=_SWITCH_RULE)
    numbers: Switch = Field(default=True, description=_SWITCH_RULE)
    image_fit: Fit = Field(default="fit", description="fit or native")
    by_schema: Switch = Field(default=True, alias="schema", description=_SWITCH_RULE)

    @model_validator(mode="before")
    @classmethod
    def _take_a_bare_name(cls, value: object) -> object:
        return {"analyst": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_shown(self) -> Self:
        if self.numbers:
            return self
        for name in ("image", "images"):
            if not getattr(self, name):
                raise ValueError(f"{name} false and numbers false show nothing; leave one true")
        return self

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> str | dict[str, Any]:
        if not self.options:
            return self.analyst
        found = cast("dict[str, Any]", write(self))
        return {_key(type(self), name): value for name, value in found.items()}

    @property
    def name(self) -> str:
        """The name under which its answers are kept."""
        return self.label or self.analyst

    @property
    def family(self) -> str:
        """The word before the colon."""
        return self.analyst.partition(":")[0]

    @property
    def options(self) -> tuple[str, ...]:
        """What is said of it beside its name, by the keys of a file."""
        fields = type(self).model_fields
        stated = (n for n, f in fields.items() if n != "analyst" and getattr(self, n) != f.default)
        return tuple(_key(type(self), name) for name in stated)


class AnalystNames(Part):
    """Who answers about each chart, and who about all of them; several fall back in their order."""

    chart: tuple[AnalystSpec, ...] = Field(description="an analyst, or a list of them")
    consolidated: tuple[AnalystSpec, ...] = Field(description="an analyst, or a list of them")

    @classmethod
    def named(cls, *names: str) -> "AnalystNames":
        """Return these for every question."""
        specs = tuple(AnalystSpec(analyst=name) for name in names)
        return cls(chart=specs, consolidated=specs)

    @model_validator(mode="before")
    @classmethod
    def _take_one_for_all(cls, value: Any) -> Any:
        return value if _says_each(value) else dict[str, Any].fromkeys(EACH, value)

    @field_validator("chart", "consolidated", mode="before")
    @classmethod
    def _take_one(cls, value: object) -> object:
        return cast("object", value) if isinstance(value, list | tuple) else [value]

    @field_validator("chart", "consolidated")
    @classmethod
    def _check_count(cls, specs: tuple[AnalystSpec, ...]) -> tuple[AnalystSpec, ...]:
        if not 1 <= len(specs) <= FALLBACKS_MAX:
            raise ValueError(f"expected 1 to {FALLBACKS_MAX} analysts, found {len(specs)}")
        return specs

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> Any:
        found = cast("dict[str, list[Any]]", write(self))
        each = {kind: specs[0] if len(specs) == 1 else specs for kind, specs in found.items()}
        return each["chart"] if self.chart == self.consolidated else each

    @property
    def every(self) -> tuple[AnalystSpec, ...]:
        """Each of them once, in the order in which they are asked."""
        return tuple(dict.fromkeys((*self.chart, *self.consolidated)))


def _key(part: type[Part], name: str) -> str:
    """Return how a field is called in a file."""
    return part.model_fields[name].alias or name


def _says_each(value: object) -> bool:
    """Return whether the kinds of question are told apart."""
    if isinstance(value, Mapping):
        return bool(EACH & cast("Mapping[str, object]", value).keys())
    return isinstance(value, AnalystNames)
