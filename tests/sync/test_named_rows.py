"""The rows that an import by version 3 names: storing a batch costs what the batch holds, however long the report is.

The kind: a statement that meets a temporary table, whose size nobody can know, planned as if it held a good part of it.
"""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration, WireProtocol
from dotbridge.integrations.services import open_account
from dotbridge.mirror.models import Contact, Membership
from dotbridge.sync.models import Upload, UploadState
from dotbridge.sync.outbound.named_rows import AT_ONCE, NamedRows, forget_named_rows, store_named_rows
from tests.accounts import RemoteAccount, connect, sync
from tests.sync.test_campaigns_cost import a_step

BATCHES = 6
_NOTES = """
    INSERT INTO dotbridge_sync_exportitem
        (connection_id, email_key, email, record_id, values, operation, upload_id, reason, attempts)
    SELECT %s, 'person' || n || '@example.com', 'person' || n || '@example.com', n, '{}', 'add', %s, '', 0
    FROM generate_series(0, %s) n
"""
_READ_WHOLE = """
    SELECT relname, seq_tup_read FROM pg_stat_user_tables
    WHERE relname IN ('dotbridge_mirror_contact', 'dotbridge_mirror_membership', 'dotbridge_sync_exportitem')
"""


@pytest.fixture
def upload(v3: Integration, remote: RemoteAccount) -> Upload:
    """An upload whose report names so many batches."""
    remote.create_book("Readers")
    sync(v3)
    link: ListConnection = connect(v3, book="Readers")
    made = Upload.objects.create(
        connection=link, created_at=timezone.now(), protocol=WireProtocol.V3, state=UploadState.SENT, columns=[]
    )
    with connection.cursor() as cursor:
        cursor.execute(_NOTES, [link.pk, made.pk, BATCHES * AT_ONCE - 1])
    return made


def rows_read_whole() -> dict[str, int]:
    """How many rows of these tables were read by going through them from end to end, so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(_READ_WHOLE)
        return dict(cursor.fetchall())


def test_no_batch_goes_through_a_table_whole(v3: Integration, upload: Upload) -> None:
    forget_named_rows()
    before = rows_read_whole()
    with open_account(v3) as account:
        account.connect()
        step = a_step(v3, account)
        for first in range(0, BATCHES * AT_ONCE, AT_ONCE):
            lines = [
                b"%d\t%d\tperson%d@example.com\n" % (number, number + 1, number)
                for number in range(first, first + AT_ONCE)
            ]
            store_named_rows(step, upload, NamedRows(first=first, lines=b"".join(lines), refused=[]))
    assert rows_read_whole() == before
    assert Contact.objects.count() == Membership.objects.filter(gone_at=None).count() == BATCHES * AT_ONCE
