"""What an e-mail address looks like: asked before any mail library sees one, so that none can smuggle a header in."""

import re
from typing import Final

MAILBOX_MOST: Final = 254
"""RFC 5321 allows a path of 256 characters, its angle brackets included (section 4.5.3.1.3)."""

# RFC 5321's mailbox, without quoted strings and address literals, which no mail provider gives out.
MAILBOX_FORM: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}\Z"
)


def is_mailbox(text: str) -> bool:
    """Return whether `text` is an address, and nothing beside it."""
    return len(text) <= MAILBOX_MOST and MAILBOX_FORM.match(text) is not None
