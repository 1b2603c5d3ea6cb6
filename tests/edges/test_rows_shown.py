"""A row of the record where somebody looks at it: what is loaded, cut, and no markup."""

from decimal import Decimal

from tapetrail.models import TradingSignal


def test_a_row_shows_what_is_loaded_of_it_and_cuts_long_texts() -> None:
    row = TradingSignal(id=3, symbol="AAPL", confidence=Decimal("0.62"), reasoning="x" * 100)
    assert repr(row) == (
        f"TradingSignal(id=3, symbol='AAPL', confidence=0.62, reasoning='{'x' * 56}...)"
    )


def test_a_row_in_a_notebook_is_a_table_in_which_text_of_others_stays_text() -> None:
    row = TradingSignal(id=3, reasoning="<script>alert(1)</script>")
    shown = row._repr_html_()  # notebooks call it  # pyright: ignore[reportPrivateUsage]
    assert shown.startswith("<table><caption>TradingSignal</caption>")
    assert "<tr><th>id</th><td>3</td></tr>" in shown
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown
