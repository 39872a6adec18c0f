-- What happens in the account, for those who subscribed to events (version 3). event_triggers.py fills these tables, by
-- triggers that are there only while somebody listens. A feed row's id is its place in the queue; data are the keys that its
-- type adds, as JSON.
CREATE TABLE IF NOT EXISTS feed (
    id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, at TEXT NOT NULL, contact_id INTEGER, data TEXT
);
CREATE INDEX IF NOT EXISTS feed_at ON feed (at);

-- What recipients will do lies ahead of the account's clock: it joins the queue when its time has come.
CREATE TABLE IF NOT EXISTS feed_ahead (
    id INTEGER PRIMARY KEY, type TEXT NOT NULL, at TEXT NOT NULL, contact_id INTEGER, data TEXT
);
CREATE INDEX IF NOT EXISTS feed_ahead_at ON feed_ahead (at);

-- types: the event types with their filters, as given. acknowledged: the last place that the subscriber has received.
CREATE TABLE IF NOT EXISTS event_subscription (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, status TEXT NOT NULL, types TEXT NOT NULL,
    alerts TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL, read_at TEXT NOT NULL, acknowledged INTEGER NOT NULL
);

-- From behind which place up to which one a subscription takes events of a type; no end while it is active.
CREATE TABLE IF NOT EXISTS event_capture (
    id INTEGER PRIMARY KEY, subscription_id INTEGER NOT NULL, type TEXT NOT NULL, filters TEXT, since INTEGER NOT NULL,
    until INTEGER
);
CREATE INDEX IF NOT EXISTS event_capture_subscription ON event_capture (subscription_id, type);

CREATE TABLE IF NOT EXISTS large_object (
    id TEXT PRIMARY KEY, media_type TEXT NOT NULL, content BLOB NOT NULL, created TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS imported_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, contact_id INTEGER NOT NULL, type TEXT NOT NULL, at TEXT NOT NULL,
    timeline TEXT, data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS imported_event_contact ON imported_event (contact_id);
