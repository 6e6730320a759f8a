"""Cases and what is written on them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from lab.kayako.lookups import CaseChannel, ChannelType
from lab.kayako.output import Address, Body, OnRequest, Reference, Value
from lab.kayako.resource import Resource, timestamp

PREVIEW = 255
"""Characters of `last_post_preview`."""


class CaseState(StrEnum):
    """Whether a case is there at all."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    TRASH = "TRASH"


@dataclass(eq=False)
class Tag:
    """A word that cases carry."""

    id: int
    name: str
    case_ids: set[int] = field(default_factory=set)
    """The cases that carry it now."""

    def body(self) -> dict[str, Value]:
        """As a member of a list of tags."""
        return {"id": self.id, "name": self.name, "resource_type": "tag"}


@dataclass(kw_only=True)
class File(Resource):
    """An upload: it belongs to the session that made it."""

    kind: ClassVar[str] = "file"
    path: ClassVar[str] = "/files"
    name: str
    content_type: str
    content: bytes = field(repr=False)
    digest: str
    session_id: str
    expires_at: datetime

    def fields(self) -> Body:
        return {
            "name": self.name,
            "size": len(self.content),
            "content_type": self.content_type,
            "content_url": Address(f"/files/{self.id}/content"),
            "hash": self.digest,
            "group_hash": f"s:{self.session_id}",
            "expiry_at": timestamp(self.expires_at),
        }


@dataclass(kw_only=True)
class Attachment(Resource):
    """A file that a post carries."""

    kind: ClassVar[str] = "attachment"
    path: ClassVar[str] = "/attachments"
    file: File

    def fields(self) -> Body:
        return {
            "name": self.file.name,
            "size": len(self.file.content),
            "width": None,
            "height": None,
            "type": self.file.content_type,
            "content_id": None,
            "alt": None,
            "url": Address(f"/files/{self.file.id}/content"),
            "url_download": Address(f"/files/{self.file.id}/content"),
            "thumbnails": [],
        }


@dataclass(kw_only=True)
class Note(Resource):
    """The inside of an internal post."""

    kind: ClassVar[str] = "note"
    path: ClassVar[str] = "/notes"
    text: str
    html: str | None
    author: int

    def fields(self) -> Body:
        return {
            "body_text": self.text,
            "body_html": self.html,
            "is_pinned": False,
            "pinned_by": None,
            "user": Reference("user", self.author),
            "attachments": [],
            "download_all": None,
        }


@dataclass(kw_only=True)
class Message(Resource):
    """The inside of a post that went to the customer."""

    kind: ClassVar[str] = "case_message"
    path: ClassVar[str] = "/messages"
    subject: str
    text: str
    html: str | None
    author: int
    mailbox_id: int | None

    def fields(self) -> Body:
        return {
            "uuid": f"3a5e0000-0000-4000-8000-{self.id:012d}",
            "subject": self.subject,
            "body_text": self.text,
            "body_html": self.html,
            "recipients": [],
            "fullname": None,
            "email": None,
            "creator": Reference("user", self.author),
            "identity": None,
            "mailbox": Reference("mailbox", self.mailbox_id) if self.mailbox_id is not None else None,
            "attachments": [],
            "location": None,
            "creation_mode": "API",
            "locale": None,
            "response_time": None,
        }


@dataclass(kw_only=True)
class Post(Resource):
    """One entry of a case's timeline."""

    kind: ClassVar[str] = "post"
    path: ClassVar[str] = "/posts"
    client_id: str | None
    author: int
    channel: CaseChannel
    original: Note | Message
    is_requester: bool = False
    attachments: list[Attachment] = field(default_factory=list)
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def is_note(self) -> bool:
        """Whether only staff sees it."""
        return self.channel.type is ChannelType.NOTE

    def fields(self) -> Body:
        return {
            "uuid": self.uuid,
            "client_id": self.client_id,
            "subject": None if isinstance(self.original, Note) else self.original.subject,
            "contents": self.original.text,
            "creator": Reference("user", self.author),
            "identity": None,
            "source_channel": self.channel.mention(),
            "is_requester": self.is_requester,
            "attachments": [attachment.reference for attachment in self.attachments],
            "download_all": None,
            "source": "API",
            "metadata": {"user_agent": None, "page_url": None},
            "original": self.original.reference,
            "post_status": "SENT" if self.is_note else "DELIVERED",
            "post_status_reject_type": None,
            "post_status_reject_reason": None,
            "post_status_updated_at": timestamp(self.updated_at),
        }


