"""A file from where it is: a folder of this machine, the web, SFTP or S3. Within limits of size and time.

Nobody reads through this what only the server may see: files come from the folders that the operator named, and
addresses of the own network are refused unless the operator allows them.
"""

from __future__ import annotations

import ipaddress
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import httpx2

from dotbridge.files.texts import text as _
from dotbridge.files.unpacking import LARGEST_FILE

if TYPE_CHECKING:
    from dotbridge.scheduled_files.remote_systems import RemoteSystem

SCHEMES = ("file", "http", "https", "sftp", "s3")
MOST_REDIRECTS = 5
LONGEST_SECONDS = 600
_SILENT_SECONDS = 30
# A file that was written to so lately may not be whole yet.
_SETTLED_SECONDS = 30
_PIECE = 1024**2


class FetchRefused(Exception):
    """A file that could not be had. `text` says why and what would help, and holds no secret."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class NotSettled(Exception):
    """The file is being written just now; a little later it will be whole."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the file is, and how to get in. `host_key` is the key of an SFTP server as it was first seen."""

    url: str
    username: str = ""
    secret: str = ""
    host_key: str = ""


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What the operator allows: folders of this machine, and addresses of the own network."""

    folders: tuple[Path, ...] = ()
    private_addresses: bool = False


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """The file, open, its name, and the key that an SFTP server showed."""

    file: BinaryIO
    name: str
    host_key: str = ""


@contextmanager
def fetched(place: Place, allowed: Allowed) -> Iterator[Fetched]:
    """The file on this machine, gone at the end of the block. Raises FetchRefused and NotSettled."""
    parts = parsed(place.url)
    with tempfile.TemporaryFile(prefix="dotbridge-fetched-") as file:
        host_key = ""
        if parts.scheme == "file":
            name = _from_folder(parts, allowed, file)
        elif parts.scheme in {"http", "https"}:
            name = _from_web(place, allowed, file)
        else:
            name, host_key = _from_elsewhere(place, parts, allowed, file)
        file.seek(0)
        yield Fetched(file=cast("BinaryIO", file), name=name, host_key=host_key)


def parsed(url: str) -> SplitResult:
    """The parts of the address. Raises FetchRefused for one that cannot be used."""
    address = url if "://" in url else f"file://{quote(url)}"
    if not address.startswith(("http://", "https://")):
        # Elsewhere than in the web these belong to the name of a file.
        address = address.replace("#", "%23").replace("?", "%3F")
    try:
        parts = urlsplit(address)
        _port = parts.port
    except ValueError:
        raise FetchRefused(_("This is no address.")) from None
    if "\0" in unquote(url):
        raise FetchRefused(_("This is no address."))
    if parts.scheme not in SCHEMES:
        raise FetchRefused(_("Give a path, or an address with https://, sftp:// or s3://."))
    if parts.password is not None or (parts.username is not None and parts.scheme != "file"):
        raise FetchRefused(_("Write user name and password into their own fields, not into the address."))
    if parts.scheme == "file" and (not parts.path.startswith("/") or parts.netloc not in {"", "localhost"}):
        raise FetchRefused(_("Give the whole path, beginning with /."))
    if parts.scheme != "file" and not parts.hostname:
        raise FetchRefused(_("The address names no server."))
    return parts


def _from_folder(parts: SplitResult, allowed: Allowed, into: IO[bytes]) -> str:
    # Resolved first, so that no link and no .. leads out of the folders.
    path = Path(unquote(parts.path)).resolve()
    if not any(path.is_relative_to(folder.resolve()) for folder in allowed.folders):
        named = ", ".join(map(str, allowed.folders)) or "-"
        raise FetchRefused(
            _("Files are read from the folders in DOTBRIDGE_FILE_FOLDERS alone: %(folders)s.") % {"folders": named}
        )
    try:
        if path.is_dir():
            # A link among them may lead out of the folders.
            inside = [
                each for each in path.iterdir() if each.is_file() and not each.is_symlink() and _is_whole(each.name)
            ]
            path = max(inside, key=lambda each: (each.stat().st_mtime, each.name), default=path)
            if path.is_dir():
                raise FetchRefused(_("The folder is empty."))
        if path.exists() and not path.is_file():
            # Nobody may ever write to a pipe, and reading a device may never end.
            raise FetchRefused(_("This is no file."))
        _require_settled(path.stat().st_mtime)
        with path.open("rb") as file:
            _copy(file, into)
    except OSError as error:
        raise FetchRefused(_("The file cannot be read: %(why)s.") % {"why": error.strerror}) from None
    return path.name


def _is_whole(name: str) -> bool:
    return not name.startswith(".") and not name.endswith((".part", ".tmp", ".filepart", "~"))


def _require_settled(modified: float) -> None:
    if 0 <= time.time() - modified < _SETTLED_SECONDS:
        raise NotSettled


def _copy(file: Any, into: IO[bytes]) -> None:
    began, done = time.monotonic(), 0
    while piece := file.read(_PIECE):
        done += len(piece)
        _require_within(done, began)
        into.write(piece)


def _require_within(size: int, began: float) -> None:
    if size > LARGEST_FILE:
        raise FetchRefused(_("The file has more than %(most)d MB.") % {"most": LARGEST_FILE // 1024**2})
    if time.monotonic() - began > LONGEST_SECONDS:
        raise _too_long()


def _too_long() -> FetchRefused:
    return FetchRefused(_("The file took longer than %(most)d minutes.") % {"most": LONGEST_SECONDS // 60})


def _require_public(host: str, allowed: Allowed) -> None:
    """Raise FetchRefused for a server of the own network, or one that has no address."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise FetchRefused(_("The server %(host)s is not known.") % {"host": host}) from None
    if not all(_is_public(str(address)) for address in found) and not allowed.private_addresses:
        raise _private()


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return (found.ipv4_mapped or found).is_global if isinstance(found, ipaddress.IPv6Address) else found.is_global


