"""What a start tells the person who waits."""

import io

from nova.app.progress import Lines, OneLine


def test_lines_say_what_is_done() -> None:
    out = io.StringIO()
    lines = Lines(out)
    lines.step("Making a world")
    for done in (1000, 2000, 2500):
        lines.count("posts", done, 2500)
    lines.close()
    assert out.getvalue() == "Making a world …\n  2,500 posts\n"


def test_a_terminal_keeps_one_line_and_wipes_it() -> None:
    out = io.StringIO()
    line = OneLine(out)
    line.count("posts", 1000, 2500)
    line.step("Opening the rooms")
    line.close()
    assert "\n" not in out.getvalue()
    shown = out.getvalue().split("\r\x1b[K")
    assert shown[-2:] == ["Opening the rooms …", ""]
