"""What the lab itself shows of the desk: to its pages, to tests, and to whoever counts tickets."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from lab.kayako import tenant
from lab.kayako.cases import Case, Post
from lab.kayako.desk import Desk
from lab.kayako.help_centre import Article, HelpCentre


class PostView(BaseModel):
    """One entry of a case's timeline."""

    id: int
    channel: str
    author: str
    client_id: str | None
    text: str
    html: str | None
    created_at: datetime


class CaseSummary(BaseModel):
    """A case as a row of a list."""

    id: int
    subject: str
    state: str
    status: str
    status_type: str
    priority: str | None
    type: str | None
    team: str | None
    requester: str
    emails: list[str]
    phones: list[str]
    tags: list[str]
    fields: dict[str, str]
    created_at: datetime
    updated_at: datetime
    post_count: int


class CaseView(CaseSummary):
    """A case with everything written on it, oldest first."""

    posts: list[PostView]
    mails: list[str]
    """Texts that were mailed to the customer."""


class TextView(BaseModel):
    """An article in one language."""

    locale: str
    title: str
    html: str


class ArticleView(BaseModel):
    """An article of the help centre."""

    id: int
    section: str
    status: str
    is_public: bool
    texts: list[TextView]
    updated_at: datetime
    """The latest of the article's own time and those of its texts."""


def article_view(centre: HelpCentre, article: Article) -> ArticleView:
    """The article as the lab shows it."""
    return ArticleView(
        id=article.id,
        section=centre.sections[article.section_id].titles[0].translation,
        status=article.status.value,
        is_public=centre.is_public(article),
        texts=[
            TextView(locale=title.locale, title=title.translation, html=content.translation)
            for title, content in zip(article.titles, article.contents, strict=True)
        ],
        updated_at=max(text.updated_at for text in (article, *article.titles, *article.contents)),
    )


def summary_of(desk: Desk, case: Case) -> CaseSummary:
    """The case as a row."""
    tables, requester = desk.tables, desk.users[case.requester_id]
    status = tables.statuses[case.status_id]
    return CaseSummary(
        id=case.id,
        subject=case.subject,
        state=case.state.value,
        status=status.label,
        status_type=status.type.value,
        priority=tables.priorities[case.priority_id].label if case.priority_id is not None else None,
        type=tables.types[case.type_id].label if case.type_id is not None else None,
        team=tables.teams[case.assigned_team_id].title if case.assigned_team_id is not None else None,
        requester=requester.full_name,
        emails=[identity.email for identity in requester.emails],
        phones=[identity.number for identity in requester.phones],
        tags=[tag.name for tag in case.tags],
        fields={
            tables.fields[number].title: tenant.LABELS[int(value)] if tables.fields[number].type == "SELECT" else value
            for number, value in case.field_values.items()
        },
        created_at=case.created_at,
        updated_at=case.updated_at,
        post_count=len(case.posts),
    )


def view_of(desk: Desk, case: Case) -> CaseView:
    """The whole case."""
    return CaseView(
        **summary_of(desk, case).model_dump(),
        posts=[_post(desk, post) for post in case.posts],
        mails=[mail.text for mail in desk.mails if mail.case_id == case.id],
    )


def _post(desk: Desk, post: Post) -> PostView:
    return PostView(
        id=post.id,
        channel=post.channel.type.value,
        author=desk.users[post.author].full_name,
        client_id=post.client_id,
        text=post.original.text,
        html=post.original.html,
        created_at=post.created_at,
    )