def _private() -> FetchRefused:
    return FetchRefused(
        _("The server is in your own network. Set DOTBRIDGE_FILE_PRIVATE_ADDRESSES where Dotbridge runs to allow that.")
    )


def _from_web(place: Place, allowed: Allowed, into: IO[bytes]) -> str:
    began, url = time.monotonic(), place.url
    first = urlsplit(url)
    login = httpx2.BasicAuth(place.username, place.secret) if place.username else None
    end = End(allowed)
    try:
        with end.after(LONGEST_SECONDS), httpx2.Client(timeout=_SILENT_SECONDS, trust_env=False) as client:
            for _redirect in range(MOST_REDIRECTS + 1):
                parts = parsed(url)
                if parts.scheme not in {"http", "https"} or (first.scheme == "https" and parts.scheme == "http"):
                    raise FetchRefused(_("The server sends us on to an address that is not safe to follow."))
                _require_public(str(parts.hostname), allowed)
                # Who we are is told to the server that was named, and to no other that it sends us to.
                auth = login if parts.netloc == first.netloc else None
                extensions = {"trace": end.watch}
                headers = {"Accept-Encoding": "identity"}
                with client.stream("GET", url, auth=auth, headers=headers, extensions=extensions) as answer:
                    _require_public_peer(answer, allowed)
                    if answer.is_redirect:
                        url = urljoin(url, answer.headers.get("location", ""))
                        continue
                    if answer.status_code != 200:
                        raise FetchRefused(_("The server answers %(code)d.") % {"code": answer.status_code})
                    done = 0
                    for piece in answer.iter_raw(_PIECE):
                        done += len(piece)
                        _require_within(done, began)
                        into.write(piece)
                    return unquote(parts.path).rpartition("/")[2] or str(parts.hostname)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        if end.has_come:
            raise _too_long() from None
        raise FetchRefused(_("The server cannot be reached: %(why)s.") % {"why": type(error).__name__}) from None
    raise FetchRefused(_("The server sends us from one address to the next."))


class End:
    """The end of a whole fetch: a socket's own time-out begins anew with each byte, also of the head of an answer."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self.has_come = False
        self._cuts: list[Callable[[], object]] = []
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        """Whatever was connected inside is cut off so many seconds after the beginning."""
        alarm = threading.Timer(seconds, self._come)
        alarm.daemon = True
        alarm.start()
        try:
            yield
        finally:
            alarm.cancel()

    def watch(self, name: str, info: dict[str, Any]) -> None:
        """For httpx's `trace`: hears of each connection."""
        if not name.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        self.cut(info["return_value"].get_extra_info("socket"))

    def cut(self, line: socket.socket) -> None:
        """Cut this connection off when the end comes. Raises FetchRefused where it leads into the own network."""
        if not self._allowed.private_addresses and not _is_public(str(line.getpeername()[0])):
            # Its name may have got another address since it was asked for.
            raise _private()
        self.call(lambda: line.shutdown(socket.SHUT_RDWR))

    def call(self, cut: Callable[[], object]) -> None:
        """Do this when the end comes, or now if it has come."""
        with self._one_at_a_time:
            self._cuts.append(cut)
        if self.has_come:
            self._cut_off()

    def _come(self) -> None:
        self.has_come = True
        self._cut_off()

    def _cut_off(self) -> None:
        with self._one_at_a_time:
            for cut in self._cuts:
                with suppress(OSError, RuntimeError):
                    cut()


def _require_public_peer(answer: httpx2.Response, allowed: Allowed) -> None:
    """Its name may have got another address since it was asked for."""
    stream = answer.extensions.get("network_stream")
    peer = stream.get_extra_info("server_addr") if stream is not None else None
    if not allowed.private_addresses and (not peer or not _is_public(str(peer[0]))):
        raise _private()


def _from_elsewhere(place: Place, parts: SplitResult, allowed: Allowed, into: IO[bytes]) -> tuple[str, str]:
    from dotbridge.scheduled_files.remote_systems import open_system  # noqa: PLC0415 - its parts are an extra

    if parts.scheme == "sftp":
        _require_public(str(parts.hostname), allowed)
    end = End(allowed)
    try:
        with end.after(LONGEST_SECONDS), open_system(place, parts, end) as system:
            path = _copy_newest(system, into)
            return path.rstrip("/").rpartition("/")[2], system.host_key
    except Exception:
        # Whatever the libraries make of a connection that was cut off.
        if end.has_come:
            raise _too_long() from None
        raise


def _copy_newest(system: RemoteSystem, into: IO[bytes]) -> str:
    try:
        path, modified = system.newest(_is_whole)
        if modified is not None:
            _require_settled(modified)
        with system.open(path) as file:
            _copy(file, into)
    except FileNotFoundError:
        raise FetchRefused(_("The file is not there.")) from None
    except PermissionError:
        raise FetchRefused(_("The server does not let us read the file.")) from None
    except OSError as error:
        raise FetchRefused(_("The file cannot be read: %(why)s.") % {"why": type(error).__name__}) from None
    return path
