-- Consent, preferences, transactional data and the things other clients of the API use beside contacts.
CREATE INDEX IF NOT EXISTS activity_contact ON activity (contact_id);

CREATE TABLE IF NOT EXISTS consent (
    id INTEGER PRIMARY KEY AUTOINCREMENT, contact_id INTEGER NOT NULL, fields TEXT NOT NULL, created TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS consent_contact ON consent (contact_id);

-- A preference without a parent may be a category, which cannot be chosen itself.
CREATE TABLE IF NOT EXISTS preference (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL COLLATE NOCASE, public_name TEXT NOT NULL, parent_id INTEGER,
    selectable INTEGER NOT NULL, is_public INTEGER NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL,
    position INTEGER NOT NULL, UNIQUE (parent_id, name)
);
CREATE TABLE IF NOT EXISTS contact_preference (
    contact_id INTEGER NOT NULL, preference_id INTEGER NOT NULL, opted_in INTEGER NOT NULL, modified TEXT NOT NULL,
    PRIMARY KEY (contact_id, preference_id)
) WITHOUT ROWID;

-- fields: what is known of the records' keys and types, as insight_fields.py reads it.
CREATE TABLE IF NOT EXISTS insight_collection (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, scope TEXT NOT NULL, type TEXT NOT NULL,
    fields TEXT NOT NULL DEFAULT '{}', created TEXT NOT NULL
);
-- A record of the account itself has contact 0.
CREATE TABLE IF NOT EXISTS insight (
    id INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT NOT NULL COLLATE NOCASE, key TEXT NOT NULL, contact_id INTEGER NOT NULL,
    json TEXT NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL, UNIQUE (collection, key)
);
CREATE INDEX IF NOT EXISTS insight_contact ON insight (contact_id, collection, modified);
-- Imports of records and other work that is done at once but reported as finished when due; kind is v2, v3 or job.
CREATE TABLE IF NOT EXISTS insight_work (
    guid TEXT PRIMARY KEY, kind TEXT NOT NULL, report TEXT NOT NULL, due TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS import_result (
    import_id INTEGER NOT NULL, row INTEGER NOT NULL, outcome TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (import_id, row, outcome)
) WITHOUT ROWID;

-- Whatever is kept as it was given: templates, programs, enrolments, surveys, mails, OAuth clients and tokens.
CREATE TABLE IF NOT EXISTS thing (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, created TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS thing_kind ON thing (kind, name);
