"""Every answer of the sandbox to the operations of the vendor's machine documents is one that they describe.

The documents are facts and no part of this repository. Where they do not lie beside it, this is left out, and says so.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from dotdigital_sandbox import Sandbox
from tests.contract.vendor_documents import FOLDER, NAMES, VendorDocument

if not FOLDER.is_dir():
    pytest.skip("the vendor's documents are not beside the repository", allow_module_level=True)

CONTACTS, EVENTS, INSIGHT = "/contacts/v3", "/events/v3/export", "/insightData/v3"
ANN, NOBODY = (f"{INSIGHT}/contacts/email/{name}@example.com" for name in ("customer.1", "nobody"))
CONSENT = {
    "text": "Yes", "dateTimeConsented": "2023-01-26T21:29:00Z", "url": "http://www.example.com/signup",
    "ipAddress": "2001:db8::1", "userAgent": "Firefox",
}  # fmt: skip
# A gateway's answers, which the documents name for no operation, and what no call can bring about on purpose.
OF_A_GATEWAY = {405, 413, 429, 503}
NEVER_HERE = {403, 500}
UNKNOWN = "d7de900d-d337-43f6-b1e1-c8ec73e1a434"


class Asked:
    """Calls the sandbox, and judges each answer by the vendor's document."""

    def __init__(self, sandbox: Sandbox, documents: list[VendorDocument]) -> None:
        self.sandbox = sandbox
        self.documents = documents
        self.seen: dict[tuple[str, str], set[int]] = defaultdict(set)
        self.http = httpx2.Client(base_url=sandbox.url, auth=(sandbox.user, sandbox.password), timeout=30)

    def __call__(self, method: str, path: str, body: Any = None, *, status: int, **options: Any) -> Any:
        answer = self.http.request(method, path, json=body, **options)
        assert answer.status_code == status, (method, path, answer.text)
        self.judge(method, answer)
        return answer.json() if answer.content else None

    def judge(self, method: str, answer: httpx2.Response) -> None:
        """Fails where the document does not describe the answer."""
        path = answer.request.url.path
        for document in self.documents:
            operation = document.operation_of(method, path)
            if operation is not None:
                self.seen[operation].add(answer.status_code)
                assert answer.status_code in document.statuses(operation) | OF_A_GATEWAY, (operation, answer.text)
                if answer.status_code in document.statuses(operation):
                    faults = document.faults(operation, answer.status_code, answer.content)
                    assert faults == [], (operation, answer.status_code, faults, answer.text[:2000])
                return
        raise AssertionError(f"the vendor has no {method} {path}")


@pytest.fixture(scope="module")
def documents() -> list[VendorDocument]:
    return [VendorDocument(name) for name in NAMES]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, documents: list[VendorDocument]) -> Iterator[Asked]:
    with Sandbox(tmp_path_factory.mktemp("vendor"), seed="demo") as sandbox:
        asked = Asked(sandbox, documents)
        yield asked
        asked.http.close()


@pytest.mark.parametrize(
    "spoiled",
    [
        {"status": "asleep"},
        {"created": "yesterday"},
        {"contactId": "5"},
        {"preferences": []},
        {"channelProperties": {"email": {"emailType": "Html", "optInType": "Single", "status": "subscribed", "x": 1}}},
        {"consentRecords": [{"text": "Yes"}]},
    ],
)
def test_a_document_notices_what_is_wrong(documents: list[VendorDocument], spoiled: dict[str, Any]) -> None:
    contact = {
        "contactId": 5, "status": "subscribed", "created": CONSENT["dateTimeConsented"], "identifiers": {},
        "updated": CONSENT["dateTimeConsented"],
    }  # fmt: skip
    operation = ("GET", "/contacts/v3/{identifier}/{value}")
    assert documents[0].faults(operation, 200, json.dumps(contact).encode()) == []
    assert documents[0].faults(operation, 200, json.dumps({**contact, **spoiled}).encode()) != []


