"""dlt reading an address book's contacts into PostgreSQL: a program of its own, because it runs in dlt's environment.

Its one argument is JSON: rows, url (of the book), authorization, folder, database. Prints rows and seconds as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any
from urllib.parse import quote

task: dict[str, Any] = json.loads(sys.argv[1])
os.environ |= {
    "DLT_DATA_DIR": task["folder"],
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    # Larger than all rows: dlt rotates and loads its files in turns otherwise.
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "10000000",
}

import dlt  # noqa: E402 - it reads its settings from the environment
from dlt.sources.rest_api import rest_api_source  # noqa: E402

PAGE = 1_000


def contacts_and_memberships() -> Any:
    """The same pages as everybody else reads, into the same two things; data fields stay one JSON value."""
    paginator = {
        "type": "offset", "limit": PAGE, "limit_param": "select", "offset_param": "skip", "total_path": None,
        "maximum_offset": task["rows"],
    }  # fmt: skip
    source = rest_api_source(
        {
            "client": {"base_url": task["url"], "headers": {"Authorization": task["authorization"]}},
            "resources": [
                {
                    "name": "contacts",
                    "primary_key": "id",
                    "write_disposition": "merge",
                    "columns": {"dataFields": {"data_type": "json"}},
                    "endpoint": {"path": "contacts", "params": {"withFullData": "true"}, "paginator": paginator},
                }
            ],
        }
    )
    source.max_table_nesting = 0

    @dlt.transformer(data_from=source.contacts, primary_key="contact_id", write_disposition="merge")
    def memberships(page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"contact_id": row["id"], "status": row["status"]} for row in page]

    return [source, memberships]


def main() -> None:
    """Run the pipeline once, from the first request to the merged table."""
    database = task["database"]
    credentials = (
        f"postgresql://{database['user']}:unused@localhost:{database['port']}/{database['name']}"
        f"?host={quote(database['host'], safe='')}"
    )
    # In this mode each run has a schema of its own, as new to it as the empty tables are to the others.
    pipeline = dlt.pipeline(
        "contacts", destination=dlt.destinations.postgres(credentials), dataset_name="bench_dlt", dev_mode=True
    )
    ready, started = time.process_time(), time.perf_counter()
    pipeline.run(contacts_and_memberships())
    seconds = time.perf_counter() - started
    with pipeline.sql_client() as client:
        rows, members = client.execute_sql(
            "SELECT (SELECT count(*) FROM contacts), (SELECT count(*) FROM memberships)"
        )[0]
    if rows != members or rows < task["rows"]:
        raise RuntimeError(f"{rows} contacts and {members} memberships where {task['rows']} were expected")
    print(json.dumps({"rows": rows, "seconds": seconds, "getting_ready": ready}))


if __name__ == "__main__":
    main()
