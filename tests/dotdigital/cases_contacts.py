"""Cases of books, contacts and data fields (contract §4.2 to §4.7)."""

from __future__ import annotations

import io

from dotdigital import (
    AddressBook,
    Consent,
    Contact,
    ContactDraft,
    DataFieldDeletion,
    Dependency,
    MergeOption,
)
from tests.dotdigital.cases import (
    ANN,
    ANN_BODY,
    DAY,
    RESUBSCRIBED,
    SINCE,
    SUPPRESSION,
    Case,
    paged,
)

CONTACT_CASES = {
    "recycle bin": Case(lambda a: a.empty_recycle_bin(), None, "POST /v2/accounts/empty-recycle-bin"),
    "books": paged(lambda a: a.address_books(), "/v2/address-books", {"id": 5, "name": "A"}),
    "private books": paged(
        lambda a: a.address_books(visibility="private"),
        "/v2/address-books/private",
        {"id": 5, "name": "A"},
    ),
    "public books": paged(
        lambda a: a.address_books(visibility="public"),
        "/v2/address-books/public",
        {"id": 5, "name": "A"},
    ),
    "new book": Case(
        lambda a: a.create_address_book("Letters").id,
        {"id": 9, "name": "Letters"},
        "POST /v2/address-books",
        {"name": "Letters", "visibility": "Private"},
        9,
        201,
    ),
    "book": Case(
        lambda a: a.address_book(7).info().contacts,
        {"id": 7, "name": "A", "contacts": 3},
        "GET /v2/address-books/7",
        None,
        3,
    ),
    "book update": Case(
        lambda a: a.address_book(7).update(name="B", visibility="Public"),
        {"id": 7, "name": "B", "visibility": "Public", "contacts": 0},
        "PUT /v2/address-books/7",
        {"name": "B", "visibility": "Public"},
        AddressBook(7, "B", "Public"),
    ),
    "book delete": Case(lambda a: a.address_book(7).delete(), None, "DELETE /v2/address-books/7", status=204),
    "book campaigns": paged(lambda a: a.address_book(7).campaigns(), "/v2/address-books/7/campaigns"),
    "book add": Case(
        lambda a: a.address_book(7).add_contact(ANN).id,
        {"id": 5},
        "POST /v2/address-books/7/contacts",
        ANN_BODY,
        5,
    ),
    "book remove": Case(
        lambda a: a.address_book(7).remove_contact(5),
        None,
        "DELETE /v2/address-books/7/contacts/5",
        status=204,
    ),
    "book empty": Case(
        lambda a: a.address_book(7).remove_everybody(in_background=False).status,
        None,
        "DELETE /v2/address-books/7/contacts",
        None,
        "Completed",
        204,
    ),
    "book empty later": Case(
        lambda a: a.address_book(7).remove_everybody().id,
        {"id": "g", "status": "Started"},
        "POST /v2/address-books/7/contacts/delete-all",
        None,
        "g",
        202,
    ),
    "book unsubscribe": Case(
        lambda a: a.address_book(7).unsubscribe("ann@example.com").reason,
        SUPPRESSION,
        "POST /v2/address-books/7/contacts/unsubscribe",
        {"email": "ann@example.com"},
        "Unsubscribed",
    ),
    "book resubscribe": Case(
        lambda a: (
            a.address_book(7)
            .resubscribe(ContactDraft("ann@example.com"), locale="de-DE", return_url="https://x.example")
            .status
        ),
        RESUBSCRIBED,
        "POST /v2/address-books/7/contacts/resubscribe",
        {
            "unsubscribedContact": {"email": "ann@example.com"},
            "preferredLocale": "de-DE",
            "returnUrlToUseIfChallenged": "https://x.example",
        },
        "ContactChallenged",
    ),
    "book resubscribe at once": Case(
        lambda a: a.address_book(7).resubscribe(ContactDraft("ann@example.com"), challenge=False).contact,
        {"status": "ContactAdded", "contact": None},
        "POST /v2/address-books/7/contacts/resubscribe-with-no-challenge",
        {"unsubscribedContact": {"email": "ann@example.com"}},
    ),
    "contacts": paged(lambda a: a.contacts.pages(), "/v2/contacts", query="withFullData=false&"),
    "created": paged(
        lambda a: a.contacts.pages(created_since=SINCE, full_data=True),
        f"/v2/contacts/created-since/{DAY}",
        query="withFullData=true&",
    ),
    "modified": paged(
        lambda a: a.contacts.pages(modified_since=SINCE),
        f"/v2/contacts/modified-since/{DAY}",
        query="withFullData=false&",
    ),
    "unsubscribed": paged(
        lambda a: a.contacts.unsubscribed_since(SINCE),
        f"/v2/contacts/unsubscribed-since/{DAY}",
        SUPPRESSION,
    ),
    "count": Case(lambda a: a.contacts.count(), 42525, "GET /v2/contacts/count", None, 42525),
    "contact": Case(lambda a: a.contacts.get(5), {"id": 5}, "GET /v2/contacts/5", None, Contact(5)),
    "contact by address": Case(
        lambda a: a.contacts.get("ann+x@example.com").id,
        {"id": 5},
        "GET /v2/contacts/ann%2Bx@example.com",
        None,
        5,
    ),
    "find": Case(
        lambda a: [each.email for each in a.contacts.find([1, "zz@example.com"], full_data=True).not_found],
        {
            "contacts": [{"id": 1, "created": DAY}],
            "notFound": [{"id": 0, "email": "zz@example.com"}],
        },
        "GET /v2/contacts/retrieve-collection",
        {"contacts": [{"id": 1}, {"email": "zz@example.com"}], "withFullData": True},
        ["zz@example.com"],
    ),
    "save": Case(lambda a: a.contacts.save(ANN).id, {"id": 5}, "POST /v2/contacts", ANN_BODY, 5, 201),
    "update": Case(lambda a: a.contacts.update(5, ANN).id, {"id": 5}, "PUT /v2/contacts/5", ANN_BODY, 5),
    "delete": Case(lambda a: a.contacts.delete(5), None, "DELETE /v2/contacts/5", status=204),
    "books of contact": paged(
        lambda a: a.contacts.address_books(5),
        "/v2/contacts/5/address-books",
        {"id": 5, "name": "A"},
    ),
    "consent": Case(
        lambda a: a.contacts.save_with_consent(
            ContactDraft("ann@example.com", email_type="Html"),
            [Consent("I agree", SINCE, "https://x.example", user_agent="UA")],
        ),
        {"contact": {"id": 5}},
        "POST /v2/contacts/with-consent",
        {
            "contact": {"email": "ann@example.com", "emailType": "Html"},
            "consentFields": [
                {
                    "fields": [
                        {"key": "TEXT", "value": "I agree"},
                        {"key": "DATETIMECONSENTED", "value": DAY},
                        {"key": "URL", "value": "https://x.example"},
                        {"key": "USERAGENT", "value": "UA"},
                    ]
                }
            ],
        },
        {"contact": {"id": 5}},
        201,
    ),
    "consent update": Case(
        lambda a: a.contacts.update_with_consent(5, ContactDraft("ann@example.com"), []),
        {},
        "PUT /v2/contacts/5/with-consent",
        {"contact": {"email": "ann@example.com"}, "consentFields": []},
        {},
    ),
    "preferences": Case(
        lambda a: a.contacts.save_with_consent(
            ContactDraft("ann@example.com"),
            [Consent(ip_address="192.0.2.1")],
            preferences=[(3, True)],
        ),
        {},
        "POST /v2/contacts/with-consent-and-preferences",
        {
            "contact": {"email": "ann@example.com"},
            "consentFields": [{"fields": [{"key": "IPADDRESS", "value": "192.0.2.1"}]}],
            "preferences": [{"id": 3, "isPreference": True, "isOptedIn": True}],
        },
        {},
        201,
    ),
    "preferences update": Case(
        lambda a: a.contacts.update_with_consent(5, ContactDraft("ann@example.com"), [], preferences=[]),
        {},
        "PUT /v2/contacts/5/with-consent-and-preferences",
        {"contact": {"email": "ann@example.com"}, "consentFields": [], "preferences": []},
        {},
    ),
    "unsubscribe": Case(
        lambda a: a.contacts.unsubscribe("ann@example.com").contact.id,
        SUPPRESSION,
        "POST /v2/contacts/unsubscribe",
        {"email": "ann@example.com"},
        5,
    ),
    "suppress": Case(
        lambda a: [len(each) for each in (a.contacts.suppress([123, "a@example.com"]).suppressed,)],
        {
            "suppressed": [{"id": 123, "email": None}, {"id": 0, "email": "a@example.com"}],
            "notFound": [],
        },
        "PUT /v2/contacts/suppress-contacts",
        [{"id": 123}, {"email": "a@example.com"}],
        [2],
    ),
    "resubscribe": Case(
        lambda a: a.contacts.resubscribe(ContactDraft("ann@example.com")).contact,
        RESUBSCRIBED,
        "POST /v2/contacts/resubscribe",
        {"unsubscribedContact": {"email": "ann@example.com"}},
        Contact(5, status="Unsubscribed"),
    ),
    "resubscribe at once": Case(
        lambda a: a.contacts.resubscribe(ContactDraft("ann@example.com"), challenge=False).status,
        RESUBSCRIBED,
        "POST /v2/contacts/resubscribe-with-no-challenge",
        {"unsubscribedContact": {"email": "ann@example.com"}},
        "ContactChallenged",
    ),
    "import": Case(
        lambda a: a.contacts.import_file(io.BytesIO(b"Email\n"), encoding="json").id,
        {"id": "g", "status": "NotFinished"},
        "POST /v2/contacts/import/with-merge-option/Overwrite",
        {"fileName": "contacts.csv", "data": "RW1haWwK"},
        "g",
        202,
    ),
    "import drafts": Case(
        lambda a: (
            a.contacts.import_drafts([ANN], address_book_ids=[7], merge=MergeOption.ONLY_OVERWRITE_IF_NOT_EMPTY).id
        ),
        {"id": "g", "status": "NotFinished"},
        "POST /v2/contacts/import-collection",
        {"addressBookIds": [7], "mergeOption": "OnlyOverwriteIfNotEmpty", "contacts": [ANN_BODY]},
        "g",
        202,
    ),
    "field create": Case(
        lambda a: a.create_data_field("BORN", "Date", default=SINCE),
        None,
        "POST /v2/data-fields",
        {"name": "BORN", "type": "Date", "visibility": "Private", "defaultValue": DAY},
        status=201,
    ),
    "field delete": Case(
        lambda a: a.delete_data_field("BORN"),
        {"dependencies": None, "result": True},
        "DELETE /v2/data-fields/BORN",
        None,
        DataFieldDeletion(result=True),
    ),
    "field in use": Case(
        lambda a: a.delete_data_field("BORN"),
        {"dependencies": [{"type": "Campaign", "objectId": 12}, "Survey"], "result": False},
        "DELETE /v2/data-fields/BORN",
        None,
        DataFieldDeletion(result=False, dependencies=[Dependency("Campaign", 12), "Survey"]),
        409,
    ),
}
