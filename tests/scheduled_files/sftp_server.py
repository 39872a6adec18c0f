"""A real SFTP server on this machine, of one folder, one user and one password."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import paramiko

USER, PASSWORD = "mona", "right one"


class _Door(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        is_right = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


class _Files(paramiko.SFTPServerInterface):
    folder: Path

    def __init__(self, server: Any, folder: Path) -> None:
        super().__init__(server)
        self.folder = folder

    def _path(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    def list_folder(self, path: str) -> Any:
        return [
            paramiko.SFTPAttributes.from_stat(each.stat(), each.name) for each in sorted(self._path(path).iterdir())
        ]

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(int(error.errno or 0))

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = self._path(path).open("rb")  # type: ignore[attr-defined]
        return handle


class SftpServer:
    """Serves until it is closed; `host_key` is what it shows, another one with each."""

    def __init__(self, folder: Path) -> None:
        self._key = paramiko.RSAKey.generate(2048)
        self._folder = folder
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[Any] = []
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._take_calls, daemon=True).start()

    @property
    def host_key(self) -> str:
        """As an SSH client writes it down."""
        return f"{self._key.get_name()} {self._key.get_base64()}"

    def close(self) -> None:
        """Take no more calls."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for transport in self._open:
            transport.close()

    def _take_calls(self) -> None:
        with suppress(OSError):
            while True:
                call, _address = self._server.accept()
                transport = paramiko.Transport(call)
                transport.add_server_key(self._key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, self._folder)
                self._open.append(transport)
                with suppress(paramiko.SSHException, EOFError, OSError):
                    transport.start_server(server=_Door())


def long_ago(path: Path) -> Path:
    """As if nobody had written to it for an hour."""
    moment = path.stat().st_mtime - 3_600
    os.utime(path, (moment, moment))
    return path
