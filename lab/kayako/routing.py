"""Every path of the API and what answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.routing import compile_path

from lab.kayako import (
    case_routes,
    file_routes,
    help_centre_routes,
    lookup_routes,
    people_routes,
    post_routes,
    search_routes,
)
from lab.kayako.answers import Answer
from lab.kayako.refusals import method_not_supported, no_such_app, not_found

Handler = Callable[..., Answer]
"""Takes the desk, the request, and the path's parameters by name. Raises Refused."""


@dataclass(frozen=True)
class Found:
    """What answers a request."""

    handler: Handler
    parameters: Mapping[str, int | str]
    is_public: bool
    """Visitors may ask too."""


PUBLIC: Mapping[tuple[str, str], Handler] = {
    ("GET", "/articles"): help_centre_routes.list_articles,
    ("GET", "/articles/{article_id:int}"): help_centre_routes.get_article,
    ("GET", "/sections"): help_centre_routes.list_sections,
    ("GET", "/sections/{section_id:int}"): help_centre_routes.get_section,
    ("GET", "/categories"): help_centre_routes.list_categories,
    ("GET", "/categories/{category_id:int}"): help_centre_routes.get_category,
    ("GET", "/locales"): lookup_routes.list_locales,
    ("GET", "/locales/current"): lookup_routes.current_locale,
    ("GET", "/locales/{member_id:int}"): lookup_routes.getter(lambda desk: desk.tables.locales),
    ("GET", "/locale/fields/{field_id:int}"): lookup_routes.get_text,
    ("POST", "/webhook/{token}/incoming"): people_routes.incoming_webhook,
}

SIGNED_IN: Mapping[tuple[str, str], Handler] = {
    ("GET", "/me"): people_routes.me,
    ("GET", "/session"): people_routes.session,
    ("DELETE", "/session"): people_routes.sign_out,
    ("GET", "/users"): people_routes.list_users,
    ("POST", "/users"): people_routes.create_user,
    ("GET", "/users/{user_id:int}"): people_routes.get_user,
    ("PUT", "/users/{user_id:int}"): people_routes.update_user,
    ("GET", "/users/{user_id:int}/cases"): case_routes.list_cases_of_user,
    ("GET", "/users/{user_id:int}/notes"): people_routes.list_user_notes,
    ("POST", "/users/{user_id:int}/notes"): people_routes.create_user_note,
    ("GET", "/identities/emails"): people_routes.list_emails,
    ("POST", "/identities/emails"): people_routes.create_email,
    ("GET", "/identities/emails/{identity_id:int}"): people_routes.get_email,
    ("GET", "/identities/phones"): people_routes.list_phones,
    ("POST", "/identities/phones"): people_routes.create_phone,
    ("GET", "/identities/phones/{identity_id:int}"): people_routes.get_phone,
    ("GET", "/autocomplete/emails"): people_routes.autocomplete_emails,
    ("GET", "/organizations"): people_routes.list_organizations,
    ("GET", "/organizations/{organization_id:int}"): people_routes.get_organization,
    ("GET", "/cases"): case_routes.list_cases,
    ("POST", "/cases"): case_routes.create_case,
    ("PUT", "/cases"): case_routes.update_cases,
    ("GET", "/cases/{case_id:int}"): case_routes.get_case,
    ("PUT", "/cases/{case_id:int}"): case_routes.update_case,
    ("PUT", "/cases/{case_id:int}/trash"): case_routes.trash_case,
    ("PUT", "/cases/{case_id:int}/restore"): case_routes.restore_case,
    ("GET", "/cases/{case_id:int}/tags"): case_routes.list_tags,
    ("POST", "/cases/{case_id:int}/tags"): case_routes.append_tags,
    ("GET", "/cases/{case_id:int}/posts"): post_routes.list_posts,
    ("GET", "/cases/{case_id:int}/messages"): post_routes.list_messages,
    ("GET", "/cases/{case_id:int}/notes"): post_routes.list_notes,
    ("POST", "/cases/{case_id:int}/reply"): post_routes.reply,
    ("GET", "/cases/{case_id:int}/reply/channels"): case_routes.list_channels,
    ("GET", "/cases/channels"): case_routes.list_channels,
    ("GET", "/search"): search_routes.search,
    ("POST", "/files"): file_routes.upload_file,
    ("GET", "/files/{file_id:int}"): file_routes.get_file,
    ("GET", "/files/{file_id:int}/content"): file_routes.get_content,
}

TABLES: Mapping[str, tuple[str, lookup_routes.Table]] = {
    "/cases/statuses": ("case_status", lambda desk: desk.tables.statuses),
    "/cases/priorities": ("case_priority", lambda desk: desk.tables.priorities),
    "/cases/types": ("case_type", lambda desk: desk.tables.types),
    "/cases/fields": ("case_field", lambda desk: desk.tables.fields),
    "/cases/forms": ("case_form", lambda desk: desk.tables.forms),
    "/mailboxes": ("mailbox", lambda desk: desk.tables.mailboxes),
    "/roles": ("role", lambda desk: desk.tables.roles),
    "/teams": ("team", lambda desk: desk.tables.teams),
    "/brands": ("brand", lambda desk: desk.tables.brands),
}


@dataclass(frozen=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    converters: Mapping[str, Callable[[str], int | str]]
    handler: Handler
    is_public: bool


def _routes() -> list[_Route]:
    handlers = [(method, path, handler, True) for (method, path), handler in PUBLIC.items()]
    handlers += [(method, path, handler, False) for (method, path), handler in SIGNED_IN.items()]
    for path, (kind, table) in TABLES.items():
        handlers.append(("GET", path, lookup_routes.lister(table, kind), False))
        handlers.append(("GET", path + "/{member_id:int}", lookup_routes.getter(table), False))
    routes = []
    for method, path, handler, is_public in handlers:
        pattern, _, converters = compile_path(path)
        readers = {name: converter.convert for name, converter in converters.items()}
        routes.append(_Route(method, pattern, readers, handler, is_public))
    return routes


ROUTES = _routes()
APPS = frozenset(path.split("/")[1] for _, path in (*PUBLIC, *SIGNED_IN)) | {path.split("/")[1] for path in TABLES}
"""First parts of a path: an unknown one is answered with 400, not 404."""


def find(method: str, path: str) -> Found:
    """What answers. Raises APP_NOT_FOUND, RESOURCE_NOT_FOUND or METHOD_NOT_SUPPORTED."""
    if path.split("/")[1:2] == [] or path.split("/")[1] not in APPS:
        raise no_such_app()
    other_method = False
    for route in ROUTES:
        match = route.pattern.match(path)
        if match is None:
            continue
        if route.method == method or (route.method == "GET" and method == "HEAD"):
            parameters = {name: route.converters[name](value) for name, value in match.groupdict().items()}
            return Found(route.handler, parameters, route.is_public)
        other_method = True
    raise method_not_supported() if other_method else not_found()
