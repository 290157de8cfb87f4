"""Rules of input: one definition, enforced at the gateway and again in the room.

A character is a Unicode code point after NFC normalisation, as PostgreSQL's `char_length` counts it. Each
function returns the value to keep and raises `InvalidArgument` with the field and what to do.
"""

import re
import unicodedata
from collections.abc import Hashable, Sequence
from typing import Final, TypeVar
from urllib.parse import urlsplit

from nova.platform.errors import InvalidArgument
from nova.platform.mail.address import MAILBOX_MOST, is_mailbox
from nova.policy import words

P = TypeVar("P", bound=Hashable)

CAPTION_MOST: Final = 2000
COMMENT_MOST: Final = 1000
SHARE_TEXT_MOST: Final = 500
BIO_MOST: Final = 500
DISPLAY_NAME_MOST: Final = 50
MEDIA_MOST: Final = 10
TAGS_MOST: Final = 30
TAG_LENGTH_MOST: Final = 100
URL_MOST: Final = 2048
ALT_TEXT_MOST: Final = 1000
PASSWORD_LEAST: Final = 8
PASSWORD_MOST: Final = 128
EMAIL_MOST: Final = MAILBOX_MOST
CHOSEN_MOST: Final = 500
MUTED_WORD_MOST: Final = 100
MUTED_WORDS_MOST: Final = 200
"""How many words one person may mute."""
# RFC 5646 allows longer tags; 35 characters hold every one of its examples (section 4.4.1).
LANGUAGE_MOST: Final = 35

# \Z, not $: a dollar would also match before a final newline.
_TAG: Final = re.compile(r"[a-zA-Z0-9_]+\Z")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*\Z")
_HANDLE: Final = re.compile(r"[a-z0-9_]{3,30}\Z")
# Overrides and isolates of direction make a text read as something that it is not (UTS 39).
_BIDI_CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_CONTROLS: Final = frozenset("\n\t")


def text(value: str, *, field: str, most: int, least: int = 0, lines: bool = True) -> str:
    """Return `value` normalised to NFC, with `least` to `most` characters and no hidden ones."""
    kept = unicodedata.normalize("NFC", value)
    if lines:
        kept = kept.replace("\r\n", "\n")
    if len(kept) > most:
        raise InvalidArgument(f"{field} has {len(kept)} characters: at most {most}.", field=field)
    for character in kept:
        category = unicodedata.category(character)
        if category in {"Cc", "Cs"} and not (lines and character in _LINE_CONTROLS):
            raise InvalidArgument(f"{field} contains a control character: remove it.", field=field)
        if character in _BIDI_CONTROLS:
            raise InvalidArgument(f"{field} contains a text-direction control: remove it.", field=field)
    if len(kept.strip()) < least:
        raise InvalidArgument(f"{field} needs at least {least} characters that can be seen.", field=field)
    return kept


def caption(value: str) -> str:
    """Return the caption of a post or story: at most 2000 characters."""
    return text(value, field="caption", most=CAPTION_MOST)


def comment(value: str) -> str:
    """Return the text of a comment: 1 to 1000 characters."""
    return text(value, field="text", most=COMMENT_MOST, least=1)


def display_name(value: str) -> str:
    """Return a display name: 1 to 50 characters on one line."""
    return text(value.strip(), field="display_name", most=DISPLAY_NAME_MOST, least=1, lines=False)


def bio(value: str) -> str:
    """Return a bio: at most 500 characters."""
    return text(value, field="bio", most=BIO_MOST)


def tags(values: Sequence[str]) -> tuple[str, ...]:
    """Return the tags of a post, each once: at most 30, each `^[a-zA-Z0-9_]+$`."""
    if len(values) > TAGS_MOST:
        raise InvalidArgument(f"tags has {len(values)} entries: at most {TAGS_MOST}.", field="tags")
    for value in values:
        if len(value) > TAG_LENGTH_MOST or not _TAG.match(value):
            raise InvalidArgument(
                f"tags: each is 1 to {TAG_LENGTH_MOST} letters a-z, digits and underscores.", field="tags"
            )
    return tuple(dict.fromkeys(values))


def muted_word(value: str, *, field: str = "word") -> str:
    """Return a word, phrase or hashtag to mute, as `words` compares it: 1 to 100 characters of that form."""
    return text(words.word_of(value), field=field, most=MUTED_WORD_MOST, least=1, lines=False)


def media_urls(values: Sequence[str], *, field: str = "media_urls") -> tuple[str, ...]:
    """Return the media URLs of a post: at most 10."""
    if len(values) > MEDIA_MOST:
        raise InvalidArgument(f"{field} has {len(values)} entries: at most {MEDIA_MOST}.", field=field)
    return tuple(media_url(value, field=field) for value in values)


def chosen(people: Sequence[P], *, wanted: bool, field: str = "audience_user_ids") -> tuple[P, ...]:
    """Return whom an author chose, each once: 1 to 500 people where that is the audience (`wanted`), else nobody."""
    distinct = tuple(dict.fromkeys(people))
    if wanted != bool(distinct):
        raise InvalidArgument("Name people for an audience of chosen ones, and for no other.", field=field)
    if len(distinct) > CHOSEN_MOST:
        raise InvalidArgument(f"{field} has {len(distinct)} people: at most {CHOSEN_MOST}.", field=field)
    return distinct


def media_url(value: str, *, field: str = "media_url") -> str:
    """Return an http or https URL without credentials, or a path under /media/."""
    refusal = InvalidArgument(
        f"{field}: an http or https URL of at most {URL_MOST} characters, or a path under /media/.",
        field=field,
    )
    if len(value) > URL_MOST or not value.isprintable() or " " in value or "\\" in value:
        raise refusal
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise refusal from None
    if value.startswith("/media/") and ".." not in value.split("/") and not parts.netloc:
        return value
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise refusal
    return value


def handle(value: str) -> str:
    """Return a handle in lower case: 3 to 30 of a-z, 0-9 and _, so that none looks like another."""
    kept = value.lower() if value.isascii() else value
    if not _HANDLE.match(kept):
        raise InvalidArgument("handle: 3 to 30 letters a-z, digits and underscores.", field="handle")
    return kept


def language(value: str) -> str:
    """Return a well-formed language tag (BCP 47), such as `en` or `zh-Hant-TW`."""
    if len(value) > LANGUAGE_MOST or not _LANGUAGE.match(value):
        raise InvalidArgument("language: a BCP 47 tag such as en or zh-Hant-TW.", field="language")
    return value


def email(value: str) -> str:
    """Return an e-mail address in lower case."""
    kept = value.strip()
    if not is_mailbox(kept):
        raise InvalidArgument("email: not an e-mail address.", field="email")
    return kept.lower()


def password(value: str, *, field: str = "password") -> str:
    """Return a password in NFKC (NIST SP 800-63B, 3.1.1.2): 8 to 128 characters."""
    kept = unicodedata.normalize("NFKC", value)
    if not PASSWORD_LEAST <= len(kept) <= PASSWORD_MOST:
        raise InvalidArgument(f"{field}: {PASSWORD_LEAST} to {PASSWORD_MOST} characters.", field=field)
    if any(unicodedata.category(character) == "Cs" for character in kept):
        raise InvalidArgument(f"{field} is not valid text.", field=field)
    return kept
