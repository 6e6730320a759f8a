"""The platform's REST API and the lab's controls, as a person's commands use them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx

Row = dict[str, Any]
Found = TypeVar("Found")
PAGE = 100
LOOK_EVERY_S = 0.1


class Refused(Exception):
    """The platform answered with a problem; the message says which."""


class TooSlow(Exception):
    """Something did not happen in time."""


class PlatformApi:
    """The gateway's `/api/v1`."""

    def __init__(self, address: str, key: str) -> None:
        self._http = httpx.Client(
            base_url=f"{address}/api/v1", headers={"authorization": f"Bearer {key}"}, timeout=30, trust_env=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, method: str, path: str, **request: Any) -> Row:
        """The answer's JSON. Raises Refused."""
        response = self._http.request(method, path, **request)
        if not response.is_success:
            raise Refused(_explained(response))
        answer: Row = response.json() if response.content else {}
        return answer

    def create_agent(self, body: Row) -> Row:
        """Make the agent, or bring the one of this name to this form."""
        known = [agent for agent in self.ask("GET", "/agents")["agents"] if agent["name"] == body["name"]]
        if known:
            return self.ask("PATCH", f"/agents/{known[0]['id']}", json=body)
        return self.ask("POST", "/agents", json=body)

    def upload(self, path: Path, collection: str) -> Row:
        """Upload one file as an article."""
        with path.open("rb") as file:
            return self.ask(
                "POST", "/knowledge/articles", files={"file": (path.name, file)}, data={"collection": collection}
            )

    def articles(self, collection: str) -> Iterator[Row]:
        """Every article of a collection."""
        seen = 0
        while True:
            page = self.ask(
                "GET", "/knowledge/articles", params={"collection": collection, "limit": PAGE, "offset": seen}
            )
            yield from page["articles"]
            seen += len(page["articles"])
            if not page["articles"] or seen >= page["total"]:
                return

    def searchable(self, collection: str) -> tuple[int, int]:
        """How many articles of a collection can be found in their present form, and how many there are."""
        page = self.ask("GET", "/knowledge/articles", params={"collection": collection, "limit": 1})
        return page["searchable"], page["total"]

    def call(self, call_sid: str) -> Row | None:
        """The record of a call, or None while there is none."""
        found = self.ask("GET", "/calls", params={"call_sid": call_sid})["calls"]
        return self.ask("GET", f"/calls/{found[0]['id']}") if found else None


def _explained(response: httpx.Response) -> str:
    try:
        body = response.json()
    except json.JSONDecodeError:
        return f"{response.request.url.path} answered {response.status_code}"
    errors = "; ".join(f"{error['where']}: {error['why']}" for error in body.get("errors", []))
    return f"{body.get('title', response.status_code)}: {errors or body.get('detail', '')}"


def wait_until(look: Callable[[], Found | None], within_s: float, what: str) -> Found:
    """The first answer that is something. Raises TooSlow."""
    deadline = time.monotonic() + within_s
    while True:
        if (found := look()) is not None:
            return found
        if time.monotonic() > deadline:
            raise TooSlow(f"{what} did not happen within {within_s:.0f} s")
        time.sleep(LOOK_EVERY_S)


class LabPhone:
    """The lab's telephone: places simulated calls and reads along."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, timeout=httpx.Timeout(30, read=300), trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def place(self, order: Row) -> Iterator[Row]:
        """Dial; the call's events as they happen, the last one `CallEnded`. Raises Refused."""
        with self._http.stream("POST", "/lab/calls", json=order) as answer:
            if not answer.is_success:
                answer.read()
                raise Refused(str(answer.json().get("detail", answer.status_code)))
            for line in answer.iter_lines():
                yield json.loads(line)

    def scenarios(self) -> list[Row]:
        """What can be placed by name."""
        found: list[Row] = self._http.get("/lab/scenarios").json()["scenarios"]
        return found


class LabDesk:
    """The lab's Kayako, seen as a person sees it."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, timeout=10, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def cases(self, tag: str | None = None) -> Row:
        """Cases with this tag, newest first, and how many."""
        found: Row = self._http.get("/lab/cases", params={"tag": tag} if tag else {}).json()
        return found

    def case(self, case_id: int) -> Row:
        """One case with everything on it."""
        found: Row = self._http.get(f"/lab/cases/{case_id}").json()
        return found
