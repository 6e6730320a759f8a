"""The sample company fits the platform and keeps its deliberate gap."""

from __future__ import annotations

import json
import re

from lab.kayako.desk import Desk
from lab.kayako.folder import load_folder
from lab.kayako.help_centre import ArticleStatus
from lab.sample import AGENT, ARTICLES
from services.gateway.api.agent_profile import NewAgent
from shared.contracts.agents import AgentProfile


def test_the_agent_is_one_the_api_takes() -> None:
    body = json.loads(AGENT.read_text(encoding="utf-8"))
    assert set(body) == (set(AgentProfile.model_fields) - {"id"}) | {"numbers"}
    agent = NewAgent.model_validate(body)
    assert (agent.name, agent.numbers, agent.transfer_number) == ("Fern", ["+12025550199"], "+12025550180")


def test_the_articles_are_whole() -> None:
    centre = Desk().help_centre
    load_folder(centre, ARTICLES)
    public = [article for article in centre.articles.values() if centre.is_public(article)]
    assert len(public) == 14
    hidden = {article.id: article.status for article in centre.articles.values() if not centre.is_public(article)}
    assert hidden == {1120: ArticleStatus.DRAFT, 1121: ArticleStatus.PUBLISHED}
    locales = {text.locale for article in public for text in article.titles}
    assert locales == {"en-us", "es", "de"}
    links = [
        link
        for article in public
        for text in article.contents
        for link in re.findall(r'href="(\d+)-', text.translation)
    ]
    assert links
    assert {int(link) for link in links} <= {article.id for article in public}, "no link leads nowhere"


def test_the_gap_is_kept() -> None:
    for path in ARTICLES.glob("*.md"):
        text = path.read_text(encoding="utf-8").lower()
        assert "static" not in text, path.name
        assert "ip address" not in text, path.name
