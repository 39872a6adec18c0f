"""What recipients do with a campaign: a seeded random model of opens, clicks, bounces and the rest."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.dates import parse_instant, text_of
from dotdigital_sandbox.settings import Engagement

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

Event = tuple[int, int, str, str, str, str, int]
BATCH = 2000
# What changes a contact's status, and to what; a soft bounce does so when it comes for the third time.
STATUS_AFTER = {
    "unsubscribe": "Unsubscribed",
    "hard_bounce": "HardBounced",
    "complaint": "IspComplained",
    "mail_block": "MailBlocked",
    "soft_bounce": "SoftBounced",
}
SOFT_BOUNCES = 3
CLIENTS = (
    ("Thunderbird", "Thunderbird 115", "Mozilla/5.0 (X11; Linux x86_64) Thunderbird/115.3"),
    ("Outlook", "Outlook 2021", "Microsoft Office/16.0 (Microsoft Outlook 16.0.14326; Pro)"),
    ("Apple Mail", "Apple Mail 16", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"),
    ("Gmail", "Gmail", "Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)"),
)
REPLIES = ("Thank you, this is helpful.", "I am away until Monday.", "Please call me back about this offer.")
_LINK = re.compile(r"""https?://[^\s"'<>)]+""", re.IGNORECASE)
FALLBACK_LINKS = (
    "https://www.example.com/",
    "https://www.example.com/news",
    "https://shop.example.com/offers?from=mail",
)


def engage(account: Account, *, campaign_id: int, sent_at: str) -> None:
    """Let everyone who was sent the campaign at that instant react, a batch of recipients at a time.

    Whoever has reacted to it already, before an interruption, does not do so again.
    """
    with account.store.reading() as db:
        campaign = db.execute("SELECT * FROM campaign WHERE id = ?", (campaign_id,)).fetchone()
    after = 0
    while True:
        with account.store.reading() as db:
            rows = db.execute(
                "SELECT contact_id, email, is_text FROM activity a WHERE campaign_id = ? AND contact_id > ? "
                "AND sent_at = ? AND NOT EXISTS (SELECT 1 FROM event e WHERE e.campaign_id = a.campaign_id "
                "AND e.contact_id = a.contact_id) ORDER BY contact_id LIMIT ?",
                (campaign_id, after, sent_at, BATCH),
            ).fetchall()
        if not rows:
            return
        after = rows[-1]["contact_id"]
        model = Model(account, campaign, sent_at)
        with account.store.writing() as db:
            store_events(db, (event for row in rows for event in model.reactions(row)))


def store_events(db: Connection, events: Iterator[Event]) -> None:
    """Note events: campaign, contact, address, kind, when, data, and whether a status hangs on it."""
    while batch := list(islice(events, BATCH)):
        db.executemany(
            "INSERT INTO event (campaign_id, contact_id, email, kind, at, data, pending) VALUES (?, ?, ?, ?, ?, ?, ?)",
            batch,
        )


