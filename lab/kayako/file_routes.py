"""Uploads."""

from __future__ import annotations

from lab.kayako import refusals
from lab.kayako.answers import Answer, Content, one
from lab.kayako.cases import File
from lab.kayako.desk import Desk
from lab.kayako.incoming import Incoming


def upload_file(desk: Desk, incoming: Incoming) -> Answer:
    """Keep a file for this session."""
    if incoming.session is None or not incoming.uploads:
        raise refusals.field_required("file")
    upload = incoming.uploads[0]
    file = desk.add_file(upload.name, upload.content_type, upload.content, incoming.session.id)
    return one(file, status=201)


def get_file(desk: Desk, incoming: Incoming, file_id: int) -> Answer:  # noqa: ARG001
    """What is known about a file."""
    return one(_file(desk, file_id))


def get_content(desk: Desk, incoming: Incoming, file_id: int) -> Answer:  # noqa: ARG001
    """Its bytes."""
    file = _file(desk, file_id)
    return Content(file.content, file.content_type)


def _file(desk: Desk, file_id: int) -> File:
    file = desk.files.get(file_id)
    if file is None:
        raise refusals.not_found()
    return file
