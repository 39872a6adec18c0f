"""What becomes an event, and how it is noticed: by triggers of the account's file, so that no change is missed.

A trigger is there only while an active subscription asks for its type: nobody else pays for it. What the vendor's
documents do not tell, the keys of most payloads, is ours; see the switch ``event_payload``.
"""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection

PREFIX = "tell_"
_NOW = "account_now()"
_CONTACT_COLUMNS = "email opt_in email_type status data mobile sms_status whatsapp_status"


@dataclass(frozen=True, slots=True)
class Source:
    """A change of a table that is an event: its type, the change, the contact, and what else is told.

    ``ahead`` is for events that may lie ahead of the clock; ``before`` is a statement done first.
    """

    type: str
    change: str
    contact: str
    data: str = "NULL"
    at: str = _NOW
    when: str = "TRUE"
    ahead: bool = False
    before: str = ""


def _columns(prefix: str) -> str:
    return ", ".join(f"{prefix}.{name}" for name in _CONTACT_COLUMNS.split())


def _of_book(row: str, status: str) -> Source:
    """Somebody joined a list, left it, or was taken out; segments are no lists."""
    change, when = {
        "subscribed": ("INSERT ON membership", f"{row}.unsubscribed_at IS NULL"),
        "suppressed": ("INSERT ON membership", f"{row}.unsubscribed_at IS NOT NULL"),
        "removed": ("DELETE ON membership", "TRUE"),
        "changed": ("UPDATE ON membership", "OLD.unsubscribed_at IS NOT NEW.unsubscribed_at"),
    }[status]
    shown = f"'{status}'"
    if status == "changed":
        shown = "CASE WHEN NEW.unsubscribed_at IS NULL THEN 'subscribed' ELSE 'suppressed' END"
    return Source(
        "contact.membershipUpdated",
        change,
        f"{row}.contact_id",
        f"json_object('listId', {row}.book_id, 'listStatus', {shown})",
        when=f"{when} AND EXISTS (SELECT 1 FROM address_book WHERE id = {row}.book_id AND kind = 'book')",
    )


def _campaign(kind: str, kinds: str, more: str = "") -> Source:
    """What a recipient did with a mail, or what became of it."""
    data = f"json_object('channel', 'email', 'campaignId', NEW.campaign_id{more})"
    return Source(kind, "INSERT ON event", "NEW.contact_id", data, "NEW.at", f"NEW.kind IN ({kinds})", ahead=True)


_LEFT = "NEW.unsubscribed_at IS NOT NULL"
# Bigger records are referred to by an event, not carried by it (the vendor's "large objects").
LARGE = 32_000
_IS_LARGE = f"length(NEW.json) > {LARGE}"
_LARGE_ID = "text_uuid(NEW.collection || '/' || NEW.key || '/' || NEW.modified)"
_KEEP_LARGE = (
    f"INSERT OR REPLACE INTO large_object SELECT {_LARGE_ID}, 'application/json', cast(NEW.json AS BLOB), {_NOW} "
    f"WHERE {_IS_LARGE};"
)
_RECORD = (
    "json_object('collectionName', NEW.collection, 'key', NEW.key, "
    f"iif({_IS_LARGE}, 'lobId', 'json'), iif({_IS_LARGE}, {_LARGE_ID}, json(NEW.json)))"
)


