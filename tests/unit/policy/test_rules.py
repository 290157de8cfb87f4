"""Every limit of input, from both sides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova.platform.errors import InvalidArgument
from nova.policy import rules


def test_q10_a_caption_has_2000_characters_in_any_script() -> None:
    for character in ("a", "字", "é", "😀"):
        assert len(rules.caption(character * 2000)) == 2000
        with pytest.raises(InvalidArgument, match="2001") as refusal:
            rules.caption(character * 2001)
        assert refusal.value.field == "caption"


def test_q10_a_character_is_a_code_point_after_nfc() -> None:
    decomposed = "e\u0301" * 2000
    assert rules.caption(decomposed) == "\u00e9" * 2000


@pytest.mark.parametrize("hidden", ["\x00", "\x1b", "\u202e", "\u2066", "\x85"])
def test_q10_hidden_characters_are_refused(hidden: str) -> None:
    with pytest.raises(InvalidArgument):
        rules.caption(f"a{hidden}b")


def test_a_caption_may_have_lines_and_a_name_may_not() -> None:
    assert rules.caption("one\r\ntwo\tthree") == "one\ntwo\tthree"
    with pytest.raises(InvalidArgument):
        rules.display_name("one\ntwo")


def test_thirty_tags_pass_and_thirty_one_do_not() -> None:
    assert len(rules.tags([f"tag_{number}" for number in range(30)])) == 30
    with pytest.raises(InvalidArgument, match="31"):
        rules.tags([f"tag_{number}" for number in range(31)])


@pytest.mark.parametrize("tag", ["with-dash", "line\n", "\nline", "", "naïve", "字", "a b", "a" * 101])
def test_a_tag_is_letters_digits_and_underscores(tag: str) -> None:
    with pytest.raises(InvalidArgument):
        rules.tags([tag])


def test_a_tag_counts_once() -> None:
    assert rules.tags(["b", "a", "b"]) == ("b", "a")


def test_ten_urls_pass_and_eleven_do_not() -> None:
    assert len(rules.media_urls(["https://example.org/a.jpg"] * 10)) == 10
    with pytest.raises(InvalidArgument, match="11"):
        rules.media_urls(["https://example.org/a.jpg"] * 11)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,x", "https://", "//example.org/a", "https://a b/", "ftp://example.org/a",
        "https://user:pass@example.org/", "/media/../secret", "/etc/passwd", "https://[::1", "https://example.org/\n",
        "https://example.org:99999/", "https://example.org\\@evil.example/",
        "https://example.org/" + 2048 * "a",
        "//media/a", "/media/a b", "https://example.org/\u202e",
    ],
)  # fmt: skip
def test_a_url_that_is_not_one_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument):
        rules.media_url(url)


@pytest.mark.parametrize(
    "url", ["https://example.org/a.jpg?x=1", "http://127.0.0.1:8080/a", "/media/world/a.webp"]
)
def test_a_url_is_kept_as_it_is(url: str) -> None:
    assert rules.media_url(url) == url


@pytest.mark.parametrize("handle", ["ab", "a" * 31, "with-dash", "áda", "Ⅷada", "ada\n", "a da", ""])
def test_q10_a_handle_looks_like_no_other(handle: str) -> None:
    with pytest.raises(InvalidArgument):
        rules.handle(handle)


def test_a_handle_is_kept_in_lower_case() -> None:
    assert rules.handle("Ada_99") == "ada_99"


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "ada@",
        "@example.org",
        "ada@example",
        "a@b@c.org",
        "ada@example.org\nBcc: x",
        "a" * 250 + "@x.org",
    ],
)
def test_n1_an_address_that_is_not_one_is_refused(address: str) -> None:
    with pytest.raises(InvalidArgument):
        rules.email(address)


def test_passwords_have_8_to_128_characters() -> None:
    assert rules.password("a" * 8) == "a" * 8
    assert rules.password("a" * 128) == "a" * 128
    for wrong in ("a" * 7, "a" * 129):
        with pytest.raises(InvalidArgument):
            rules.password(wrong)


@given(st.text())
def test_no_text_breaks_a_rule_without_saying_so(value: str) -> None:
    for rule in (rules.caption, rules.comment, rules.display_name, rules.bio, rules.handle, rules.email):
        try:
            kept = rule(value)
        except InvalidArgument:
            continue
        assert rule(kept) == kept


def test_people_are_chosen_for_that_audience_and_no_other() -> None:
    assert rules.chosen(["a", "b", "a"], wanted=True) == ("a", "b")
    assert rules.chosen([], wanted=False) == ()
    assert len(rules.chosen(range(rules.CHOSEN_MOST), wanted=True)) == rules.CHOSEN_MOST
    for people, wanted in (([], True), (["a"], False), (range(rules.CHOSEN_MOST + 1), True)):
        with pytest.raises(InvalidArgument) as caught:
            rules.chosen(people, wanted=wanted)
        assert caught.value.field == "audience_user_ids"