def test_contacts(ask: Asked) -> None:
    http = ask.http
    boots = http.post("/v2/preferences", json={"privateName": "Boots", "isPreference": True}).json()["id"]
    partial = {"contact": {"email": "ann@example.com"}, "consentFields": [{"fields": [{"key": "TEXT", "value": "Y"}]}]}
    http.post("/v2/contacts/with-consent", json=partial).raise_for_status()
    whole = {
        "identifiers": {"email": "bob@example.com", "mobileNumber": "447123123123"},
        "dataFields": {"FIRSTNAME": "Bob", "VIP": True, "LEADSCORE": 1.5},
        "channelProperties": {"email": {"optInType": "verifiedDouble"}, "whatsApp": {"status": "subscribed"}},
        "lists": [3],
        "preferences": [{"id": boots, "isOptedIn": True}],
        "consentRecords": [CONSENT],
    }
    ask("POST", CONTACTS, whole, status=201)
    ask("POST", CONTACTS, whole, status=409)
    ask("POST", CONTACTS, {"identifiers": {"mobileNumber": "447123123124"}}, status=201)
    ask("POST", CONTACTS, {"identifiers": {"email": "x"}}, status=400)
    ask("POST", CONTACTS, {}, status=400)
    one = f"{CONTACTS}/email/bob@example.com"
    for path in (one, f"{CONTACTS}/mobileNumber/447123123124", f"{CONTACTS}/email/complained.1@example.com"):
        ask("GET", path, status=200)


def test_lists_and_changes_of_contacts(ask: Asked) -> None:
    one = f"{CONTACTS}/email/bob@example.com"
    everything = "include=channelProperties|lists|preferences|consentRecords&data-fields=[[ALL]]"
    following = ask("GET", f"{CONTACTS}?limit=5&{everything}", status=200)["_links"]["next"]["marker"]
    ask("GET", f"{CONTACTS}?{everything}&marker={following}", status=200)
    ask("GET", f"{CONTACTS}?~modified=gte::2020-01-01T00:00:00Z&~listId=3", status=200)
    ask("GET", f"{CONTACTS}?~modified=yesterday", status=400)
    ask("PATCH", one, {"dataFields": {"FIRSTNAME": None}}, status=200)
    ask("PATCH", f"{CONTACTS}/email/new@example.com?merge-option=overwrite-if-empty", {}, status=201)
    ask("PATCH", one, {"identifiers": {"email": "ann@example.com"}}, status=409)
    ask("PATCH", f"{one}?merge-option=odd", {}, status=400)
    ask("PUT", one, {"identifiers": {"email": "bob@example.com"}}, status=200)
    ask("PUT", one, [], status=400)
    nobody, bad = f"{CONTACTS}/email/nobody@example.com", f"{CONTACTS}/email/bad"
    ask("PUT", nobody, {"identifiers": {"email": "nobody@example.com"}}, status=404)
    ask("GET", nobody, status=404)
    ask("GET", bad, status=400)
    ask("DELETE", bad, status=400)
    ask("DELETE", nobody, status=404)
    ask("DELETE", one, status=200)


def test_imports_and_deletions_of_contacts(ask: Asked) -> None:
    sandbox = ask.sandbox
    ask("PATCH", f"{CONTACTS}/email/ann@example.com", {}, status=200)
    rows = [
        {"matchIdentifier": "email", "identifiers": {"email": each}, "consentRecords": [record]}
        for each, record in (("ann@example.com", CONSENT), ("cid@example.com", {}), ("bad", CONSENT))
    ]
    rows += [{"matchIdentifier": "contactId", "identifiers": {"contactId": 1, "email": "subscriber.1@example.com"}}]
    sandbox.hold_imports()
    guid = ask("PUT", f"{CONTACTS}/import", {"mergeOption": "overwrite", "contacts": rows}, status=202)["importId"]
    ask("GET", f"{CONTACTS}/import/{guid}", status=200)
    sandbox.release_imports()
    sandbox.finish_imports()
    done = ask("GET", f"{CONTACTS}/import/{guid}", status=200)
    assert [len(done[each]) for each in ("created", "updated", "failures")] == [1, 2, 2]
    ask("PUT", f"{CONTACTS}/import", {"contacts": []}, status=400)
    ask("GET", f"{CONTACTS}/import/none", status=400)
    ask("GET", f"{CONTACTS}/import/{UNKNOWN}", status=404)
    named = [{"contactId": 2}, {"email": "cid@example.com"}, {"email": "nobody@example.com"}, {"email": "bad"}]
    guid = ask("POST", f"{CONTACTS}/delete", named, status=202)["deleteId"]
    sandbox.finish_chores()
    assert ask("GET", f"{CONTACTS}/delete/{guid}", status=200)["summary"]["deletedContacts"] == 2
    ask("POST", f"{CONTACTS}/delete", [], status=400)
    ask("GET", f"{CONTACTS}/delete/none", status=400)
    ask("GET", f"{CONTACTS}/delete/{UNKNOWN}", status=404)


EVENT_TYPES = ("contact.created", "insightData.set", "email.doubleOptIn", "message.sent", "interaction.click")


