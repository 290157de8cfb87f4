"""What hides secrets in whatever is shown: log lines, `nova config`, the sentence of a bad value."""

import re
from typing import Final

MASK: Final = "***"
_WORDS: Final = r"passw|token|secret|cookie|credential|api_?key|signature|kek"
_SECRET_KEY = re.compile(
    r"passw|token|authoriz|secret|cookie|credential|(api|private|stream)_?key|dsn|(^|_)(otp|kek)($|_)|bearer|signature",
    re.IGNORECASE,
)
# What may stand inside a text. The password of a URL ends at its last `@`: people do not always escape theirs.
_SECRET_TEXT = re.compile(
    r"(bearer\s+)[^\s\"',]+"
    r"|(://[^:/@\s]*:)\S+(?=@)"
    r"|(https?://)[^:/@\s]+(?=@)"  # a user of HTTP without a password is a token
    rf"|([?&]\w*(?:{_WORDS})\w*=)[^&#\s\"']+"
    rf"|(\w*(?:{_WORDS})\w*[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&)}}]+"
    r"|(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:(?=-----END )|\Z)"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*",
    re.IGNORECASE | re.DOTALL,
)


def names_secret(key: str) -> bool:
    """Return whether the value under `key` is a secret by its name."""
    return _SECRET_KEY.search(key) is not None


def masked(text: str) -> str:
    """Return `text` without what looks like a secret: tokens, passwords in URLs, `password=…`, private keys."""
    return _SECRET_TEXT.sub(_keep_prefix, text)


def _keep_prefix(match: re.Match[str]) -> str:
    return "".join(part for part in match.groups() if part) + MASK
