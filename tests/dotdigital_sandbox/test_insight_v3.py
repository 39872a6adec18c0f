"""Insight data of version 3, beside that of version 2 which keeps the same records (the vendor's Insight data 3.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dotdigital_sandbox.conftest import Api

V3 = "/insightData/v3"
ANN = f"{V3}/contacts/email/ann@example.com"


def refused(api: Api, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    response = api.http.request(method, path, json=body, **options)
    assert set(response.json()) <= {"errorCode", "description", "details"}, response.text
    return response.status_code, response.json()["errorCode"]


def made(api: Api, name: str = "Orders", scope: str = "contact", kind: str = "orders") -> None:
    """A collection, there for sure."""
    api.ask("POST", f"{V3}/collections/{name}?collectionScope={scope}&collectionType={kind}", status=201)


def imported(api: Api, *records: Any, name: str = "Orders", scope: str = "contact", kind: str = "orders") -> Any:
    """What came of an import."""
    body = {"collectionName": name, "collectionScope": scope, "collectionType": kind, "records": list(records)}
    started = api.ask("PUT", f"{V3}/import", body, status=202)
    return api.get(f"{V3}/import/{started['importId']}")


def of(email: str, key: str, **content: Any) -> dict[str, Any]:
    """A record of a contact, to be imported."""
    return {"contactIdentity": {"identifier": "email", "value": email}, "key": key, "json": content}


def test_a_record_of_a_contact_lives_and_dies(api: Api) -> None:
    ann = api.contact("ann@example.com")
    api.contact("bob@example.com")
    made(api)
    api.ask("POST", f"{V3}/collections/orders?collectionScope=contact&collectionType=orders", status=200)
    path = f"{ANN}/Orders/24938"
    api.ask("PUT", path, {"total": 56, "items": [{"sku": "hat"}]}, status=201)
    api.ask("PUT", path, '{"total": 57}', status=204)
    record = api.get(path)
    assert (record["key"], record["json"], record["ownerContactId"]) == ("24938", {"total": 57}, ann)
    assert record["updated"] > record["created"]
    assert api.get(f"{ANN}/Orders")["_items"] == api.get(f"{V3}/contacts/Orders")["_items"] == [record]
    (collection,) = api.get(ANN)
    assert collection == {
        "collectionName": "Orders", "collectionType": "orders", "collectionScope": "contact", "recordCount": 1
    }  # fmt: skip
    assert api.get(f"{V3}/contacts/email/bob@example.com") == []
    assert api.get("/v2/contacts/transactional-data/Orders/24938")["json"] == '{"total": 57}'
    bobs = path.replace("ann@", "bob@")
    assert refused(api, "GET", bobs) == (404, "insightData:recordNotFound")
    assert refused(api, "DELETE", bobs) == (404, "insightData:recordNotFound")
    api.ask("DELETE", path, status=204)
    assert refused(api, "GET", path) == (404, "insightData:recordNotFound")
    api.ask("PUT", path, {}, status=201)
    done = api.ask("DELETE", f"{ANN}/Orders/deleteRecords", {"keys": ["24938"]}, status=200)
    assert (done["summary"]["totalDeleted"], done["notFound"], done["failures"]) == (1, [], [])


def test_records_of_the_account_are_paged_and_found_by_their_change(api: Api) -> None:
    api.sandbox.freeze()
    made(api, "catalog_shop", "account", "catalog")
    base = f"{V3}/account/catalog_shop"
    for number in range(5):
        api.ask("PUT", f"{base}/sku{number}", {"price": number}, status=201)
    api.sandbox.advance(60)
    later = api.sandbox.account.clock.text()
    api.ask("PUT", f"{base}/sku1", {"price": 9}, status=204)
    keys, marker = [], ""
    while True:
        page = api.get(base, limit=2, **({"marker": marker} if marker else {}))
        keys += [each["key"] for each in page["_items"]]
        if "next" not in page["_links"]:
            break
        marker = page["_links"]["next"]["marker"]
    assert keys == [f"sku{number}" for number in range(5)]
    changed = api.get(base, **{"~modified": f"gte::{later}"})["_items"]
    assert [(each["key"], each["json"]) for each in changed] == [("sku1", {"price": 9})]
    assert "ownerContactId" not in changed[0]
    assert [each["collectionName"] for each in api.get(f"{V3}/account")] == ["catalog_shop"]
    assert [each["key"] for each in api.get("/v2/transactional-data/catalog_shop", select=2)] == ["sku0", "sku1"]
    done = api.ask("DELETE", f"{V3}/accounts/catalog_shop/deleteRecords", {"keys": ["sku0", "none"]}, status=200)
    assert done["summary"] == {"totalRecords": 2, "totalDeleted": 1, "totalNotFound": 1}
    assert done["notFound"] == ["none"]
    assert api.get(f"{base}/sku1")["json"] == {"price": 9}
    api.ask("DELETE", f"{base}/sku1", status=204)
    assert refused(api, "GET", f"{base}/sku1") == (404, "insightData:recordNotFound")


def test_collections_are_emptied_and_deleted_in_the_background(start: Any) -> None:
    api = start(deletion_seconds=60)
    api.contact("ann@example.com")
    api.contact("bob@example.com")
    assert imported(api, of("ann@example.com", "1"), of("bob@example.com", "2"))["summary"]["totalImported"] == 2
    job = api.ask("DELETE", f"{ANN}/Orders/empty", status=202)["jobId"]
    assert api.get(f"{V3}/async/{job}") == {"jobId": job, "status": "NotFinished"}
    api.sandbox.advance(60)
    done = api.get(f"{V3}/async/{job}")
    assert (done["status"], done["summary"]["totalProcessed"]) == ("Finished", 1)
    assert [each["key"] for each in api.get(f"{V3}/contacts/Orders")["_items"]] == ["2"]
    api.ask("DELETE", f"{V3}/collections/Orders/empty", status=202)
    assert [each["recordCount"] for each in api.get(f"{V3}/collections")] == [0]
    api.ask("DELETE", f"{V3}/collections/Orders", status=202)
    assert api.get(f"{V3}/collections") == []
    assert refused(api, "DELETE", f"{V3}/collections/Orders") == (404, "insightData:collectionNotFound")
    assert refused(api, "GET", f"{V3}/async/{job}x") == (400, "insightData:invalidId")


def test_an_import_tells_what_came_of_each_record(api: Api) -> None:
    api.contact("ann@example.com")
    kept = of("ann@example.com", "1", total=5, name="Hat", at="2024-01-01T00:00:00Z")
    bad: dict[str, Any] = {
        "DuplicateKey": of("ann@example.com", "1"),
        "InvalidClientKey": {"json": {}, "contactIdentity": kept["contactIdentity"]},
        "InvalidContactIdentifier": {"key": "2", "json": {}},
        "ContactEmailDoesNotExist": of("nobody@example.com", "3"),
        "ContactIdDoesNotExist": {**kept, "key": "4", "contactIdentity": {"identifier": "contactId", "value": 999}},
        "InvalidJson": {**kept, "key": "5", "json": [1]},
        "JsonContainsNestedArray": of("ann@example.com", "6", grid=[[1]]),
        "JsonKeyTooLong": of("ann@example.com", "7", **{"k" * 256: 1}),
        "JsonKeyInvalidCharacters": of("ann@example.com", "8", **{"a b": 1}),
        "JsonValueTooLong": of("ann@example.com", "9", name="x" * 65_536),
        "JsonValueIncompatibleWithSchema": of("ann@example.com", "10", total="many"),
        "JsonNumberValueTooLarge": of("ann@example.com", "11", total=1e30),
    }
    more = [of("ann@example.com", "12", total=None, extra=[{"a": True}, {"b": 1}]), {**kept, "key": 13}]
    state = imported(api, kept, *bad.values(), *more, of("ann@example.com", "14", at="soon"))
    assert (state["status"], state["collectionName"]) == ("Complete", "Orders")
    assert state["summary"] == {"totalRecords": 16, "totalImported": 4, "totalRejected": 12}
    assert [each["failureReason"] for each in state["failures"]] == list(bad)
    assert [each["key"] for each in state["failures"]][:3] == ["1", "", "2"]
    assert state["failures"][10]["details"] == ["Field 'total' is expected to be FLOAT"]
    schema = api.get(f"{V3}/collections/Orders/schema")["schema"]["fields"]
    assert [(each["name"], each["mode"], each["type"]) for each in schema] == [
        ("total", "NULLABLE", "FLOAT"), ("name", "NULLABLE", "STRING"), ("at", "NULLABLE", "STRING"),
        ("extra", "REPEATED", "RECORD"),
    ]  # fmt: skip
    assert [each["type"] for each in schema[3]["fields"]] == ["BOOLEAN", "FLOAT"]
    assert refused(api, "PUT", f"{ANN}/Orders/15", {"total": "many"}) == (400, "insightData:badJson")
    v2 = {"key": "15", "contactIdentifier": "ann@example.com", "json": {"total": "many"}}
    problem = "Error: ERROR_TRANSACTIONAL_DATA_VALIDATION_FAILED"
    assert api.message("POST", "/v2/contacts/transactional-data/Orders", v2) == (400, problem)


def test_an_import_is_processed_for_a_while(start: Any) -> None:
    api = start(import_seconds=60)
    body = {"collectionName": "Stock", "collectionScope": "account", "collectionType": "custom",
            "records": [{"key": "1", "json": {}}]}  # fmt: skip
    guid = api.ask("PUT", f"{V3}/import", body, status=202)["importId"]
    assert api.get(f"{V3}/import/{guid}") == {"importId": guid, "status": "Processing"}
    api.sandbox.advance(60)
    assert api.get(f"{V3}/import/{guid}")["status"] == "Complete"
    unknown = "d7de900d-d337-43f6-b1e1-c8ec73e1a434"
    for path, code in (("import", "importNotFound"), ("async", "asyncJobNotFound")):
        assert refused(api, "GET", f"{V3}/{path}/nothing") == (400, "insightData:invalidId")
        assert refused(api, "GET", f"{V3}/{path}/{unknown}") == (404, f"insightData:{code}")
    body["collectionScope"] = "contact"
    assert refused(api, "PUT", f"{V3}/import", body) == (400, "insightData:badRequest")


@pytest.mark.parametrize(
    ("method", "path", "body", "answer"),
    [
        ("POST", "/collections/my%20coll?collectionScope=account&collectionType=custom", None, (400, "invalidId")),
        ("POST", "/collections/1st?collectionScope=account&collectionType=custom", None, (400, "invalidId")),
        ("POST", f"/collections/{'x' * 256}?collectionScope=account&collectionType=custom", None, (400, "invalidId")),
        ("POST", "/collections/New", None, (400, "badRequest")),
        ("POST", "/collections/New?collectionScope=me&collectionType=custom", None, (400, "badRequest")),
        ("POST", "/collections/New?collectionScope=account&collectionType=mine", None, (400, "badRequest")),
        ("GET", "/collections/Nothing/schema", None, (404, "collectionNotFound")),
        ("GET", "/account/Nothing", None, (404, "collectionNotFound")),
        ("GET", "/account/Orders", None, (404, "collectionNotFound")),
        ("GET", "/contacts/Nothing", None, (404, "collectionNotFound")),
        ("GET", "/contacts/email/ann@example.com/Nothing", None, (404, "collectionNotFound")),
        ("GET", "/contacts/email/nobody@example.com/Orders", None, (404, "contactNotFound")),
        ("GET", "/contacts/email/nobody@example.com", None, (404, "contactNotFound")),
        ("GET", "/contacts/email/none", None, (400, "invalidId")),
        ("GET", "/contacts/loyaltyCard/X1", None, (400, "invalidId")),
        ("GET", "/contacts/mobileNumber/x", None, (400, "invalidId")),
        ("GET", "/contacts/Orders?limit=0", None, (400, "invalidFilter")),
        ("GET", "/contacts/Orders?marker=%25", None, (400, "invalidFilter")),
        ("GET", "/contacts/Orders?~modified=yesterday", None, (400, "invalidFilter")),
        ("PUT", "/contacts/email/ann@example.com/Nothing/1", {}, (404, "collectionNotFound")),
        ("PUT", "/contacts/email/ann@example.com/Orders/1", [1], (400, "badJson")),
        ("PUT", "/contacts/email/ann@example.com/Orders/1", "{", (400, "badJson")),
        ("PUT", "/contacts/email/ann@example.com/Orders/1", "[" * 5000, (400, "badJson")),
        ("PUT", f"/contacts/email/ann@example.com/Orders/{'x' * 256}", {}, (400, "badJson")),
        ("DELETE", "/contacts/email/ann@example.com/Orders/deleteRecords", {}, (400, "noRecordsSpecified")),
        ("DELETE", "/contacts/email/ann@example.com/Orders/deleteRecords", {"keys": []}, (400, "noRecordsSpecified")),
        ("DELETE", "/contacts/email/ann@example.com/Orders/deleteRecords", {"keys": [1]}, (400, "noRecordsSpecified")),
        ("DELETE", "/contacts/email/ann@example.com/Orders/deleteRecords", {"keys": ["k"] * 5001},
         (400, "noRecordsSpecified")),
        ("DELETE", "/accounts/Orders/deleteRecords", {"keys": ["1"]}, (404, "collectionNotFound")),
        ("PUT", "/import", [], (400, "badRequest")),
        ("PUT", "/import", {"collectionName": 5}, (400, "invalidId")),
        ("PUT", "/import", {"collectionName": "Orders", "collectionScope": "contact", "collectionType": "orders",
                            "records": []}, (400, "badRequest")),
        ("PUT", "/import", {"collectionName": "Orders", "collectionScope": "contact", "collectionType": "orders",
                            "records": [None]}, (400, "badRequest")),
    ],
)  # fmt: skip
def test_refusals(api: Api, method: str, path: str, body: Any, answer: tuple[int, str]) -> None:
    api.contact("ann@example.com")
    made(api)
    assert refused(api, method, f"{V3}{path}", body) == (answer[0], f"insightData:{answer[1]}")


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b"[" * 5000, b"<a/>"])
def test_what_is_no_json_is_refused(api: Api, body: bytes) -> None:
    api.contact("ann@example.com")
    made(api)
    for method, path in (
        ("PUT", f"{ANN}/Orders/1"),
        ("PUT", f"{V3}/import"),
        ("DELETE", f"{ANN}/Orders/deleteRecords"),
    ):
        answer = api.http.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "insightData:badJson")


def test_there_are_no_more_than_a_thousand_collections(api: Api) -> None:
    with api.sandbox.account.store.writing() as db:
        db.executemany(
            "INSERT INTO insight_collection (name, scope, type, created) VALUES (?, 'account', 'custom', '')",
            [(f"C{number}",) for number in range(1000)],
        )
    query = "collectionScope=account&collectionType=custom"
    assert refused(api, "POST", f"{V3}/collections/One?{query}") == (412, "insightData:collectionLimitExceeded")
    api.ask("POST", f"{V3}/collections/C5?{query}", status=200)
    assert len(api.get(f"{V3}/collections")) == 1000


def test_version_2_makes_and_empties_the_same_collections(api: Api) -> None:
    api.contact("ann@example.com")
    api.ask("POST", "/v2/contacts/transactional-data/Orders/1", {"contactIdentifier": "ann@example.com", "json": {}},
            status=200)  # fmt: skip
    api.ask("POST", "/v2/contacts/transactional-data/Catalog_1/1", {"contactIdentifier": "account", "json": "[1]"},
            status=200)  # fmt: skip
    listed = api.get("/v2/contacts/transactional-data-collections")
    assert [each["name"] for each in listed] == ["Orders", "Catalog_1"]
    assert [(each["collectionType"], each["collectionScope"]) for each in api.get(f"{V3}/collections")] == [
        ("orders", "contact"), ("catalog", "account")
    ]  # fmt: skip
    assert api.get(f"{V3}/account/Catalog_1")["_items"][0]["json"] == {}
    api.ask("PUT", "/v2/contacts/transactional-data/Orders/empty", status=204)
    assert api.get(f"{ANN}/Orders")["_items"] == []
    missing = (404, "Error: ERROR_TRANSACTIONAL_DATA_COLLECTION_DOES_NOT_EXIST")
    assert api.message("GET", "/v2/transactional-data/Nothing") == missing
    assert api.message("PUT", "/v2/contacts/transactional-data/Nothing/empty") == missing


def test_scores_follow_what_people_do_and_are_known_by(demo: Api) -> None:
    scores = demo.get("/v2/contacts/score")
    assert len(scores) == 30
    labels = {75: "Hot", 50: "Warm", 25: "Cool", 0: "Cold"}
    for each in scores:
        assert each["score"] == (each["engagement"] + each["suitability"]) // 2
        assert each["scoreLabel"] == next(label for least, label in labels.items() if each["score"] >= least)
    assert {each["engagement"] > 0 for each in scores} == {True, False}
    assert demo.get("/v2/contacts/score", select=2, skip=1) == scores[1:3]
    first = scores[0]
    one = f"/v2/contacts/{first['contactId']}"
    assert demo.get(f"/v2/contacts/{first['email']}/score") == first == demo.get(f"{one}/score")
    demo.ask("PUT", one, {"dataFields": [{"key": "GENDER", "value": "f"}]}, status=200)
    changed = demo.get(f"{one}/score")
    assert changed["suitability"] > first["suitability"]
    assert demo.get(f"/v2/contacts/score/modified-since/{changed['dateModified']}") == [changed]
    members = demo.get("/v2/address-books/3/contacts/score")
    assert {each["email"] for each in members} >= {f"subscriber.{number}@example.com" for number in range(1, 11)}
    assert "customer.1@example.com" not in {each["email"] for each in members}
    assert demo.message("GET", "/v2/contacts/nobody@example.com/score") == (404, "Error: ERROR_CONTACT_NOT_FOUND")
    demo.ask("POST", "/contacts/v3", {"identifiers": {"mobileNumber": "447123123123"}}, status=201)
    assert len(demo.get("/v2/contacts/score")) == 30
