"""Campaigns that nobody was sent yet, as the account's list names them, and their contents when somebody looks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
from django.db import transaction
from django.utils import timezone

from dotbridge.connections.models import CampaignSend
from dotbridge.integrations.models import Integration
from dotbridge.mirror.campaign_models import NOT_SENT_YET
from dotbridge.mirror.models import CampaignContent, Draft
from dotbridge.sync.inbound.storable import differs, is_id, kind, text
from dotdigital import Campaign as RemoteCampaign

_COPIED = ("name", "subject", "from_name", "from_address", "status", "is_split_test")
# Of a mail that is longer, what comes after this is not shown.
LONGEST_CONTENT = 2_000_000


def is_draft(remote: RemoteCampaign) -> bool:
    """Whether nobody was sent it yet."""
    return is_id(remote.id) and remote.status in NOT_SENT_YET


@transaction.atomic
def store_drafts(integration: Integration, found: Iterable[RemoteCampaign], *, is_complete: bool) -> None:
    """Make the mirror's drafts those that the account lists. The copies that tests are sent as are none.

    What is not listed goes only after a complete list: it was sent, or deleted, and nothing here hangs on it.
    """
    copies = set(
        CampaignSend.objects.filter(integration=integration, copy_id__isnull=False).values_list("copy_id", flat=True)
    )
    wanted = {each.id: _as_row(integration, each) for each in found if is_draft(each) and each.id not in copies}
    known = {draft.remote_id: draft for draft in Draft.objects.filter(integration=integration)}
    changed = [row for key, row in wanted.items() if key not in known or differs(known[key], row, _COPIED)]
    Draft.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["integration", "remote_id"], update_fields=[*_COPIED]
    )
    if is_complete and (gone := known.keys() - wanted.keys()):
        Draft.objects.filter(integration=integration, remote_id__in=gone).delete()


def store_content(integration: Integration, remote: RemoteCampaign) -> CampaignContent:
    """Keep what a campaign says, in place of what was read of it before."""
    content, _is_new = CampaignContent.objects.update_or_create(
        integration=integration,
        remote_id=remote.id,
        defaults={
            "html": text(remote.html_content, LONGEST_CONTENT),
            "plain_text": text(remote.plain_text_content, LONGEST_CONTENT),
            "fingerprint": fingerprint_of(remote),
            "read_at": timezone.now(),
        },
    )
    return content


def fingerprint_of(remote: RemoteCampaign) -> str:
    """What tells one mail from another: subject, sender, both contents and where replies go."""
    sender = remote.from_address.email if remote.from_address else ""
    parts = [remote.subject, remote.from_name, sender, remote.html_content, remote.plain_text_content]
    return hashlib.sha256(msgspec.json.encode([*parts, remote.reply_to_address, remote.is_split_test])).hexdigest()


def _as_row(integration: Integration, remote: RemoteCampaign) -> Draft:
    return Draft(
        integration=integration,
        remote_id=remote.id,
        name=text(remote.name),
        subject=text(remote.subject),
        from_name=text(remote.from_name),
        from_address=text(remote.from_address.email if remote.from_address else ""),
        status=kind(remote.status),
        is_split_test=remote.is_split_test,
    )
