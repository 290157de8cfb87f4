"""The pages that links in mails lead to, where Nova itself is the site: they need no other program.

The token stands in the fragment, which browsers send to no server. Nothing happens until somebody presses the button:
programs that look through mails open links too.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from nova.gateway.http.request import Request
from nova.gateway.http.response import Response

VERIFY_EMAIL: Final = (
    "mutation($input: VerifyEmailInput!) { verifyEmail(input: $input) { userErrors { message } } }"
)
RESET_PASSWORD: Final = (
    "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { userErrors { message } } }"  # noqa: S105 - a document
)

_SCRIPT: Final = """
const form = document.querySelector('form'), status = document.querySelector('[role=status]');
const token = location.hash.slice(1);
history.replaceState(null, '', location.pathname);
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const password = form.elements.password?.value;
  form.elements.send.disabled = true;
  status.textContent = '…';
  try {
    const answer = await (await fetch('/graphql', {
      method: 'POST',
      headers: {'content-type': 'application/json', 'accept': 'application/json'},
      body: JSON.stringify({query: form.dataset.document, variables: {input: {token, password}}}),
    })).json();
    const errors = answer.errors ?? Object.values(answer.data)[0].userErrors;
    status.textContent = errors.length ? errors.map((error) => error.message).join(' ') : form.dataset.done;
    form.hidden = !errors.length;
  } catch {
    status.textContent = 'No answer came: try again.';
  }
  form.elements.send.disabled = false;
});
"""
_STYLE: Final = (
    "body { font: 1.1rem/1.5 system-ui, sans-serif; margin: 4rem auto; max-width: 24rem; padding: 0 1rem; }"
    "input, button { font: inherit; padding: .4rem .8rem; } input { width: 100%; box-sizing: border-box; }"
)
_FIELDS: Final = (
    '<p><label>New password, 8 to 128 characters<br><input name="password" type="password" required minlength="8" '
    'maxlength="128" autocomplete="new-password"></label></p>'
)


def _source(text: str) -> str:
    """Return the source expression that lets a policy allow this very text (CSP level 3, section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_POLICY: Final = (
    f"default-src 'none'; script-src {_source(_SCRIPT)}; style-src {_source(_STYLE)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """One page: a form that sends `document` with the token of the link."""

    title: str
    document: str
    button: str
    done: str
    fields: str = ""

    async def __call__(self, _request: Request) -> Response:
        """Return the page: the same for everybody."""
        body = (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{self.title}</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
            f'<body><h1>{self.title}</h1>\n<form data-document="{self.document}" data-done="{self.done}">'
            f'{self.fields}<button name="send">{self.button}</button></form>\n<p role="status"></p>\n'
            f"<script>{_SCRIPT}</script></body></html>\n"
        )
        return Response(
            body=body.encode(),
            content_type="text/html; charset=utf-8",
            headers={"content-security-policy": _POLICY},
        )


VERIFY_EMAIL_PAGE: Final = AccountPage(
    title="Confirm your e-mail address",
    document=VERIFY_EMAIL,
    button="Confirm",
    done="Thank you: your address is confirmed.",
)
RESET_PASSWORD_PAGE: Final = AccountPage(
    title="Set a new password",
    document=RESET_PASSWORD,
    button="Set the password",
    done="Done: sign in with your new password.",
    fields=_FIELDS,
)
