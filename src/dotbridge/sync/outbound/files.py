"""The files of uploads: CSV for version 2 of the API, JSON for version 3, streamed out of the database."""

from __future__ import annotations

from typing import IO

from django.db import connection
from psycopg import sql

from dotbridge.mirror.models import DataField
from dotbridge.sync.models import Upload
from dotbridge.sync.outbound.consents import RECORDS_OF_UPLOAD, note_consents

# One contact, as an import of version 3 takes it (contract §7). A value that is to be cleared is null, and one that is
# to be kept is not there. Text that is no number, or no truth value, goes as it is, so that Dotdigital can say so.
_PARTS = """
        'matchIdentifier', 'email', 'identifiers', json_build_object('email', i.email),
        'dataFields', coalesce(
            (SELECT json_object_agg(v.key, CASE
                        WHEN v.value = '' THEN 'null'::json
                        WHEN v.key = ANY({numbers}) AND v.value ~ '^-?[0-9]{{1,18}}([.][0-9]{{1,9}})?$'
                        THEN to_json(v.value::numeric)
                        WHEN v.key = ANY({truths}) AND v.value IN ('true', 'false') THEN to_json(v.value::boolean)
                        ELSE to_json(v.value) END)
             FROM jsonb_each_text(i.values) v WHERE v.key = ANY({columns})), '{{}}'),
        'lists', json_build_array({book})
"""
_CONTACT = f"""
    SELECT json_build_object({_PARTS})
    FROM dotbridge_sync_exportitem i WHERE i.upload_id = {{upload}} AND i.removal_id IS NULL
"""
# The same, where somebody has consent records to be sent along.
_CONTACT_WITH_CONSENTS = f"""
    SELECT CASE WHEN c.records IS NULL THEN json_build_object({_PARTS})
                ELSE json_build_object({_PARTS}, 'consentRecords', c.records) END
    FROM dotbridge_sync_exportitem i LEFT JOIN ({RECORDS_OF_UPLOAD}) c ON c.email_key = i.email_key
    WHERE i.upload_id = {{upload}} AND i.removal_id IS NULL
"""


def write_csv(upload: Upload, file: IO[bytes]) -> int:
    """Write the upload's rows as CSV (UTF-8, header row, RFC 4180 quoting) and answer how many there are.

    A cell is empty where the value is empty and where Dotdigital's is kept; what it means is the upload's merge option.
    It is written as the value is, also when it starts with `=`: to Dotdigital it is data, and has to arrive unchanged.
    """
    columns = [
        sql.SQL(", i.values ->> {name} AS {column}").format(name=sql.Literal(name), column=sql.Identifier(name))
        for name in upload.columns
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
    types: dict[str, list[str]] = {}
    for name, kind in DataField.objects.filter(integration=book.integration_id).values_list("name", "type"):
        types.setdefault(kind, []).append(name)
    text = _CONTACT_WITH_CONSENTS if note_consents(upload) else _CONTACT
    query = sql.SQL(text).format(
        numbers=sql.Literal(types.get("Numeric", [])),
        truths=sql.Literal(types.get("Boolean", [])),
        columns=sql.Literal(list(upload.columns)),
        book=sql.Literal(book.remote_id),
        upload=sql.Literal(upload.pk),
    )
    with connection.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY ({query}) TO STDOUT").format(query=query)) as copy:
            for row in copy:
                # Of what JSON has, COPY escapes the backslash alone; its line ends are the only ones.
                file.write(bytes(row).replace(b"\\\\", b"\\"))
        file.flush()
        return int(cursor.rowcount)
