CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS api_user (
    name TEXT PRIMARY KEY COLLATE NOCASE, password TEXT NOT NULL, scheme TEXT NOT NULL DEFAULT 'none',
    disabled INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS data_field (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, type TEXT NOT NULL,
    visibility TEXT NOT NULL, default_value TEXT NOT NULL DEFAULT 'null', system INTEGER NOT NULL DEFAULT 0
);

-- Address books and segments draw their ids and names from one pool (contract §4.10).
CREATE TABLE IF NOT EXISTS address_book (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE,
    visibility TEXT NOT NULL DEFAULT 'Private', kind TEXT NOT NULL DEFAULT 'book', writable INTEGER NOT NULL DEFAULT 1,
    listed INTEGER NOT NULL DEFAULT 1, rule TEXT, refresh_due TEXT, refresh_status TEXT
);

-- data: a JSON object of the set values by field name; nothing is stored for an unset value.
-- A contact known by its mobile number alone has no email, and the number as its email_key.
CREATE TABLE IF NOT EXISTS contact (
    id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL, email_key TEXT NOT NULL,
    opt_in TEXT NOT NULL DEFAULT 'Unknown', email_type TEXT NOT NULL DEFAULT 'Html',
    status TEXT NOT NULL DEFAULT 'Subscribed', created TEXT NOT NULL, modified TEXT NOT NULL,
    last_subscribed TEXT, suppressed_at TEXT, import_id INTEGER, data TEXT NOT NULL DEFAULT '{}',
    mobile TEXT, sms_status TEXT, whatsapp_status TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS contact_email ON contact (email_key);
CREATE UNIQUE INDEX IF NOT EXISTS contact_mobile ON contact (mobile) WHERE mobile IS NOT NULL;
CREATE INDEX IF NOT EXISTS contact_created ON contact (created);
CREATE INDEX IF NOT EXISTS contact_modified ON contact (modified);
CREATE INDEX IF NOT EXISTS contact_suppressed ON contact (suppressed_at) WHERE suppressed_at IS NOT NULL;

-- A row with unsubscribed_at is no membership any more but the memory of having left the book.
CREATE TABLE IF NOT EXISTS membership (
    book_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, added TEXT NOT NULL, unsubscribed_at TEXT,
    PRIMARY KEY (book_id, contact_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS membership_contact ON membership (contact_id);
CREATE INDEX IF NOT EXISTS membership_added ON membership (book_id, added);
CREATE INDEX IF NOT EXISTS membership_left ON membership (book_id, unsubscribed_at) WHERE unsubscribed_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS suppressed_domain (domain TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS suppressed_address (email_key TEXT PRIMARY KEY) WITHOUT ROWID;

-- What an address had opted out of when its contact was deleted; book 0 stands for the whole account.
CREATE TABLE IF NOT EXISTS remembered_suppression (
    email_key TEXT NOT NULL, book_id INTEGER NOT NULL, status TEXT NOT NULL, since TEXT NOT NULL,
    PRIMARY KEY (email_key, book_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS challenge (
    token TEXT PRIMARY KEY, contact_id INTEGER NOT NULL, book_id INTEGER, purpose TEXT NOT NULL, locale TEXT, return_url TEXT,
    created TEXT NOT NULL, completed TEXT
);
CREATE INDEX IF NOT EXISTS challenge_contact ON challenge (contact_id);

CREATE TABLE IF NOT EXISTS import_job (
    id INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL DEFAULT 'csv', book_ids TEXT NOT NULL,
    merge INTEGER NOT NULL, status TEXT NOT NULL DEFAULT 'NotFinished', created TEXT NOT NULL, due TEXT NOT NULL, finished TEXT,
    rows INTEGER NOT NULL DEFAULT 0, counters TEXT NOT NULL DEFAULT '{}', header TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS import_active ON import_job (status) WHERE status = 'NotFinished';
CREATE TABLE IF NOT EXISTS import_fault (
    import_id INTEGER NOT NULL, row INTEGER NOT NULL, reason TEXT NOT NULL, cells TEXT NOT NULL,
    PRIMARY KEY (import_id, row)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS deletion (
    guid TEXT PRIMARY KEY, due TEXT NOT NULL, book_id INTEGER, contact_ids TEXT, status TEXT NOT NULL DEFAULT 'Started',
    entries TEXT
);
