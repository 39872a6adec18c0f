-- Campaigns, their sends and what recipients did with them.
CREATE TABLE IF NOT EXISTS campaign (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, subject TEXT NOT NULL, from_name TEXT NOT NULL,
    from_address_id INTEGER NOT NULL, html_content TEXT NOT NULL, plain_text_content TEXT NOT NULL,
    reply_action TEXT NOT NULL DEFAULT 'Unset', reply_to TEXT, type TEXT NOT NULL DEFAULT 'Standard',
    tags TEXT NOT NULL DEFAULT '[]', split_test INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL DEFAULT 'Unsent',
    created TEXT NOT NULL, sent_date TEXT, scheduled_date TEXT
);
CREATE TABLE IF NOT EXISTS send (
    guid TEXT PRIMARY KEY, campaign_id INTEGER NOT NULL, book_ids TEXT NOT NULL, contact_ids TEXT NOT NULL,
    send_date TEXT NOT NULL, split_options TEXT, status TEXT NOT NULL, due TEXT NOT NULL, created TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS send_campaign ON send (campaign_id);
