"""What a form of a page sends: read with a bound, and only from our own pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse

from vocengine.errors import InputError

_MOST_BYTES = 64_000
_KIND = "application/x-www-form-urlencoded"
# Whose name the reader gave last, so that it need not be written at each step.
_NAME_COOKIE, _YEAR_S = "voc-by", 31_536_000


class CrossSite(InputError):
    """A form that another site's page sent in the name of whoever is logged in here."""


async def form_of(request: Request) -> Mapping[str, str]:
    """The filled fields of a form, without blanks around. Raises CrossSite and InputError."""
    _check_origin(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != _KIND:
        raise InputError(f"content-type is {kind[:80]!r}; a form of these pages sends {_KIND}")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise InputError(f"the form has over {_MOST_BYTES:,} bytes; a note has 4,000 characters at the most")
    try:
        pairs = parse_qsl(body.decode("ascii"), errors="strict", max_num_fields=50)
    except ValueError:
        raise InputError("the form cannot be read; it should be UTF-8, percent-encoded") from None
    # Browsers send line ends as CR LF.
    return {name: value.replace("\r\n", "\n").strip() for name, value in pairs if value.strip()}


Submitted = Annotated[Mapping[str, str], Depends(form_of)]


def done(request: Request, path: str, form: Mapping[str, str]) -> RedirectResponse:
    """The answer to a form that did its work: on to a page, with the name kept for the next time."""
    base = request.scope.get("root_path", "")
    answer = RedirectResponse(f"{base}{path}", status_code=303)
    if by := form.get("by"):
        answer.set_cookie(
            _NAME_COOKIE, quote(by[:200]), max_age=_YEAR_S, path=base or "/", httponly=True, samesite="lax"
        )
    return answer


def known_name(request: Request) -> str:
    """The name that the reader gave last, empty where they gave none."""
    return unquote(request.cookies.get(_NAME_COOKIE, ""))[:200]


def _check_origin(request: Request) -> None:
    """Refuse what another site's page sends; programs that are no browser send neither header.

    `Sec-Fetch-Site` is what a browser says of itself and no page can forge; older ones send only `Origin`.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    else:
        foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign:
        raise CrossSite("this form came from a page of another site; use the forms of these pages, or the API")
