"""SFTP servers and S3 buckets, by fsspec. Needs the extra `remote-files`."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, unquote

from dotbridge.files.texts import text as _
from dotbridge.scheduled_files.fetching import End, FetchRefused, Place

_SILENT_SECONDS = 30
_BETWEEN_CANCELS = 0.2


@dataclass(frozen=True, kw_only=True)
class RemoteSystem:
    """An open file system and the path in it."""

    files: Any
    path: str
    host_key: str = ""

    def newest(self, is_whole: Callable[[str], bool]) -> tuple[str, float | None]:
        """The path of the file, of a folder its newest, and when it was written, in seconds since 1970.

        Raises FetchRefused for an empty folder, OSError for what is not there.
        """
        info = self.files.info(self.path)
        if info["type"] != "directory":
            return self.path, _modified(info)
        inside = [
            each
            for each in self.files.ls(self.path, detail=True)
            if each["type"] == "file" and is_whole(each["name"].rpartition("/")[2])
        ]
        if not inside:
            raise FetchRefused(_("The folder is empty."))
        newest = max(inside, key=lambda each: (_modified(each) or 0.0, each["name"]))
        return newest["name"], _modified(newest)

    def open(self, path: str) -> Any:
        """The file, to be read."""
        return self.files.open(path, "rb")


def _modified(info: dict[str, Any]) -> float | None:
    found = info.get("mtime") or info.get("LastModified")
    if isinstance(found, datetime):
        return found.timestamp()
    return float(found) if found is not None else None


@contextmanager
def open_system(place: Place, parts: SplitResult, end: End) -> Iterator[RemoteSystem]:
    """The file system at the place, cut off when the end comes. Raises FetchRefused where it does not let us in."""
    try:
        opened = _sftp(place, parts, end) if parts.scheme == "sftp" else _s3(place, parts, end)
    except ImportError:
        raise FetchRefused(
            _("For SFTP and S3 install dotbridge with its extra: pip install 'dotbridge[app,remote-files]'.")
        ) from None
    with opened as system:
        yield system


@contextmanager
def _sftp(place: Place, parts: SplitResult, end: End) -> Iterator[RemoteSystem]:
    import paramiko  # noqa: PLC0415 - only where the extra is installed

    seen: list[str] = []
    limits = dict.fromkeys(("timeout", "banner_timeout", "auth_timeout"), _SILENT_SECONDS)
    login = {"username": place.username or None, "password": place.secret or None}
    try:
        files = _sftp_class(place.host_key, seen, end)(
            str(parts.hostname), port=parts.port or 22, allow_agent=False, look_for_keys=False, **login, **limits
        )
    except (paramiko.SSHException, OSError, EOFError) as error:
        if place.host_key and seen and seen[-1] != place.host_key:
            text = _("The server shows another key than before. If that is right, say so in the file's settings.")
            raise FetchRefused(text) from None
        if isinstance(error, paramiko.AuthenticationException):
            raise FetchRefused(_("The server does not take the user name and password.")) from None
        raise FetchRefused(_("The server cannot be reached: %(why)s.") % {"why": type(error).__name__}) from None
    try:
        if channel := files.ftp.get_channel():
            channel.settimeout(_SILENT_SECONDS)
        yield RemoteSystem(files=files, path=unquote(parts.path) or "/", host_key=seen[-1])
    except (paramiko.SSHException, EOFError) as error:
        raise FetchRefused(_("The server cannot be reached: %(why)s.") % {"why": type(error).__name__}) from None
    finally:
        files.client.close()


def _sftp_class(known_key: str, seen: list[str], end: End) -> Any:
    """fsspec's SFTP that takes the key which a server showed first, and no other after that; `seen` gets it.

    As it comes it takes any key, and so gives our password to whoever stands between.
    """
    import paramiko  # noqa: PLC0415 - only where the extra is installed
    from fsspec.implementations.sftp import SFTPFileSystem  # noqa: PLC0415 - as above

    class KnownServer(paramiko.MissingHostKeyPolicy):
        def missing_host_key(self, _client: Any, _hostname: str, key: Any) -> None:
            seen.append(f"{key.get_name()} {key.get_base64()}")
            if known_key and seen[-1] != known_key:
                raise paramiko.SSHException("another key")

    class KnownSystem(SFTPFileSystem):  # type: ignore[misc]
        cachable = False

        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            self.client.set_missing_host_key_policy(KnownServer())
            line = socket.create_connection((self.host, self.ssh_kwargs["port"]), timeout=_SILENT_SECONDS)
            try:
                end.cut(line)
            except FetchRefused:
                line.close()
                raise
            self.client.connect(self.host, sock=line, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()

    return KnownSystem


@contextmanager
def _s3(place: Place, parts: SplitResult, end: End) -> Iterator[RemoteSystem]:
    import s3fs  # noqa: PLC0415 - only where the extra is installed
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    with _own_loop(end) as loop:
        try:
            files = s3fs.S3FileSystem(
                key=place.username or None,
                secret=place.secret or None,
                anon=not place.username,
                use_listings_cache=False,
                skip_instance_cache=True,
                loop=loop,
                config_kwargs={"connect_timeout": _SILENT_SECONDS, "read_timeout": _SILENT_SECONDS},
            )
            try:
                yield RemoteSystem(files=files, path=f"{parts.hostname}{unquote(parts.path)}")
            finally:
                files.close_session(loop, files.s3)
        except (BotoCoreError, ClientError) as error:
            raise FetchRefused(_("The bucket cannot be read: %(why)s.") % {"why": type(error).__name__}) from None


@contextmanager
def _own_loop(end: End) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop for one fetch alone, so that its end is no other fetch's."""
    loop = asyncio.new_event_loop()
    runs = threading.Thread(target=loop.run_forever, daemon=True)
    runs.start()

    def cancel() -> None:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        # What is asked after the end has come ends as well.
        loop.call_later(_BETWEEN_CANCELS, cancel)

    end.call(lambda: loop.call_soon_threadsafe(cancel))
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        runs.join()
        loop.close()
