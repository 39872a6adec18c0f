"""A client for Dotdigital's API.

    with Account(user, password) as account:
        account.connect()
        for page in account.address_book(7).contacts():
            ...

Every failure is a ``DotdigitalError`` whose class says what to do about it. Section numbers in the docstrings are those
of the contract, the description of the vendor's API that this client is written against.
"""

from dotdigital.account import Account
from dotdigital.books import Book
from dotdigital.campaign_models import (
    BookmarkView,
    Campaign,
    CampaignActivity,
    CampaignSummary,
    Click,
    FromAddress,
    Group,
    Open,
    PageView,
    Reply,
    Revenue,
    RoiDetail,
    Send,
    Tag,
)
from dotdigital.campaigns import Campaigns
from dotdigital.codes import MEANINGS, Meaning
from dotdigital.contacts import Contacts
from dotdigital.contacts_v3 import ContactsV3
from dotdigital.decoding import Malformed, Page
from dotdigital.drafts import Attachment, CampaignDraft, Consent, ContactDraft, EmailDraft, SplitTest, TriggeredDraft
from dotdigital.errors import (
    ConfigurationError,
    DotdigitalError,
    NotFound,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from dotdigital.events import (
    Alerts,
    Event,
    EventDraft,
    EventFilter,
    EventPage,
    Events,
    EventType,
    Subscription,
    SubscriptionDraft,
)
from dotdigital.in_loop import AsyncAccount
from dotdigital.limits import Limiter, LocalLimiter
from dotdigital.models import (
    AccountInfo,
    AddressBook,
    Contact,
    ContactId,
    DataField,
    DataFieldDeletion,
    Deletion,
    Dependency,
    Fault,
    FieldValue,
    FoundContacts,
    Import,
    ImportReport,
    MergeOption,
    Resubscription,
    Segment,
    SegmentRefresh,
    Suppressed,
    Suppression,
)
from dotdigital.paging import DEFAULT_OVERLAP, MAX_PAGE, flat
from dotdigital.patience import Retry
from dotdigital.programs import EmailStatistics, Enrolment, Preference, Program, RefusedEmail, Survey, Template
from dotdigital.results import CampaignResults
from dotdigital.transactional import Record, RecordCollection, RecordDraft, RecordFault, RecordReport
from dotdigital.uploads import MAX_IMPORT_BYTES
from dotdigital.v3_models import (
    ContactV3,
    ContactV3Draft,
    DeletionV3,
    FailureV3,
    ImportV3,
    ListMembership,
    MergeV3,
    ResultV3,
)
from dotdigital.v3_pages import MAX_PAGE_V3, MarkedPage
from dotdigital.wire import Timeout

__all__ = [
    "DEFAULT_OVERLAP",
    "MAX_IMPORT_BYTES",
    "MAX_PAGE",
    "MAX_PAGE_V3",
    "MEANINGS",
    "Account",
    "AccountInfo",
    "AddressBook",
    "Alerts",
    "AsyncAccount",
    "Attachment",
    "Book",
    "BookmarkView",
    "Campaign",
    "CampaignActivity",
    "CampaignDraft",
    "CampaignResults",
    "CampaignSummary",
    "Campaigns",
    "Click",
    "ConfigurationError",
    "Consent",
    "Contact",
    "ContactDraft",
    "ContactId",
    "ContactV3",
    "ContactV3Draft",
    "Contacts",
    "ContactsV3",
    "DataField",
    "DataFieldDeletion",
    "Deletion",
    "DeletionV3",
    "Dependency",
    "DotdigitalError",
    "EmailDraft",
    "EmailStatistics",
    "Enrolment",
    "Event",
    "EventDraft",
    "EventFilter",
    "EventPage",
    "EventType",
    "Events",
    "FailureV3",
    "Fault",
    "FieldValue",
    "FoundContacts",
    "FromAddress",
    "Group",
    "Import",
    "ImportReport",
    "ImportV3",
    "Limiter",
    "ListMembership",
    "LocalLimiter",
    "Malformed",
    "MarkedPage",
    "Meaning",
    "MergeOption",
    "MergeV3",
    "NotFound",
    "Open",
    "Page",
    "PageView",
    "Preference",
    "Program",
    "Record",
    "RecordCollection",
    "RecordDraft",
    "RecordFault",
    "RecordReport",
    "RefusedEmail",
    "Rejected",
    "Reply",
    "Resubscription",
    "ResultV3",
    "Retry",
    "Revenue",
    "RoiDetail",
    "Segment",
    "SegmentRefresh",
    "Send",
    "SplitTest",
    "Subscription",
    "SubscriptionDraft",
    "Suppressed",
    "Suppression",
    "Survey",
    "Tag",
    "Template",
    "Throttled",
    "Timeout",
    "Transient",
    "TriggeredDraft",
    "UnknownOutcome",
    "flat",
]
