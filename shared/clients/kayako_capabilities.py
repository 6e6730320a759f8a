"""What `make kayako-probe` found out about a help desk, as far as clients and adapters go by it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

AuthMode = Literal["basic_each", "session", "basic_plus_session"]


class Capabilities(BaseModel):
    """What a tenant can do; None where nobody has looked, and what Kayako documents then applies."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    auth_mode: AuthMode | None = None
    """The way of signing in that works; `KAYAKO_AUTH_MODE` overrides it."""
    largest_page: int | None = None
    """Rows that a list gives at most."""
    gives_next_page: bool | None = None
    """Whether a list with more rows names the address of its next page."""
    filters_by_tag: bool | None = None
    """Whether the list of cases can be asked for a tag."""
    form_id: int | None = None
    """A form that a case can be made with although the default one demands custom fields; None: the default."""
    has_call_field: bool | None = None
    """Whether cases have a text field `external_call_id`."""
    shown_after_s: float | None = None
    """Seconds until a new case was seen in the first of the three ways of looking; only a writing probe knows."""


UNKNOWN = Capabilities()
