"""Keys: how they are written, what is kept of them, and what their holders may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetrail.core.access_keys import AccessKey, Caller, Scope, is_key_name, parse_key
from tapetrail.core.canonical import digest_text

HEX = "0123456789abcdef"


@given(st.text(HEX, min_size=12, max_size=12), st.text(HEX, min_size=64, max_size=64))
def test_a_key_is_read_back_as_it_was_made(name: str, secret: str) -> None:
    key = AccessKey(name=name, secret=secret)
    assert parse_key(key.text) == key
    assert key.digest == digest_text(secret)
    assert key.text.startswith("ttk_")


@pytest.mark.parametrize(
    "text",
    ["", "ttk_", "ttk_0123456789ab_" + "0" * 63, "ttk_0123456789AB_" + "0" * 64,
     "ttk_0123456789ab_" + "0" * 64 + "\n", " ttk_0123456789ab_" + "0" * 64],
)  # fmt: skip
def test_what_is_no_key_is_none(text: str) -> None:
    assert parse_key(text) is None


@pytest.mark.parametrize("text", ["", "0123456789a", "0123456789AB", "0123456789ab\n", "é" * 12])
def test_what_names_no_key_is_not_looked_up(text: str) -> None:
    assert is_key_name("0123456789ab")
    assert not is_key_name(text)


def test_a_caller_may_what_is_said_and_the_owner_alone_is_believed() -> None:
    key = Caller(name="key 1 (x)", key_name="0" * 12, scopes=frozenset({Scope.WRITE}))
    assert key.may(Scope.WRITE)
    assert not key.may(Scope.READ)
    assert key.speaks_for("ann") == "ann by key 1 (x)"
    owner = Caller(name="bob", key_name="0" * 12, scopes=frozenset(Scope), is_owner=True)
    assert owner.speaks_for("ann") == "ann"
