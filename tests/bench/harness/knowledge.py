"""A knowledge room for benchmarks: `python -m tests.bench.harness.knowledge PORT`. It knows one passage."""

from __future__ import annotations

import sys

import uvicorn

from tests.voice_house import KnowledgeRoom


def main() -> None:
    """The command line."""
    uvicorn.run(KnowledgeRoom().app(), port=int(sys.argv[1]), log_config=None, access_log=False)


if __name__ == "__main__":
    main()
