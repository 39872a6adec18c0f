"""Campaigns made of a template, as drafts that nobody is sent (contract §4.8).

Dotdigital allows several campaigns of one name, but the name is all by which a lost answer can be settled: so a name
that an unsent campaign has already is refused.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from dotbridge.connections.models import AccountChange
from dotbridge.mirror.campaign_models import UNSENT
from dotbridge.sync.context import StepContext
from dotbridge.sync.inbound.drafts import store_drafts
from dotbridge.sync.outbound.making import Making
from dotdigital import Campaign as RemoteCampaign
from dotdigital import CampaignDraft


class NewCampaign(Making[RemoteCampaign]):
    """A campaign to be made of a template."""

    def look_for(self, step: StepContext, name: str) -> RemoteCampaign | None:
        """Read the account's campaigns, those that nobody was sent."""
        for page in step.account.campaigns.pages():
            for campaign in page.items:
                if campaign.status == UNSENT and campaign.name.strip().lower() == name.lower():
                    return campaign
        return None

    def is_as_asked(self, change: AccountChange) -> bool:
        """Whether subject and sender are those asked for."""
        found, asked = self.found, change.details
        is_sender = asked["sender"] is None or (
            found.from_address is not None and found.from_address.id == asked["sender"]
        )
        return is_sender and (found.subject, found.from_name) == (asked["subject"], asked["from_name"])

    def ask(self, step: StepContext, change: AccountChange) -> None:
        """Have it made, with what the template says at this moment."""
        asked = change.details
        template = step.account.templates.get(asked["template"])
        draft = CampaignDraft(
            name=change.name,
            subject=asked["subject"],
            from_name=asked["from_name"],
            html_content=template.html_content or "",
            plain_text_content=template.plain_text_content or "",
            from_address=asked["sender"],
        )
        step.account.campaigns.create(draft)

    def keep(self, change: AccountChange) -> str:
        """Among the campaigns that wait to be sent."""
        store_drafts(change.integration, [self.found], is_complete=False)
        return ""

    def remember_other(self, change: AccountChange) -> str:
        """The same, as the other that it is."""
        store_drafts(change.integration, [self.found], is_complete=False)
        return _("The account has an unsent campaign of this name already. Choose another name.")
