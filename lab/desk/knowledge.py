"""`make kb`: a folder of files into the knowledge base."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.desk.api import PlatformApi, Refused, wait_until
from lab.desk.running import newest

ENDINGS = (".md", ".markdown", ".html", ".htm", ".txt")
AT_ONCE = 4
SEARCHABLE_WITHIN_S = 600.0


def files_of(folder: Path) -> list[Path]:
    """The files in a folder, at any depth, that can be read as articles."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())


def upload_folder(api: PlatformApi, folder: Path, collection: str) -> int:
    """Upload every file and wait until all can be found; how many articles the collection then has.

    A file that is refused is named with the reason and left out. Raises Refused when there is nothing to upload.
    """
    files = files_of(folder)
    if not files:
        raise Refused(f"{folder} holds no files that end in {', '.join(ENDINGS)}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        refused = [line for line in pool.map(lambda path: _upload(api, path, collection), files) if line]
    for line in refused:
        print(f"  not taken: {line}", file=sys.stderr)
    if len(refused) == len(files):
        raise Refused("no file was taken")
    return wait_until(lambda: _all_searchable(api, collection), SEARCHABLE_WITHIN_S, "the embedding of the articles")


def _upload(api: PlatformApi, path: Path, collection: str) -> str | None:
    try:
        api.upload(path, collection)
    except Refused as error:
        return f"{path.name}: {error}"
    return None


def _all_searchable(api: PlatformApi, collection: str) -> int | None:
    searchable, total = api.searchable(collection)
    return total if searchable == total else None


def kb(folder: Path, collection: str) -> int:
    """The command."""
    stack = newest()
    api = PlatformApi(stack.addresses["gateway"], stack.api_key)
    began = time.monotonic()
    count = upload_folder(api, folder, collection)
    print(f"{count} articles searchable in {collection} after {time.monotonic() - began:.1f} s")
    return 0
