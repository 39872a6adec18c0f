"""As much of S3 as reading a file takes: what is in a bucket, what a file is, and its bytes."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class S3Server:
    """Serves `files`, by bucket/key, to whoever signs with `key`. Everything was written in 2020."""

    def __init__(self, files: dict[str, bytes], *, key: str) -> None:
        server = self
        self.files = files
        self.key = key

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(with_body=False)

            def do_GET(self) -> None:
                self._answer(with_body=True)

            def _answer(self, *, with_body: bool) -> None:
                status, headers, body = server.answer(self.path, dict(self.headers.items()))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if with_body:
                    self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, address: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        if f"Credential={self.key}/" not in headers.get("Authorization", ""):
            return 403, {}, b"<Error><Code>InvalidAccessKeyId</Code></Error>"
        parts = urlsplit(address)
        path, query = unquote(parts.path).strip("/"), parse_qs(parts.query)
        if "list-type" in query:
            return 200, {"Content-Type": "application/xml"}, self._listing(path, query.get("prefix", [""])[0])
        if path not in self.files:
            return 404, {}, b"<Error><Code>NoSuchKey</Code></Error>"
        content = self.files[path]
        meta = {"Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT", "ETag": '"1"'}
        if "Range" not in headers:
            return 200, meta, content
        first, last = headers["Range"].removeprefix("bytes=").split("-")
        part = content[int(first) : int(last or len(content)) + 1]
        place = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
        return 206, {**meta, "Content-Range": place}, part

    def _listing(self, bucket: str, prefix: str) -> bytes:
        keys = [name.removeprefix(f"{bucket}/") for name in self.files if name.startswith(f"{bucket}/{prefix}")]
        inside = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2020-01-01T00:00:{place:02d}.000Z</LastModified>"
            f"<Size>{len(self.files[f'{bucket}/{key}'])}</Size><ETag>1</ETag></Contents>"
            for place, key in enumerate(keys)
        )
        return (
            f"<ListBucketResult><Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(keys)}</KeyCount>"
            f"<IsTruncated>false</IsTruncated>{inside}</ListBucketResult>"
        ).encode()
