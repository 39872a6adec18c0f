"""The files of uploads: CSV for version 2 of the API, JSON for version 3, streamed out of the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO

from django.db import connection
from psycopg import sql

from dotbridge.mirror.models import PREFERENCE_PREFIX, DataField
from dotbridge.sync.models import Upload
from dotbridge.sync.outbound.consents import RECORDS_OF_UPLOAD, note_consents

# One contact, as an import of version 3 takes it (contract §7), as text: building it of JSON values takes three times
# as long. A value that is to be kept is not there.
_CONTACT = """'{{"matchIdentifier":"email","identifiers":{{"email":' || to_json(i.email) || '}},"dataFields":{{'
        || array_to_string(ARRAY[{values}]::text[], ',') || '}},"lists":[' || {book} || ']'"""
# A value that is to be cleared is null. Text that is no number, or no truth value, goes as it is, so that Dotdigital
# can say so.
_VALUE = "{key} || CASE WHEN i.values ->> {name} = '' THEN 'null' {typed}ELSE (i.values -> {name})::text END"
_TYPED = {
    "Numeric": "WHEN i.values ->> {name} ~ '^-?[0-9]{{1,18}}([.][0-9]{{1,9}})?$' "
    "THEN (i.values ->> {name})::numeric::text ",
    "Boolean": "WHEN i.values ->> {name} IN ('true', 'false') THEN i.values ->> {name} ",
}
# What not everybody has is there for those alone who have it: an empty part would be refused.
_PREFERENCES = """
    (SELECT json_agg(json_build_object('id', p.id, 'isOptedIn', (i.values ->> p.name)::boolean) ORDER BY p.id)
     FROM unnest({preference_ids}::bigint[], {preference_names}::text[]) p (id, name)
     WHERE i.values ->> p.name IN ('true', 'false'))"""
_CONSENTS = f" LEFT JOIN ({RECORDS_OF_UPLOAD}) c ON c.email_key = i.email_key"
_ROWS = (
    "SELECT {contact} FROM dotbridge_sync_exportitem i{consents} WHERE i.upload_id = {upload} AND i.removal_id IS NULL"
)


def write_csv(upload: Upload, file: IO[bytes]) -> int:
    """Write the upload's rows as CSV (UTF-8, header row, RFC 4180 quoting) and answer how many there are.

    A cell is empty where the value is empty and where Dotdigital's is kept; what it means is the upload's merge option.
    It is written as the value is, also when it starts with `=`: to Dotdigital it is data, and has to arrive unchanged.
    """
    columns = [
        sql.SQL(", i.values ->> {name} AS {column}").format(name=sql.Literal(name), column=sql.Identifier(name))
        for name in upload.columns
        # Version 2 is told of no preferences: what an empty cell of one means is documented nowhere.
        if not name.startswith(PREFERENCE_PREFIX)
    ]
    query = sql.SQL(
        'COPY (SELECT i.email AS "Email"{columns} FROM dotbridge_sync_exportitem i '
        "WHERE i.upload_id = {upload} AND i.removal_id IS NULL) TO STDOUT (FORMAT csv, HEADER)"
    ).format(columns=sql.SQL("").join(columns), upload=sql.Literal(upload.pk))
    with connection.cursor() as cursor:
        with cursor.copy(query) as copy:
            for chunk in copy:
                file.write(chunk)
        file.flush()
        # COPY's own tag counts the rows; line ends do not, because values may hold some.
        return int(cursor.rowcount)


def write_json(upload: Upload, file: IO[bytes]) -> int:
    """Write the upload's rows as an import of version 3 takes them, one a line, and answer how many there are. The
    consent records that they bring are noted as sent."""
    book = upload.connection.address_book
    fields = list(DataField.objects.filter(integration=book.integration_id))
    preferences = {
        each.name: each.preference_id for each in fields if each.preference_id and each.name in upload.columns
    }
    more = {}
    if note_consents(upload):
        more["consentRecords"] = "c.records"
    if preferences:
        more["preferences"] = _PREFERENCES
    types = {each.name: each.type for each in fields}
    values = [_value(name, types.get(name, "")) for name in upload.columns if name not in preferences]
    query = sql.SQL(_ROWS.replace("{contact}", _with_more(more))).format(
        values=sql.SQL(", ").join(values),
        book=sql.Literal(book.remote_id),
        preference_ids=sql.Literal(list(preferences.values())),
        preference_names=sql.Literal(list(preferences)),
        consents=sql.SQL(_CONSENTS if "consentRecords" in more else "").format(upload=sql.Literal(upload.pk)),
        upload=sql.Literal(upload.pk),
    )
    with connection.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY ({query}) TO STDOUT").format(query=query)) as copy:
            for row in copy:
                # Of what JSON has, COPY escapes the backslash alone; its line ends are the only ones.
                file.write(bytes(row).replace(b"\\\\", b"\\"))
        file.flush()
        return int(cursor.rowcount)


def _with_more(parts: Mapping[str, str]) -> str:
    """A contact with these parts, each by its name and expression, where they are not NULL."""
    added = "".join(f" || coalesce(',\"{name}\":' || {part}::text, '')" for name, part in parts.items())
    return f"{_CONTACT}{added} || '}}}}'"


def _value(name: str, kind: str) -> sql.Composed:
    """The expression of a member of `dataFields`; NULL where the item says nothing of this one."""
    return sql.SQL(_VALUE.replace("{typed}", _TYPED.get(kind, ""))).format(
        name=sql.Literal(name), key=sql.Literal(f"{json.dumps(name, ensure_ascii=False)}:")
    )