@dataclass(kw_only=True)
class Case(Resource):
    """A ticket."""

    kind: ClassVar[str] = "case"
    path: ClassVar[str] = "/cases"
    subject: str
    requester_id: int
    creator_id: int
    identity: Reference | None
    channel: CaseChannel
    status_id: int
    priority_id: int | None = None
    type_id: int | None = None
    form_id: int
    assigned_team_id: int | None = None
    assigned_agent_id: int | None = None
    tags: list[Tag] = field(default_factory=list)
    field_values: dict[int, str] = field(default_factory=dict)
    """By field id."""
    posts: list[Post] = field(default_factory=list)
    """Oldest first."""
    state: CaseState = CaseState.ACTIVE
    listed_from: float = 0.0
    """Monotonic seconds from which lists show it."""
    found_from: float = 0.0
    """Monotonic seconds from which the search index knows it."""
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def fields(self) -> Body:
        last = self.posts[-1]
        public = next((post for post in reversed(self.posts) if not post.is_note), None)
        agent = _mention("user", self.assigned_agent_id)
        team = _mention("team", self.assigned_team_id)
        assigned = agent or team
        return {
            "uuid": self.uuid,
            "legacy_id": None,
            "subject": self.subject,
            "portal": "API",
            "source_channel": {"id": self.channel.id, "resource_type": "channel"},
            "last_public_channel": public.channel.mention() if public else None,
            "requester": Reference("user", self.requester_id),
            "creator": Reference("user", self.creator_id),
            "identity": self.identity,
            "assignee": {"team": team, "agent": agent},
            "assigned_agent": agent,
            "assigned_team": team,
            "last_assigned_by": Reference("user", self.creator_id) if assigned else None,
            "brand": Reference("brand", 1),
            "status": Reference("case_status", self.status_id),
            "priority": _mention("case_priority", self.priority_id),
            "type": _mention("case_type", self.type_id),
            "read_marker": None,
            "sla_version": None,
            "sla_metrics": [],
            "form": Reference("case_form", self.form_id),
            "custom_fields": [
                {
                    "field": Reference("case_field", number),
                    "value": value,
                    "resource_type": "case_field_value",
                }
                for number, value in self.field_values.items()
            ],
            "last_replier": Reference("user", last.author),
            "last_replier_identity": None,
            "last_completed_by": None,
            "last_updated_by": Reference("user", last.author),
            "last_closed_by": None,
            "state": self.state.value,
            "post_count": len(self.posts),
            "has_notes": any(post.is_note for post in self.posts),
            "pinned_notes_count": 0,
            "has_attachments": any(post.attachments for post in self.posts),
            "is_merged": False,
            "rating": None,
            "rating_status": "UNOFFERED",
            "last_post_status": None if last.is_note else "DELIVERED",
            "last_post_preview": last.original.text[:PREVIEW],
            "last_post_type": "NOTE" if last.is_note else "PUBLIC",
            "realtime_channel": f"presence-{self.uuid[:6]}@v1_cases_{self.id}",
            "last_assigned_at": timestamp(self.created_at) if assigned else None,
            "last_replied_at": timestamp(last.created_at),
            "last_opened_at": None,
            "last_pending_at": None,
            "last_closed_at": None,
            "last_completed_at": None,
            "last_agent_activity_at": timestamp(self.updated_at),
            "last_customer_activity_at": None,
            "last_reply_by_agent_at": None,
            "last_reply_by_requester_at": None,
            "agent_updated_at": timestamp(self.updated_at),
            "tags": OnRequest([tag.body() for tag in self.tags]),
            "reply_channels": OnRequest([self.channel.mention()]),
        }


def _mention(kind: str, number: int | None) -> Reference | None:
    return Reference(kind, number) if number is not None else None
