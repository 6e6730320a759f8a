"""The timeline of a case: posts, their insides, and replies."""

from __future__ import annotations

from lab.kayako import refusals
from lab.kayako.answers import Answer, One, by_cursor, ignored_offset
from lab.kayako.case_changes import apply_changes, case_of
from lab.kayako.desk import Desk
from lab.kayako.incoming import Incoming
from lab.kayako.lookups import ChannelType, StatusType
from lab.kayako.output import Body
from lab.kayako.post_writing import attachments_for, read_draft, write_post


def list_posts(desk: Desk, incoming: Incoming, case_id: int) -> Answer:
    """The timeline, newest first."""
    posts = case_of(desk, case_id).posts
    wanted = {word.upper() for word in incoming.arguments.words("filters")} or {"ALL"}
    if "ALL" not in wanted:
        posts = [post for post in posts if ("NOTES" if post.is_note else "MESSAGES") in wanted]
    return by_cursor(incoming, posts, "post", descending=True, begins=ignored_offset(desk, incoming))


def list_notes(desk: Desk, incoming: Incoming, case_id: int) -> Answer:
    """The insides of the internal posts, newest first."""
    notes = [post.original for post in case_of(desk, case_id).posts if post.is_note]
    return by_cursor(incoming, notes, "note", descending=True)


def list_messages(desk: Desk, incoming: Incoming, case_id: int) -> Answer:
    """The insides of the posts that the customer sees, newest first."""
    messages = [post.original for post in case_of(desk, case_id).posts if not post.is_note]
    return by_cursor(incoming, messages, "case_message", descending=True)


def reply(desk: Desk, incoming: Incoming, case_id: int) -> Answer:
    """A note, or a public reply.

    Documented is that a closed conversation takes no reply; whether agents may still write notes on it is not, here
    they may.
    """
    case = case_of(desk, case_id)
    draft = read_draft(desk, incoming.body)
    closed = desk.tables.statuses[case.status_id].type is StatusType.CLOSED
    if closed and draft.channel.type is not ChannelType.NOTE:
        raise refusals.forbidden()
    attachments = attachments_for(desk, incoming)
    apply_changes(desk, case, incoming.body)
    if "tags" in incoming.body:
        desk.set_tags(case, incoming.body.words("tags"))
    post = write_post(desk, case, draft, incoming.caller, attachments)
    written: Body = {"posts": [post.reference], "case": case.reference, "resource_type": "case_reply"}
    return One(written, "case_reply", status=201)