def hints(name: str) -> dict[str, Any]:
    """A subscription."""
    filters = [{"field": "$.channel", "matchPattern": "e*", "caseSensitive": False}]
    return {
        "name": name,
        "status": "active",
        "subscribedEventTypes": [
            *({"eventType": each} for each in EVENT_TYPES),
            {"eventType": "email.read", "filters": filters},
        ],
        "alertsConfiguration": {"alertChannels": "emailAndInApp", "email": "alerts@example.com"},
    }


def test_subscriptions(ask: Asked) -> None:
    base, body = f"{EVENTS}/subscriptions", hints("First")
    ident = ask("POST", base, body, status=201)["id"]
    ask("POST", base, body, status=409)
    unknown = {**body, "subscribedEventTypes": [{"eventType": "example.unknownType"}]}
    ask("POST", base, unknown, status=400)
    ask("PUT", f"{base}/{ident}", unknown, status=400)
    other = ask("POST", base, {**body, "name": "Other", "alertsConfiguration": {"alertChannels": "none"}}, status=201)[
        "id"
    ]
    ask("PUT", f"{base}/{other}", body, status=409)
    ask("GET", f"{base}?limit=1", status=200)
    ask("GET", f"{base}/{ident}", status=200)
    ask("GET", f"{base}/0", status=404)
    ask("PUT", f"{base}/0", {**body, "name": "New"}, status=404)
    ask("DELETE", f"{base}/0", status=404)
    ask("DELETE", f"{base}/{ident}", status=204)


def test_events(ask: Asked) -> None:
    base, body = f"{EVENTS}/subscriptions", hints("Hints")
    ident = ask("POST", base, body, status=201)["id"]
    ask.sandbox.change_switch("event_payload", "more")
    ask.http.post("/v2/contacts", json={"email": "eve@example.com", "optInType": "VerifiedDouble"})
    ask.sandbox.complete_challenge("eve@example.com")
    record = {"contactIdentifier": "eve@example.com", "json": {"text": "x" * 40_000}}
    ask.http.post("/v2/contacts/transactional-data/Notes/1", json=record).raise_for_status()
    draft = next(each["id"] for each in ask.http.get("/v2/campaigns").json() if each["status"] == "Unsent")
    ask.sandbox.send_campaign(draft)
    page = ask("GET", f"{EVENTS}/{ident}?limit=5", status=200)
    rest = ask("GET", f"{EVENTS}/{ident}?checkPoint={page['checkPoint']}", status=200)
    seen = {event["type"]: event for event in page["events"] + rest["events"]}
    assert set(EVENT_TYPES) <= set(seen)
    assert ask.http.get(f"/events/v3/lob/{seen['insightData.set']['data']['lobId']}").json() == record["json"]
    ask("GET", f"/events/v3/lob/{seen['insightData.set']['data']['lobId']}", status=200)
    ask("GET", "/events/v3/lob/none", status=404)
    ask("GET", f"{EVENTS}/{ident}?checkPoint=none", status=400)
    ask("GET", f"{EVENTS}/0", status=404)
    ask("PUT", f"{base}/{ident}", {**body, "status": "inactive"}, status=200)
    ask("GET", f"{EVENTS}/{ident}", status=409)
    ask("DELETE", f"{base}/{ident}", status=204)
    event = {"contactIdentity": {"identifier": "email", "value": "eve@example.com"}, "type": "Search"}
    ask("POST", "/events/v3/import", [event], status=202)
    ask("POST", "/events/v3/import", [], status=400)


def test_insight_records(ask: Asked) -> None:
    for name, scope, kind in (("Orders", "contact", "orders"), ("Catalog_x", "account", "catalog")):
        made = f"{INSIGHT}/collections/{name}?collectionScope={scope}&collectionType={kind}"
        ask("POST", made, status=201)
        ask("POST", made, status=200)
    ask("POST", f"{INSIGHT}/collections/my%20collection?collectionScope=account&collectionType=custom", status=400)
    content = {"total": 5, "items": [{"sku": "hat"}], "at": "2024-01-01T00:00:00Z"}
    for base in (f"{ANN}/Orders", f"{INSIGHT}/account/Catalog_x"):
        ask("PUT", f"{base}/1", content, status=201)
        ask("PUT", f"{base}/1", content, status=204)
        ask("PUT", f"{base}/1", [], status=400)
        ask("PUT", f"{base}nothing/1", content, status=404)
        ask("GET", base, status=200)
        ask("GET", f"{base}?limit=0", status=400)
        ask("GET", f"{base}nothing", status=404)
        ask("GET", f"{base}/1", status=200)
        ask("GET", f"{base}%20/1", status=400)
        ask("GET", f"{base}/none", status=404)
        ask("DELETE", f"{base}%20/1", status=400)
        ask("DELETE", f"{base}/none", status=404)
        ask("DELETE", f"{base}/1", status=204)
        ask("PUT", f"{base}/1", content, status=201)


