"""How fast work goes is said of what was seen done, on a terminal as in lines."""

from tapetrail.progress import Pace


def test_what_was_done_before_does_not_count_and_other_work_begins_anew() -> None:
    now = 100.0

    def clock() -> float:
        return now

    pace = Pace(clock)
    assert pace.begins(60, 100)
    assert (pace.rate(60), pace.text(60, 100)) == (0.0, "just begun")
    now = 105.0
    assert not pace.begins(70, 100)
    assert (pace.rate(70), pace.text(70, 100)) == (2.0, "2.0/s, 15 s left")
    now = 110.0
    assert pace.begins(4, 8)
    assert pace.text(4, 8) == "just begun"
    now = 111.0
    assert pace.text(5, 8) == "1.0/s, 3 s left"