SOURCES: tuple[Source, ...] = (
    Source("contact.created", "INSERT ON contact", "NEW.id"),
    Source(
        "contact.updated",
        f"UPDATE OF {', '.join(_CONTACT_COLUMNS.split())} ON contact",
        "NEW.id",
        when=f"({_columns('OLD')}) IS NOT ({_columns('NEW')})",
    ),
    Source("contact.removed", "DELETE ON contact", "OLD.id"),
    _of_book("NEW", "subscribed"),
    _of_book("NEW", "suppressed"),
    _of_book("NEW", "changed"),
    _of_book("OLD", "removed"),
    *(
        Source(
            "contact.preferenceUpdated",
            change,
            "NEW.contact_id",
            "json_object('preferenceId', NEW.preference_id, 'isOptedIn', json(iif(NEW.opted_in, 'true', 'false')))",
            when=when,
        )
        for change, when in (
            ("INSERT ON contact_preference", "TRUE"),
            ("UPDATE ON contact_preference", "OLD.opted_in IS NOT NEW.opted_in"),
        )
    ),
    Source("contact.consentAdded", "INSERT ON consent", "NEW.contact_id"),
    Source(
        "email.doubleOptIn",
        "UPDATE OF completed ON challenge",
        "NEW.contact_id",
        "json_object('optinCode', json('true'))",
        when="NEW.purpose = 'optin' AND OLD.completed IS NULL AND NEW.completed IS NOT NULL",
    ),
    Source(
        "message.sent",
        "INSERT ON activity",
        "NEW.contact_id",
        "json_object('channel', 'email', 'campaignId', NEW.campaign_id)",
        at="NEW.sent_at",
        ahead=True,
    ),
    _campaign("message.status", "'hard_bounce', 'soft_bounce', 'mail_block'", ", 'status', 'failed'"),
    _campaign("email.read", "'open'"),
    _campaign("interaction.click", "'click'", ", 'url', json_extract(NEW.data, '$.url')"),
    Source(
        "interaction.unsubscribe",
        "UPDATE OF status ON contact",
        "NEW.id",
        "json_object('channel', 'email')",
        when="NEW.status = 'Unsubscribed' AND OLD.status <> 'Unsubscribed'",
    ),
    *(
        Source(
            "interaction.unsubscribe",
            change,
            "NEW.contact_id",
            "json_object('channel', 'email', 'listId', NEW.book_id)",
            when=when,
        )
        for change, when in (
            ("INSERT ON membership", _LEFT),
            ("UPDATE OF unsubscribed_at ON membership", f"{_LEFT} AND OLD.unsubscribed_at IS NULL"),
        )
    ),
    *(
        Source("insightData.set", change, "nullif(NEW.contact_id, 0)", _RECORD, when=when, before=_KEEP_LARGE)
        for change, when in (
            ("INSERT ON insight", "TRUE"),
            ("UPDATE OF json, contact_id ON insight", "OLD.json <> NEW.json OR OLD.contact_id <> NEW.contact_id"),
        )
    ),
    Source(
        "insightData.removed",
        "DELETE ON insight",
        "nullif(OLD.contact_id, 0)",
        "json_object('collectionName', OLD.collection, 'key', OLD.key)",
    ),
    *(
        Source(kind, change, "NULL", f"json_object('collectionName', {row}.name)")
        for kind, change, row in (
            ("insightData.collectionCreated", "INSERT ON insight_collection", "NEW"),
            ("insightData.collectionRemoved", "DELETE ON insight_collection", "OLD"),
        )
    ),
)
TYPES = frozenset(source.type for source in SOURCES)


def listen(db: Connection) -> None:
    """Have exactly those triggers that the active subscriptions need."""
    wanted = {
        row["type"]
        for row in db.execute(
            "SELECT DISTINCT c.type FROM event_capture c JOIN event_subscription s ON s.id = c.subscription_id "
            "WHERE s.status = 'active' AND c.until IS NULL"
        )
    }
    rows = db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name GLOB ?", (f"{PREFIX}*",))
    there = {row["name"] for row in rows}
    needed = {
        f"{PREFIX}{number}_{source.type.replace('.', '_')}": source
        for number, source in enumerate(SOURCES)
        if source.type in wanted
    }
    for name in there - set(needed):
        db.execute(f"DROP TRIGGER {name}")
    for name in set(needed) - there:
        db.execute(_trigger(name, needed[name]))


def _trigger(name: str, source: Source) -> str:
    table = "feed_ahead" if source.ahead else "feed"
    return (
        f"CREATE TRIGGER {name} AFTER {source.change} WHEN {source.when} BEGIN {source.before} "
        f"INSERT INTO {table} (type, at, contact_id, data) "
        f"VALUES ('{source.type}', {source.at}, {source.contact}, {source.data}); END"
    )
