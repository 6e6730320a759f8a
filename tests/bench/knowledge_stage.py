"""The knowledge room for measuring: PostgreSQL, Chroma and the service as processes, the embedding work in this one."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
from pydantic import SecretStr
from sqlalchemy import select

from lab.stack import servers
from lab.stack.place import take
from lab.stack.ports import free_ports
from lab.stack.program import Program, answers_http
from lab.stack.supervisor import Supervisor
from services.knowledge.adapters.embedding_choice import EmbeddingSettings
from services.knowledge.assembly import EmbeddingRoom, embedding_room
from shared.clock import SystemClock
from shared.contracts.knowledge import SearchAnswer
from shared.contracts.tasks import TaskName
from shared.database import migrate
from shared.database.engine import make_engine, sync_sessions
from shared.database.models import OutboxRow
from shared.security.purpose_tokens import Purpose, TokenSigner
from shared.settings import DatabaseSettings

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
MODELS = ROOT / ".local" / "models"


@dataclass
class Stage:
    """What a measurement works with."""

    room: EmbeddingRoom
    address: str
    chroma_url: str
    signer: TokenSigner
    http: httpx.Client
    service_pid: int

    def headers(self) -> dict[str, str]:
        """A service token, good for a minute."""
        token = self.signer.issue(Purpose.SERVICE, "bench", secrets.token_hex(8), SystemClock().now(), room="knowledge")
        return {"authorization": f"Bearer {token}"}

    def upload(self, collection: str, name: str, data: bytes) -> str:
        """The article's id."""
        answer = self.http.post(
            "/articles", files={"file": (name, data)}, data={"collection": collection}, headers=self.headers()
        )
        answer.raise_for_status()
        return str(answer.json()["article"]["id"])

    def search(self, collection: str, query: str, limit: int = 5) -> SearchAnswer:
        asked = {"collection": collection, "query": query[:1000], "limit": limit}
        answer = self.http.post("/search", json=asked, headers=self.headers())
        answer.raise_for_status()
        return SearchAnswer.model_validate_json(answer.content)

    def work_off(self) -> int:
        """Embed everything that is ordered; how many articles."""
        with self.room.sessions.begin() as session:
            rows = list(session.scalars(select(OutboxRow).where(OutboxRow.sent_at.is_(None))))
            for row in rows:
                row.sent_at = row.created_at
        for row in rows:
            if row.task == TaskName.EMBED_ARTICLE.value:
                self.room.embed_article(UUID(row.payload["article_id"]), row.payload["version"])
        return len(rows)


@contextmanager
def stage() -> Iterator[Stage]:
    """Everything started, empty."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    with take("bench-knowledge", fresh=True) as place, Supervisor(place.logs) as supervisor:
        postgres_port, chroma_port, port = free_ports(3)
        postgres, database = servers.postgres(place, postgres_port)
        chroma, chroma_url = servers.chroma(place, chroma_port)
        supervisor.start([postgres, chroma])
        database_settings = DatabaseSettings(database_url=SecretStr(database))
        migrate.upgrade(database_settings)
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "DATABASE_URL": database,
            "CHROMA_URL": chroma_url,
            "REDIS_URL": "redis://127.0.0.1:9/0",  # breakers of one process need no company
            "SIGNING_KEY": key,
            "API_KEY_PEPPER": secrets.token_urlsafe(16),
            "KNOWLEDGE_EMBEDDINGS": "minilm",
            "KNOWLEDGE_MODEL_DIR": str(MODELS),
            "LISTEN_PORT": str(port),
            "LOG_LEVEL": "warning",
        }
        address = f"http://127.0.0.1:{port}"
        service = Program(
            name="knowledge",
            command=[sys.executable, "-m", "services.knowledge"],
            environment=environment,
            ready=answers_http(f"{address}/health/ready"),
        )
        supervisor.start([service])
        engine = make_engine(database_settings, "bench")
        embedding = EmbeddingSettings(chroma_url=chroma_url, knowledge_embeddings="minilm", knowledge_model_dir=MODELS)
        with (
            embedding_room(embedding, sync_sessions(engine)) as room,
            httpx.Client(base_url=address, timeout=60) as http,
        ):
            yield Stage(room, address, chroma_url, TokenSigner(key), http, supervisor.process_ids()["knowledge"])
        engine.dispose()
