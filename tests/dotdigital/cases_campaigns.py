"""Cases of campaigns and their results (contract §4.8, §4.9)."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from dotdigital import (
    SplitTest,
)
from tests.dotdigital.cases import (
    DAY,
    SINCE,
    SPRING,
    SPRING_BODY,
    Case,
    paged,
)


def of_campaign(name: str, path: str, **kwargs: Any) -> Case:
    row = {"contactId": 5, "email": "ann@example.com"}
    return paged(lambda account: getattr(account.campaign(4), name)(**kwargs), f"/v2/campaigns/4/{path}", row)


CAMPAIGN_CASES = {
    "campaigns": paged(lambda a: a.campaigns.pages(), "/v2/campaigns"),
    "campaigns with details": paged(lambda a: a.campaigns.pages(with_details=True), "/v2/campaigns/with-details"),
    "campaigns active": paged(lambda a: a.campaigns.active_since(SINCE), f"/v2/campaigns/with-activity-since/{DAY}"),
    "campaigns filtered": paged(
        lambda a: a.campaigns.filtered(type="Triggered", tags=["a", "b"], statuses=["Sent"], sent_since=SINCE),
        "/v2/campaigns/filtered",
        {"id": 5, "tags": ["a"]},
        f"~sentDate={DAY}&~type=Triggered&~tags=a&~tags=b&~statuses=Sent&",
    ),
    "campaigns unfiltered": paged(lambda a: a.campaigns.filtered(), "/v2/campaigns/filtered"),
    "campaign": Case(
        lambda a: a.campaigns.get(4).from_address.id,
        {"id": 4, "fromAddress": {"id": 1, "email": "news@example.com"}, "splitTestOptions": None},
        "GET /v2/campaigns/4",
        None,
        1,
    ),
    "campaign details": Case(
        lambda a: (a.campaigns.get(4, with_details=True)).tag_names,
        {"id": 4, "tags": [{"name": "a"}, "b"], "sentDate": "0001-01-01T00:00:00"},
        "GET /v2/campaigns/4/with-details",
        None,
        ["a", "b"],
    ),
    "campaign create": Case(
        lambda a: a.campaigns.create(SPRING).id,
        {"id": 4},
        "POST /v2/campaigns",
        SPRING_BODY,
        4,
        201,
    ),
    "campaign update": Case(
        lambda a: a.campaigns.update(4, SPRING).id, {"id": 4}, "PUT /v2/campaigns/4", SPRING_BODY, 4
    ),
    "campaign delete": Case(lambda a: a.campaigns.delete(4), None, "DELETE /v2/campaigns/4", status=204),
    "campaign copy": Case(
        lambda a: a.campaigns.copy(4).name,
        {"id": 5, "name": "Copy of x"},
        "POST /v2/campaigns/4/copy",
        None,
        "Copy of x",
        201,
    ),
    "send": Case(
        lambda a: (
            a.campaigns.send(4, address_book_ids=[7], send_date=SINCE, split_test=SplitTest("Opens", 50, 5)).send_date
        ),
        {"id": "g", "campaignId": 4, "sendDate": DAY, "status": "Sending", "addressBookIds": None},
        "POST /v2/campaigns/send",
        {
            "campaignId": 4,
            "addressBookIds": [7],
            "contactIds": [],
            "sendDate": DAY,
            "splitTestOptions": {"testMetric": "Opens", "testPercentage": 50, "testPeriodHours": 5},
        },
        SINCE,
        202,
    ),
    "send to everyone": Case(
        lambda a: a.campaigns.send(4, everyone=True, time_optimised=True).status,
        {"id": "g", "status": "NotSent"},
        "POST /v2/campaigns/send-time-optimised",
        {"campaignId": 4, "addressBookIds": [], "contactIds": []},
        "NotSent",
        202,
    ),
    "send status": Case(
        lambda a: a.campaigns.send_status("g").status,
        {"id": "g", "status": "Sent"},
        "GET /v2/campaigns/send/g",
        None,
        "Sent",
    ),
    "from addresses": paged(
        lambda a: a.campaigns.from_addresses(),
        "/v2/custom-from-addresses",
        {"id": 1, "email": "n@example.com"},
    ),
    "metrics": paged(
        lambda a: a.campaigns.metrics(SINCE, SINCE),
        "/v2/campaigns/metrics",
        {"campaignId": 4, "sent": 3},
        f"startDate={DAY}&endDate={DAY}&",
    ),
    "summary": Case(
        lambda a: attrgetter("num_total_sent", "percentage_opens", "revenue", "date_sent")(a.campaign(4).summary()),
        {
            "dateSent": None,
            "numTotalSent": 18,
            "percentageOpens": 1,
            "revenue": "$0.00",
            "brandNew": 1,
        },
        "GET /v2/campaigns/4/summary",
        None,
        (18, 1.0, "$0.00", None),
    ),
    "campaign books": paged(
        lambda a: a.campaign(4).address_books(),
        "/v2/campaigns/4/address-books",
        {"id": 5, "name": "A"},
    ),
    "activities": of_campaign("activities", "activities"),
    "activities since": of_campaign("activities", f"activities/since-date/{DAY}", since=SINCE),
    "activity": Case(
        lambda a: attrgetter("date_first_opened", "date_sent")(a.campaign(4).activity(5)),
        {"contactId": 5, "dateFirstOpened": "0001-01-01T00:00:00", "dateSent": DAY},
        "GET /v2/campaigns/4/activities/5",
        None,
        (None, SINCE),
    ),
    "clicks": of_campaign("clicks", "clicks"),
    "clicks since": of_campaign("clicks", f"clicks/since-date/{DAY}", since=SINCE),
    "clicks of": of_campaign("clicks", "activities/5/clicks", contact_id=5),
    "clicks with groups": of_campaign("clicks", "clicks-with-groups", with_groups=True),
    "clicks with groups since": of_campaign(
        "clicks", f"clicks-with-groups/since-date/{DAY}", with_groups=True, since=SINCE
    ),
    "clicks with groups of": of_campaign("clicks", "activities/5/clicks-with-groups", with_groups=True, contact_id=5),
    "opens": of_campaign("opens", "opens"),
    "opens since": of_campaign("opens", f"opens/since-date/{DAY}", since=SINCE),
    "opens of": of_campaign("opens", "activities/5/opens", contact_id=5),
    "page views since": of_campaign("page_views", f"page-views/since-date/{DAY}", since=SINCE),
    "page views of": of_campaign("page_views", "activities/5/page-views", contact_id=5),
    "roi since": of_campaign("roi_details", f"roi-details/since-date/{DAY}", since=SINCE),
    "roi of": of_campaign("roi_details", "activities/5/roi-details", contact_id=5),
    "bookmarks": of_campaign("social_bookmark_views", "social-bookmark-views"),
    "bookmarks of": of_campaign("social_bookmark_views", "activities/5/social-bookmark-views", contact_id=5),
    "revenue since": Case(
        lambda a: attrgetter("revenue", "num_orders", "date_sent")(a.campaign(4).revenue_since(SINCE)),
        {
            "campaignID": 4,
            "dateSent": DAY,
            "currency": "USD",
            "revenue": 233498.94,
            "numOrders": 7,
            "conversionRate": 2.5,
        },
        f"GET /v2/campaigns/4/revenue/since-date/{DAY}",
        None,
        (233498.94, 7, SINCE),
    ),
    "revenue of": Case(
        lambda a: attrgetter("revenue", "date_last_sent")(a.campaign(4).revenue_of(5)),
        {"campaignID": 4, "dateLastSent": DAY, "currency": "USD", "revenue": 1, "numOrders": 1, "conversionRate": 1},
        "GET /v2/campaigns/4/activities/5/revenue",
        None,
        (1, SINCE),
    ),
    "replies": Case(
        lambda a: [len(page) for page in a.campaign(4).replies(5)],
        [{"contactId": 5, "replyType": "AutoReply"}],
        "GET /v2/campaigns/4/activities/5/replies?select=5&skip=0",
        None,
        [1],
    ),
    "bouncing": paged(
        lambda a: a.campaign(4).hard_bouncing_contacts(),
        "/v2/campaigns/4/hard-bouncing-contacts",
        query="withFullData=false&",
    ),
    "split test": Case(
        lambda a: a.campaign(4).split_test(),
        {"x": 1},
        "GET /v2/campaigns/4/split-test",
        None,
        {"x": 1},
    ),
}