def test_insight_collections(ask: Asked) -> None:
    contacts, collections = f"{INSIGHT}/contacts", f"{INSIGHT}/collections"
    ask("GET", f"{contacts}/Orders", status=200)
    ask("GET", f"{contacts}/Nothing", status=404)
    ask("GET", f"{contacts}/my%20collection", status=400)
    ask("GET", ANN, status=200)
    ask("GET", NOBODY, status=404)
    ask("GET", f"{contacts}/email/bad", status=400)
    ask("GET", f"{NOBODY}/Orders", status=404)
    ask("GET", f"{INSIGHT}/account", status=200)
    ask("GET", collections, status=200)
    ask("GET", f"{collections}/Orders/schema", status=200)
    ask("GET", f"{collections}/Nothing/schema", status=404)
    ask("GET", f"{collections}/my%20collection/schema", status=400)


def test_insight_imports(ask: Asked) -> None:
    people = (("customer.2@example.com", 1), ("nobody@example.com", 1), ("customer.3@example.com", "many"))
    records: list[Any] = [
        {"contactIdentity": {"identifier": "email", "value": each}, "key": each, "json": {"total": total}}
        for each, total in people
    ]
    nobody = {"identifier": "email", "value": None}
    records += [{"key": 5, "json": "x"}, {"key": "6", "json": {}, "contactIdentity": nobody}]
    body = {"collectionName": "Orders", "collectionScope": "contact", "collectionType": "orders", "records": records}
    guid = ask("PUT", f"{INSIGHT}/import", body, status=202)["importId"]
    assert ask("GET", f"{INSIGHT}/import/{guid}", status=200)["summary"]["totalRejected"] == 4
    clean = ask("PUT", f"{INSIGHT}/import", {**body, "records": records[:1]}, status=202)["importId"]
    ask("GET", f"{INSIGHT}/import/{clean}", status=200)
    ask("PUT", f"{INSIGHT}/import", {}, status=400)
    ask("GET", f"{INSIGHT}/import/none", status=400)
    ask("GET", f"{INSIGHT}/import/{UNKNOWN}", status=404)


def test_insight_data_are_taken_away(ask: Asked) -> None:
    collections = f"{INSIGHT}/collections"
    for base in (f"{ANN}/Orders", f"{INSIGHT}/accounts/Catalog_x"):
        ask("DELETE", f"{base}/deleteRecords", {"keys": ["1", "none"]}, status=200)
        ask("DELETE", f"{base}/deleteRecords", {}, status=400)
        ask("DELETE", f"{base}nothing/deleteRecords", {"keys": ["1"]}, status=404)
    ask("DELETE", f"{ANN}/Nothing/empty", status=404)
    ask("DELETE", f"{ANN}%20/Orders/empty", status=400)
    ask("DELETE", f"{ANN}/Orders/empty", status=202)
    ask("DELETE", f"{collections}/Orders/empty", status=202)
    ask("DELETE", f"{collections}/Nothing/empty", status=404)
    ask("DELETE", f"{collections}/my%20collection/empty", status=400)
    job = ask("DELETE", f"{collections}/Orders", status=202)["jobId"]
    ask("DELETE", f"{collections}/Orders", status=404)
    ask("DELETE", f"{collections}/my%20collection", status=400)
    ask.sandbox.advance(10)
    ask("GET", f"{INSIGHT}/async/{job}", status=200)
    ask("GET", f"{INSIGHT}/async/none", status=400)
    ask("GET", f"{INSIGHT}/async/{UNKNOWN}", status=404)


def test_every_operation_was_asked_and_nearly_every_answer_seen(ask: Asked, documents: list[VendorDocument]) -> None:
    """Without credentials, too. What the documents name and cannot come about here is said below."""
    operations = {operation: document for document in documents for operation in document.operations}
    assert operations
    with httpx2.Client(base_url=ask.sandbox.url) as stranger:
        for method, path in operations:
            ask.judge(method, stranger.request(method, path.replace("{", "").replace("}", "")))
    missing = {
        f"{method} {path}": sorted(document.statuses((method, path)) - ask.seen[method, path] - NEVER_HERE)
        for (method, path), document in operations.items()
    }
    assert {operation: statuses for operation, statuses in missing.items() if statuses} == {
        # Elsewhere tested: limits of the account.
        "POST /contacts/v3/delete": [429],
        "PUT /contacts/v3/import": [429],
        "POST /insightData/v3/collections/{collectionName}": [412],
    }
