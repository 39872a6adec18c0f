"""An account to try a client on: the sandbox, put back to its first state as often as wanted, in milliseconds."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from dotdigital_sandbox.folder import private_folder
from dotdigital_sandbox.opening import open_account
from dotdigital_sandbox.server import Sandbox

_SECONDS = 30
# How much of a refusal is repeated in its exception.
_SAID = 500


class DotdigitalAccount(Sandbox):
    """A sandbox whose state is for trying things out, and can be thrown away.

    ``url``, ``user`` and ``password`` are what a client is given; all that can be done to the account is said by
    :class:`dotdigital_sandbox.controls.Controls`: faults, clock, recipients, imports.
    """

    def __init__(self, data_dir: str | Path, **settings: Any) -> None:
        self._numbers = count()
        self._folder = private_folder(Path(data_dir))
        super().__init__(self._next_folder(), **settings)
        self._switches = replace(self.settings.switches)
        self._first, self._kept = self._folder / "first.sqlite3", self._folder / "kept.sqlite3"
        self._is_begun = self._is_kept = False
        self._start_at = self.settings.start_at
        # What the clock showed when the account was kept, if that was its own time; and whether it stood still.
        self._kept_at: datetime | None = None
        self._is_kept_frozen = False

    def start(self) -> Self:
        """Open the account and listen; :meth:`reset` goes back to the first start, or to what :meth:`keep` kept."""
        super().start()
        if not self._is_begun:
            self.dump(self._first)
            self._is_begun = True
        return self

    def keep(self) -> None:
        """From now on :meth:`reset` goes back to how the account is at this moment: what was made so far stays."""
        self.dump(self._kept)
        clock = self.account.clock
        self._kept_at = clock.now() if clock.is_shifted else None
        self._is_kept_frozen = clock.frozen
        self._is_kept = True

    def begin_anew(self) -> None:
        """Put everything back to how it was at the first start: what was kept is forgotten, and who was stopped
        listens again."""
        self._is_kept = False
        if not self.is_running:
            self.start()
        self.reset()

    def reset(self) -> None:
        """Put everything back to how it was at the start or when it was last kept: state, clock, faults, log of calls.
        The switches go back to those of the start.

        What was still in work is dropped. The address stays the same.
        """
        before = self.account
        folder = private_folder(self._next_folder())
        shutil.copyfile(self._kept if self._is_kept else self._first, folder / "account.sqlite3")
        self.settings = replace(
            self.settings,
            data_dir=folder,
            switches=replace(self._switches),
            start_at=self._kept_at if self._is_kept else self._start_at,
        )
        self.serve(open_account(self.settings))
        if self._is_kept and self._is_kept_frozen:
            self.freeze(self._kept_at)
        before.close()
        shutil.rmtree(before.settings.data_dir, ignore_errors=True)

    def get(self, path: str, **query: Any) -> Any:
        """What the API answers to a GET, such as ``get("/v2/contacts/ann@example.com")``.

        A query may stand in the path, too. Raises HTTPError, which says what the API said.
        """
        path, _, given = path.partition("?")
        words = "&".join(each for each in (quote(given, safe="=&%+~"), urlencode(query)) if each)
        asked = f"{self.url}/{quote(path.lstrip('/'), safe='/%@+~')}{'?' if words else ''}{words}"
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request = Request(asked, headers={"Authorization": f"Basic {token}"})  # noqa: S310 - our own address
        # Never by way of a proxy: the account is on this machine.
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=_SECONDS) as answer:
                content = answer.read()
        except HTTPError as refused:
            content = refused.read()
            said = f"{refused.msg}: {content[:_SAID].decode(errors='replace')} (GET {path})"
            raise HTTPError(asked, refused.code, said, refused.headers, BytesIO(content)) from None
        return json.loads(content) if content else None

    def _next_folder(self) -> Path:
        return self._folder / f"account{next(self._numbers)}"
