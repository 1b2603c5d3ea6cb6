"""What operations take and give, as OpenAPI says it: made from the declarations of `listing`."""

import types
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Union, get_args, get_origin

from tapetrail.api.problems import KINDS, MEDIA_TYPE
from tapetrail.listing import ListSpec
from tapetrail.listing.spec import Filter, Numbered
from tapetrail.wire import LIMIT_DEFAULT, LIMIT_MAX

Schema = dict[str, Any]

_SCALARS: Final[Mapping[object, Schema]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Decimal: {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
}
ALWAYS: Final = ("unauthenticated", "missing-scope", "foreign-host", "defect", "store-unavailable")
"""Problems that every operation may have."""


def schema_of(hint: object) -> Schema:
    """Return the JSON schema of a type of a row's field."""
    if get_origin(hint) in {Union, types.UnionType}:
        parts = [schema_of(part) for part in get_args(hint) if part is not type(None)]
        return {"anyOf": [*parts, {"type": "null"}]}
    found = [each for kind, each in _SCALARS.items() if kind is hint]
    return dict(found[0]) if found else {}


def row_schema(row: type) -> Schema:
    """Return the JSON schema of a row of a list: every column is there, in every row."""
    properties = {each.name: schema_of(each.type) for each in fields(row)}
    return {"type": "object", "properties": properties, "required": [*properties]}


def list_operation(listed: ListSpec[Numbered]) -> Schema:
    """Return what is said of a list: its parameters, its page, its problems."""
    page = {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": row_schema(listed.row)},
            "next_cursor": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "has_more": {"type": "boolean"},
            "count": {"type": "integer", "description": "With `count=true` alone."},
        },
        "required": ["data", "next_cursor", "has_more"],
    }
    return {
        "parameters": [
            *filter_parameters(listed),
            _query("limit", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX},
                   f"Rows at most; {LIMIT_DEFAULT} if not."),
            _query("cursor", {"type": "string"},
                   "Continue where a list with the same filters ended: its `next_cursor`."),
            _query("count", {"type": "boolean"}, "Also say how many rows there are."),
        ],
        "responses": {
            "200": answer("A page of the list.", page),
            **problems("invalid-cursor", "invalid-parameters"),
        },
    }  # fmt: skip


def filter_parameters(listed: ListSpec[Numbered]) -> list[Schema]:
    """Return the filters of a list as parameters."""
    return [_parameter(known) for known in listed.filters]


def detail_operation(listed: ListSpec[Numbered]) -> Schema:
    """Return what is said of one row: its number, its columns, its problems."""
    shown = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    return {
        "parameters": [number_parameter(f"The id of the {listed.singular}.")],
        "responses": {
            "200": answer("Every column of the row, and the rows that hang on it.", shown),
            "304": {"description": "It is what the client has, by `If-None-Match`."},
            **problems("not-found", "invalid-parameters"),
        },
    }


def number_parameter(said: str) -> Schema:
    """Return the parameter that is a row's number in the path."""
    schema = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
    return {
        "name": "number", "in": "path", "required": True, "schema": schema, "description": said,
    }  # fmt: skip


def answer(said: str, schema: Schema) -> Schema:
    """Return a response with a JSON body."""
    return {"description": said, "content": {"application/json": {"schema": schema}}}


def problems(*names: str) -> Schema:
    """Return the responses of these problems and of those that are everywhere, by status."""
    found: dict[str, list[str]] = {}
    for name in (*names, *ALWAYS):
        found.setdefault(str(KINDS[name].status), []).append(name)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": "; ".join(f"`{name}`: {KINDS[name].title}" for name in kinds),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status, kinds in found.items()
    }


def _parameter(known: Filter) -> Schema:
    """Return a filter as a parameter; given several times, it means one or the other."""
    schema: Schema = {"type": "string"}
    if not known.is_bound:
        schema = {"type": "array", "items": schema}
    return _query(known.name, schema, known.help)


def _query(name: str, schema: Schema, said: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": said}


PROBLEM: Final[Schema] = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "message": {"type": "string"}},
                "required": ["pointer", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
}


def component_schemas() -> Mapping[str, Schema]:
    """Return the schemas that operations refer to by name."""
    return {"Problem": PROBLEM}