class Model:
    """Draws one recipient's reactions; the same seed, campaign and contact always give the same."""

    def __init__(
        self,
        account: Account,
        campaign: Row,
        sent_at: str,
        *,
        rates: Engagement | None = None,
        spread_seconds: float | None = None,
    ) -> None:
        settings = account.settings
        self._rates = rates or settings.engagement
        self._seed = settings.random_seed
        luck = random.Random(f"{self._seed}/{campaign['id']}")  # noqa: S311 - repeatable, not secret
        self._opens, self._clicks = (
            _varied(rate, luck.uniform(-1, 1) * self._rates.variety) for rate in (self._rates.opens, self._rates.clicks)
        )
        self._spread = settings.engagement_seconds if spread_seconds is None else spread_seconds
        self._campaign = campaign
        self._sent = parse_instant(sent_at) or account.clock.now()
        found = _LINK.findall(f"{campaign['html_content']} {campaign['plain_text_content']}")
        links = dict.fromkeys(link.rstrip(".,;:!?") for link in found)
        # A merge token in place of an address is a link of the service's own, like the one to unsubscribe.
        self._links = [link for link in links if "$" not in link] or list(FALLBACK_LINKS)

    def reactions(self, row: Row) -> Iterator[Event]:
        """All that one recipient will do, in no order."""
        draw = random.Random(f"{self._seed}/{self._campaign['id']}/{row['contact_id']}")  # noqa: S311 - repeatable, not secret
        for kind, moment, data in self._reactions(draw, row["email"]):
            yield (
                self._campaign["id"],
                row["contact_id"],
                row["email"],
                kind,
                text_of(moment),
                json.dumps(data, ensure_ascii=False),
                int(kind in STATUS_AFTER),
            )

    def _later(self, draw: random.Random, start: datetime, share: float = 1.0) -> datetime:
        """Some instant after the start; early ones are likelier."""
        return start + timedelta(seconds=self._spread * share * draw.random() ** 2)

    def _reactions(self, draw: random.Random, email: str) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
        rates = self._rates
        for kind, rate in (
            ("hard_bounce", rates.hard_bounces),
            ("soft_bounce", rates.soft_bounces),
            ("mail_block", rates.mail_blocks),
        ):
            if draw.random() < rate:
                yield kind, self._later(draw, self._sent, 0.01), {}
                return
        if draw.random() >= self._opens:
            return
        where = self._where(draw)
        opened = self._later(draw, self._sent)
        for number in range(_count(draw, rates.repeats)):
            moment = opened if number == 0 else self._later(draw, opened)
            yield "open", moment, {**where, "isHtml": True, "isForward": draw.random() < rates.forwards}
        if draw.random() < self._clicks:
            yield from self._visits(draw, opened, where)
        yield from self._answers(draw, opened, email)

    def _where(self, draw: random.Random) -> dict[str, Any]:
        client, version, agent = draw.choice(CLIENTS)
        address = f"203.0.113.{draw.randrange(1, 255)}"
        return {"mailClient": client, "mailClientVersion": version, "ipAddress": address, "userAgent": agent}

    def _visits(
        self, draw: random.Random, opened: datetime, where: dict[str, Any]
    ) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
        rates = self._rates
        for _ in range(_count(draw, rates.repeats)):
            url, moment = draw.choice(self._links), self._later(draw, opened)
            reader = {"ipAddress": where["ipAddress"], "userAgent": where["userAgent"]}
            yield "click", moment, {"url": url, **reader, "keyword": None}
            if draw.random() < rates.page_views:
                yield "page_view", self._later(draw, moment, 0.1), {"url": url}
                if draw.random() < rates.purchases:
                    value = round(draw.uniform(5, 250), 2)
                    yield (
                        "roi",
                        self._later(draw, moment, 0.2),
                        {"markerName": "Purchase", "dataType": "Numeric", "value": value},
                    )

    def _answers(
        self, draw: random.Random, opened: datetime, email: str
    ) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
        rates = self._rates
        if draw.random() < rates.forwards:
            yield "forward", self._later(draw, opened), {"estimated": draw.randrange(1, 5)}
        if draw.random() < rates.replies:
            text = draw.choice(REPLIES)
            kind = "AutoReply" if "away" in text else "Reply"
            message = {
                "fromAddress": email,
                "subject": f"Re: {self._campaign['subject']}",
                "message": text,
                "replyType": kind,
            }
            yield "reply", self._later(draw, opened), message
        if draw.random() < rates.bookmarks:
            yield "bookmark", self._later(draw, opened), {"bookmarkName": draw.choice(("Facebook", "LinkedIn"))}
        if draw.random() < rates.unsubscribes:
            yield "unsubscribe", self._later(draw, opened), {}
        elif draw.random() < rates.complaints:
            yield "complaint", self._later(draw, opened), {}


def _varied(rate: float, luck: float) -> float:
    """The rate, moved up or down; what is certain or impossible stays so."""
    return rate + luck * rate * (1 - rate)


def _count(draw: random.Random, repeat: float) -> int:
    """One, and one more as often as the repeat rate says."""
    count = 1
    while draw.random() < repeat:
        count += 1
    return count
