"""The campaigns of an account: reading, writing and sending them (contract §4.8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from dotdigital import operations
from dotdigital.campaign_models import Campaign, FromAddress, Send
from dotdigital.decoding import Page
from dotdigital.drafts import CampaignDraft, SplitTest, json_time
from dotdigital.operations import check_id
from dotdigital.paging import MAX_PAGE
from dotdigital.session import Session
from dotdigital.wire import Query

MAX_CONTACTS_PER_SEND = 10


class Campaigns:
    """Answers, writes and sends the campaigns of an account. Made by ``Account.campaigns``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pages(self, *, with_details: bool = False, page_size: int = MAX_PAGE) -> Iterator[Page[Campaign]]:
        """Yields all campaigns without their contents; details are type, tags, split test and date sent."""
        operation = operations.CAMPAIGNS_WITH_DETAILS if with_details else operations.CAMPAIGNS
        return self._session.pages(operation, Campaign, page_size=page_size)

    def active_since(self, since: datetime) -> Iterator[Page[Campaign]]:
        """Yields the campaigns with any activity since an aware time."""
        return self._session.pages(operations.CAMPAIGNS_ACTIVE_SINCE, Campaign, date=since)

    def filtered(
        self,
        *,
        type: str | None = None,  # noqa: A002 - the service's own word
        tags: Sequence[str] = (),
        statuses: Sequence[str] = (),
        sent_since: datetime | None = None,
        scheduled_from: datetime | None = None,
        scheduled_to: datetime | None = None,
    ) -> Iterator[Page[Campaign]]:
        """Yields the campaigns that fit: of a type, with all the tags, in one of the statuses, within the dates."""
        dates = {"~sentDate": sent_since, "~scheduledDateFrom": scheduled_from, "~scheduledDateTo": scheduled_to}
        query: dict[str, str | int | Sequence[str]] = {
            key: json_time(at) for key, at in dates.items() if at is not None
        }
        if type is not None:
            query["~type"] = type
        if tags:
            query["~tags"] = list(tags)
        if statuses:
            query["~statuses"] = list(statuses)
        return self._session.pages(operations.CAMPAIGNS_FILTERED, Campaign, query=query)

    def get(self, campaign_id: int, *, with_details: bool = False) -> Campaign:
        """Answers one campaign with its contents."""
        operation = operations.CAMPAIGN_WITH_DETAILS if with_details else operations.CAMPAIGN
        return self._session.get(operation, Campaign, id=campaign_id)

    def create(self, draft: CampaignDraft) -> Campaign:
        """Creates a campaign. Raises Rejected without unsubscribe link, or with a sender that is not the account's."""
        return self._session.post(operations.CAMPAIGN_CREATE, Campaign, draft.body())

    def update(self, campaign_id: int, draft: CampaignDraft) -> Campaign:
        """Replaces a campaign that was not sent."""
        return self._session.post(operations.CAMPAIGN_UPDATE, Campaign, draft.body(), id=campaign_id)

    def delete(self, campaign_id: int) -> None:
        """Deletes a campaign and its reports."""
        self._session.tell(operations.CAMPAIGN_DELETE, id=campaign_id)

    def copy(self, campaign_id: int) -> Campaign:
        """Copies a campaign; the copy is named "Copy of" it and not sent."""
        return self._session.post(operations.CAMPAIGN_COPY, Campaign, None, id=campaign_id)

    def send(
        self,
        campaign_id: int,
        *,
        address_book_ids: Sequence[int] = (),
        contact_ids: Sequence[int] = (),
        everyone: bool = False,
        send_date: datetime | None = None,
        split_test: SplitTest | None = None,
        time_optimised: bool = False,
    ) -> Send:
        """Starts a send to books or segments, or to at most ten contacts; now, or at ``send_date``.

        The service mails *all* contacts if nobody is named; here ``everyone=True`` has to say so. Raises ValueError
        otherwise, and UnknownOutcome if the answer was lost: then look at the campaign before sending again.
        """
        named = bool(address_book_ids or contact_ids)
        if named == everyone:
            raise ValueError("name address_book_ids or contact_ids, or say everyone=True, and not both")
        if len(contact_ids) > MAX_CONTACTS_PER_SEND:
            raise ValueError(
                f"contact_ids has {len(contact_ids)} ids: a send takes {MAX_CONTACTS_PER_SEND}; use a book"
            )
        for each in [campaign_id, *address_book_ids, *contact_ids]:
            check_id("an id", each)
        body: dict[str, Any] = {
            "campaignId": campaign_id,
            "addressBookIds": list(address_book_ids),
            "contactIds": list(contact_ids),
        }
        if send_date is not None:
            body["sendDate"] = json_time(send_date)
        if split_test is not None:
            body["splitTestOptions"] = split_test.body()
        operation = operations.CAMPAIGN_SEND_TIME_OPTIMISED if time_optimised else operations.CAMPAIGN_SEND
        return self._session.post(operation, Send, body)

    def send_status(self, send_id: str) -> Send:
        """Answers how far a send is."""
        return self._session.get(operations.CAMPAIGN_SEND_STATUS, Send, guid=send_id)

    def from_addresses(self) -> Iterator[Page[FromAddress]]:
        """Yields the sender addresses of the account."""
        return self._session.pages(operations.FROM_ADDRESSES, FromAddress)

    def metrics(self, start: datetime, end: datetime) -> Iterator[Page[dict[str, Any]]]:
        """Yields the figures of all campaigns sent between two aware times, in the service's own keys."""
        query: Query = {"startDate": json_time(start), "endDate": json_time(end)}
        return self._session.pages(operations.CAMPAIGN_METRICS, dict[str, Any], query=query)
