-- Campaigns, their sends and what recipients did with them.
CREATE TABLE IF NOT EXISTS from_address (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE COLLATE NOCASE);

-- versions: the lists of a split test, as split_tests.py reads them; its first version stands in the columns.
CREATE TABLE IF NOT EXISTS campaign (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, subject TEXT NOT NULL, from_name TEXT NOT NULL,
    from_address_id INTEGER NOT NULL, html_content TEXT NOT NULL, plain_text_content TEXT NOT NULL,
    reply_action TEXT NOT NULL DEFAULT 'Unset', reply_to TEXT, type TEXT NOT NULL DEFAULT 'Standard',
    tags TEXT NOT NULL DEFAULT '[]', split_options TEXT, status TEXT NOT NULL DEFAULT 'Unsent',
    sent_date TEXT, scheduled_date TEXT, versions TEXT
);

CREATE TABLE IF NOT EXISTS campaign_target (
    campaign_id INTEGER NOT NULL, book_id INTEGER NOT NULL, PRIMARY KEY (campaign_id, book_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS send (
    guid TEXT PRIMARY KEY, campaign_id INTEGER NOT NULL, book_ids TEXT NOT NULL, contact_ids TEXT NOT NULL,
    send_date TEXT NOT NULL, split_options TEXT, status TEXT NOT NULL, due TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS send_campaign ON send (campaign_id);
CREATE INDEX IF NOT EXISTS send_due ON send (due) WHERE status NOT IN ('Sent', 'Cancelled');

CREATE TABLE IF NOT EXISTS activity (
    campaign_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, email TEXT NOT NULL, sent_at TEXT NOT NULL,
    is_text INTEGER NOT NULL, PRIMARY KEY (campaign_id, contact_id)
) WITHOUT ROWID;

-- Everything a recipient did or suffered, also what lies ahead of the account's clock and is not to be seen yet.
-- pending: the contact's status must still be changed by it.
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, campaign_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, email TEXT NOT NULL,
    kind TEXT NOT NULL, at TEXT NOT NULL, data TEXT NOT NULL DEFAULT '{}', pending INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS event_feed ON event (campaign_id, kind, at);
CREATE INDEX IF NOT EXISTS event_contact ON event (campaign_id, contact_id, at);
CREATE INDEX IF NOT EXISTS event_pending ON event (at) WHERE pending;
