"""Writing a post on a case: reading what was sent, keeping it, mailing it when it is public."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lab.kayako import refusals
from lab.kayako.cases import Attachment, Case, File, Message, Note, Post
from lab.kayako.desk import Desk, Mail
from lab.kayako.incoming import Incoming, Parameters
from lab.kayako.lookups import CaseChannel, ChannelType
from lab.kayako.texts import plain, sanitise


@dataclass(frozen=True)
class Draft:
    """What is to be written."""

    text: str
    html: str | None
    channel: CaseChannel
    mailbox_id: int | None
    client_id: str | None


def read_draft(desk: Desk, body: Parameters) -> Draft:
    """The post in a request's body. Raises Refused."""
    contents = body.needed_text("contents")
    name = body.needed_text("channel")
    if name not in set(ChannelType):
        raise refusals.field_invalid("channel")
    kind = ChannelType(name)
    channel = desk.tables.channel_of(kind)
    if channel is None:
        raise refusals.field_invalid("channel")
    mailbox_id = None
    if kind is not ChannelType.NOTE:
        mailbox_id = body.needed_number("channel_id")
        if mailbox_id != channel.mailbox_id:
            raise refusals.field_invalid("channel_id")
    is_html = Parameters(body.mapping("channel_options")).flag("html", default=False)
    html = sanitise(contents) if is_html else None
    return Draft(plain(html) if html is not None else contents, html, channel, mailbox_id, body.text("client_id"))


def attachments_for(desk: Desk, incoming: Incoming) -> list[File]:
    """The files that a request attaches: named ones, which must come from its own session, or parts of its own body."""
    session_id = incoming.session.id if incoming.session is not None else ""
    files = []
    for number in incoming.body.ids("attachment_file_ids"):
        file = desk.files.get(number)
        if file is None or file.session_id != session_id or file.expires_at < desk.clock.now():
            raise refusals.field_invalid("attachment_file_ids")
        files.append(file)
    return files + [
        desk.add_file(upload.name, upload.content_type, upload.content, session_id) for upload in incoming.uploads
    ]


def write_post(desk: Desk, case: Case, draft: Draft, author: int, files: list[File]) -> Post:
    """Add to the case's timeline; a public post is mailed to the requester, whatever it says."""
    now = desk.clock.now()
    is_note = draft.channel.type is ChannelType.NOTE
    original = _note(desk, draft, author, now) if is_note else _message(desk, case, draft, author, now)
    attachments = [
        Attachment(id=desk.numbers.take("attachment"), file=file, created_at=now, updated_at=now) for file in files
    ]
    post = Post(
        id=desk.numbers.take("post"),
        client_id=draft.client_id,
        author=author,
        channel=draft.channel,
        original=original,
        attachments=attachments,
        created_at=now,
        updated_at=now,
    )
    for resource in (original, post, *attachments):
        desk.keep(resource)
    case.posts.append(post)
    case.updated_at = now
    return post


def _note(desk: Desk, draft: Draft, author: int, now: datetime) -> Note:
    return Note(
        id=desk.numbers.take("note"),
        text=draft.text,
        html=draft.html,
        author=author,
        created_at=now,
        updated_at=now,
    )


def _message(desk: Desk, case: Case, draft: Draft, author: int, now: datetime) -> Message:
    for identity in desk.users[case.requester_id].emails[:1]:
        desk.mails.append(Mail(case.id, identity.email, case.subject, draft.text, now))
    return Message(
        id=desk.numbers.take("case_message"),
        subject=case.subject,
        text=draft.text,
        html=draft.html,
        author=author,
        mailbox_id=draft.mailbox_id,
        created_at=now,
        updated_at=now,
    )
