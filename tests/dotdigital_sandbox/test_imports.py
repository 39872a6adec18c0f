"""Imports from the upload to the report (contract §4.6, §5)."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dotdigital_sandbox import Sandbox
from tests.dotdigital_sandbox.conftest import Api

START = Callable[..., Api]
NOT_YET = "Import is not processed yet or completed with error. ERROR_IMPORT_REPORT_NOT_FOUND"


def names(api: Api, email: str) -> tuple[Any, Any]:
    """First and last name of a contact."""
    held = {each["key"]: each["value"] for each in api.get(f"/v2/contacts/{email}")["dataFields"]}
    return held["FIRSTNAME"], held["LASTNAME"]


def test_good_and_bad_rows_are_told_apart(demo: Api) -> None:
    file = (
        "Email,FirstName,Unheard of\r\n"
        'new@example.com,"Zoë ""Z"", 🎉\nBee",x\r\n'
        "invisible,Nobody,\r\n"
        "opted.out.1@example.com,Changed,\r\n"
        "bounced.1@example.com,Changed,\r\n"
        "complained.1@example.com,Changed,\r\n"
        "left.newsletter.1@example.com,Changed,\r\n"
        "NEW@example.com,Again,\r\n"
        "\r\n"
        "subscriber.1@example.com,Renamed\r\n"
    )
    report, faults = demo.run_import(file, "/v2/address-books/3/contacts/import")
    assert report == {
        "newContacts": 1,
        "updatedContacts": 1,
        "invalidEntries": 1,
        "unsubscribed": 2,
        "hardBounced": 1,
        "ispComplaints": 1,
        "duplicateEmails": 1,
    }
    assert list(csv.reader(io.StringIO(faults))) == [
        ["Reason", "email", "firstname", "unheard of"],
        ["Invalid Email", "invisible", "Nobody", ""],
        ["Unsubscribed", "opted.out.1@example.com", "Changed", ""],
        ["Hard bounced", "bounced.1@example.com", "Changed", ""],
        ["Complained to ISP", "complained.1@example.com", "Changed", ""],
        ["Unsubscribed", "left.newsletter.1@example.com", "Changed", ""],
        ["Duplicate", "NEW@example.com", "Again", ""],
    ]
    assert names(demo, "new@example.com")[0] == 'Zoë "Z", 🎉\nBee'
    assert names(demo, "subscriber.1@example.com")[0] == "Renamed"
    for email, status in (
        ("opted.out.1", "Unsubscribed"),
        ("bounced.1", "HardBounced"),
        ("left.newsletter.1", "Subscribed"),
    ):
        contact = demo.get(f"/v2/contacts/{email}@example.com")
        assert contact["status"] == status
        assert names(demo, contact["email"])[0] != "Changed"
    assert len(demo.get("/v2/address-books/3/contacts")) == 11


def test_an_account_import_does_not_care_about_books(demo: Api) -> None:
    report, faults = demo.run_import("email\nleft.newsletter.1@example.com\n")
    assert (report, faults) == ({"updatedContacts": 1}, "Reason,email\n")


def test_faults_start_with_a_byte_order_mark_unless_switched(start: START) -> None:
    for switched, start_bytes in ((True, b"\xef\xbb\xbfReason"), (False, b"Reason,e")):
        api = start(switches={"fault_byte_order_mark": switched})
        guid = api.upload("first,email\nx,bad\n")
        api.sandbox.finish_imports()
        response = api.http.get(f"/v2/contacts/import/{guid}/report-faults")
        assert response.content.startswith(start_bytes)
        assert response.content.endswith(b"Invalid Email,bad,x\n")
        assert response.headers["content-type"] == "text/csv; charset=utf-8"


def test_faults_are_kept_for_a_week(api: Api) -> None:
    guid = api.upload("email\nbad\n")
    api.sandbox.finish_imports()
    api.sandbox.advance(6 * 86400)
    assert api.http.get(f"/v2/contacts/import/{guid}/report-faults").status_code == 200
    api.sandbox.advance(2 * 86400)
    assert api.message("GET", f"/v2/contacts/import/{guid}/report-faults") == (404, NOT_YET)


def test_reasons_can_be_spelled_as_magento_expects(start: START) -> None:
    api = start(switches={"fault_reasons": "magento"})
    assert api.run_import("email\nbad\n")[1] == "Reason,email\nInvalid Entries,bad\n"


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("Overwrite", ("New", None)),
        ("0", ("New", None)),
        ("onlyoverwriteifnotempty", ("New", "Bee")),
        ("1", ("New", "Bee")),
        ("OnlyOverwriteIfContactDataNotPopulated", ("Ann", "Bee")),
        ("2", ("Ann", "Bee")),
    ],
)
def test_merge_options(api: Api, option: str, expected: tuple[str, str]) -> None:
    api.contact("ann@example.com", FIRSTNAME="Ann", LASTNAME="Bee")
    report, _ = api.run_import(
        "email,FIRSTNAME,LASTNAME\nann@example.com,New,\n", f"/v2/contacts/import/with-merge-option/{option}"
    )
    assert report == {"updatedContacts": 1}
    assert names(api, "ann@example.com") == expected


def test_filling_up_only_empty_fields(api: Api) -> None:
    api.contact("ann@example.com", FIRSTNAME="Ann")
    api.run_import("email,FIRSTNAME,LASTNAME\nann@example.com,New,Bee\n", "/v2/contacts/import/with-merge-option/2")
    assert names(api, "ann@example.com") == ("Ann", "Bee")


def test_an_unknown_merge_option_is_refused(api: Api) -> None:
    answer = api.message("POST", "/v2/contacts/import/with-merge-option/3", {"fileName": "a.csv", "data": ""})
    assert answer == (400, "Error: ERROR_PARAMETER_INVALID")


def test_an_import_that_changes_nothing_does_not_count_as_a_modification(api: Api) -> None:
    api.contact("ann@example.com", FIRSTNAME="Ann")
    api.sandbox.account.clock.advance(60)
    since = api.get("/v2/server-time")
    assert api.run_import("email,FIRSTNAME\nann@example.com,Ann\n")[0] == {"updatedContacts": 1}
    assert api.get(f"/v2/contacts/modified-since/{since}") == []


def test_values_of_the_wrong_type_refuse_their_row_alone(api: Api) -> None:
    for name, kind in (("SCORE", "Numeric"), ("BIRTHDAY", "Date"), ("VIP", "Boolean")):
        api.ask("POST", "/v2/data-fields", {"name": name, "type": kind}, status=201)
    rows = [
        "a@example.com,many,,,", "b@example.com,,soon,,", "c@example.com,,,perhaps,", "d@example.com,,,," + "x" * 1001,
        "e@example.com,1.5,2020-02-29,no,fine",
    ]  # fmt: skip
    report, faults = api.run_import("email,score,birthday,vip,firstname\n" + "\n".join(rows))
    assert report == {"newContacts": 1, "failures": 4}
    assert [line[0] for line in csv.reader(io.StringIO(faults))] == ["Reason", *["Failures"] * 4]
    held = {each["key"]: each["value"] for each in api.get("/v2/contacts/e@example.com")["dataFields"]}
    assert (held["SCORE"], held["BIRTHDAY"], held["VIP"]) == (1.5, "2020-02-29T00:00:00.000Z", False)


def test_opt_in_and_mail_type_columns(api: Api) -> None:
    rows = "a@example.com,double,plaintext\nb@example.com,VerifiedDouble,\nc@example.com,odd,\n"
    report, _ = api.run_import("Email,OptInType,EmailType\n" + rows)
    assert report == {"newContacts": 2, "failures": 1}
    first, second = api.get("/v2/contacts")
    assert (first["optInType"], first["emailType"], first["status"]) == ("Double", "PlainText", "Subscribed")
    assert (second["optInType"], second["status"]) == ("Double", "PendingOptIn")
    assert api.run_import("email\nb@example.com\n")[0] == {"pendingDoubleOptin": 1}


def test_a_row_may_name_the_id_in_place_of_the_address(api: Api) -> None:
    contact = api.contact("ann@example.com")
    report, _ = api.run_import(f"id,email,firstname\n{contact},,Ann\n424242,,Nobody\n")
    assert report == {"updatedContacts": 1, "invalidEntries": 1}
    assert names(api, "ann@example.com")[0] == "Ann"


def test_multipart_uploads(api: Api) -> None:
    file = b"\xef\xbb\xbfEmail,FIRSTNAME\nann@example.com,\xc3\x84nn\n"
    path = "/v2/contacts/import/"
    accepted = api.http.post(path, files={"anything": ("people.csv", file)})
    assert (accepted.status_code, accepted.json()["status"]) == (202, "NotFinished")
    api.sandbox.finish_imports()
    assert names(api, "ann@example.com")[0] == "Änn"
    two = api.http.post(path, files=[("a", ("a.csv", file)), ("b", ("b.csv", file))])
    assert (two.status_code, two.json()) == (400, {"message": "Error: ERROR_MULTI_FILE_UPLOAD_NOT_ALLOWED"})
    bare = b'--x\r\nContent-Disposition: form-data; name="csv"\r\n\r\nEmail\r\na@example.com\r\n--x--\r\n'
    nameless = api.http.post(path, content=bare, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (nameless.status_code, nameless.json()) == (400, {"message": "file must be valid"})
    starred = bare.replace(b'name="csv"', b"name=\"csv\"; filename*=utf-8''K%C3%A4ufer.csv")
    named = api.http.post(path, content=starred, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert named.status_code == 202
    api.sandbox.finish_imports()
    for content, media in ((bare[:40], "multipart/form-data; boundary=x"), (bare, "multipart/form-data")):
        broken = api.http.post(path, content=content, headers={"Content-Type": media})
        assert broken.json() == {"message": "Error: ERROR_MALFORMED_REQUEST"}
    assert list(api.sandbox.account.uploads.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"fileName": "a.csv", "data": "bmFtZQo="}, "Error: ERROR_NO_EMAIL_COLUMN"),
        ({"fileName": "a.csv", "data": ""}, "Error: ERROR_NO_EMAIL_COLUMN"),
        ({"fileName": "a.pdf", "data": "RW1haWwK"}, "Error: ERROR_IMPORT_UNSUPPORTED_FORMAT"),
        ({"data": "RW1haWwK"}, "Error: ERROR_PARAMETER_INVALID"),
        ({"fileName": "a.csv", "data": "*"}, "Error: ERROR_NO_EMAIL_COLUMN"),
        ({"fileName": "a.csv", "data": "RW1haWw"}, "Error: ERROR_PARAMETER_INVALID"),
    ],
)
def test_files_that_are_refused_at_once(api: Api, body: object, message: str) -> None:
    assert api.message("POST", "/v2/contacts/import", body) == (400, message)


def test_unreadable_content_ends_as_a_status(api: Api) -> None:
    guid = api.upload(b"Email,FIRSTNAME\nann@example.com,\xff\xfe\n")
    api.sandbox.finish_imports()
    assert api.get(f"/v2/contacts/import/{guid}")["status"] == "InvalidFileFormat"
    assert api.message("GET", f"/v2/contacts/import/{guid}/report") == (404, NOT_YET)
    assert api.get("/v2/contacts/count") == 0


def test_a_file_too_large_is_refused(start: START) -> None:
    api = start(import_megabytes=0.001)
    body = {"fileName": "a.csv", "data": "RW1haWwK" * 1000}
    assert api.message("POST", "/v2/contacts/import", body) == (413, "Error: ERROR_PARAMETER_INVALID")
    huge = api.http.post("/v2/contacts/import", content=b" " * 2_000_000, headers={"Content-Type": "application/json"})
    assert huge.status_code == 413


def test_reports_do_not_exist_before_the_end(api: Api) -> None:
    api.sandbox.hold_imports()
    guid = api.upload("email\nann@example.com\n")
    for part in ("report", "report-faults"):
        assert api.message("GET", f"/v2/contacts/import/{guid}/{part}") == (404, NOT_YET)
    assert api.get(f"/v2/contacts/import/{guid}")["status"] == "NotFinished"
    api.sandbox.release_imports()
    deadline = time.monotonic() + 10
    while api.get(f"/v2/contacts/import/{guid}")["status"] == "NotFinished" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert api.get(f"/v2/contacts/import/{guid}/report")["newContacts"] == 1


@pytest.mark.parametrize("guid", ["af4ac4bc-e1e7-4817-8a66-73fb59e91ce6", "nonsense"])
def test_unknown_imports(api: Api, guid: str) -> None:
    for part in ("", "/report", "/report-faults"):
        assert api.message("GET", f"/v2/contacts/import/{guid}{part}") == (404, "Error: ERROR_IMPORT_NOT_FOUND")


def test_an_import_takes_its_time(start: START) -> None:
    api = start(import_seconds=0.4, import_rows_per_second=10)
    guid = api.upload("email\na@example.com\nb@example.com\n")
    started = time.monotonic()
    while api.get(f"/v2/contacts/import/{guid}")["status"] == "NotFinished":
        time.sleep(0.01)
    assert 0.4 < time.monotonic() - started < 3


def test_imports_run_in_the_order_given(api: Api) -> None:
    api.sandbox.hold_imports()
    for number in range(5):
        api.upload(f"email,FIRSTNAME\nann@example.com,Name {number}\n")
    api.sandbox.finish_imports()
    assert names(api, "ann@example.com")[0] == "Name 4"


def test_twenty_five_imports_may_be_active(start: START) -> None:
    api = start(active_imports=2)
    api.sandbox.hold_imports()
    for _ in range(2):
        api.upload("email\nann@example.com\n")
    body = {"fileName": "a.csv", "data": "RW1haWwK"}
    refused = (400, "Error: ERROR_IMPORT_TOOMANYACTIVEIMPORTS")
    assert api.message("POST", "/v2/contacts/import", body) == refused
    api.sandbox.finish_imports()
    api.upload("email\nann@example.com\n")


@pytest.mark.parametrize("status", ["RejectedByWatchdog", "Failed", "ExceedsAllowedContactLimit", "Finished"])
def test_an_import_can_be_made_to_end_as_told(api: Api, status: str) -> None:
    api.sandbox.finish_import_as(status)
    guid = api.upload("email\nann@example.com\n")
    api.sandbox.finish_imports()
    assert api.get(f"/v2/contacts/import/{guid}")["status"] == status
    assert api.get("/v2/contacts/count") == 0
    with pytest.raises(ValueError, match="cannot end as 'Odd'"):
        api.sandbox.finish_import_as("Odd")


def test_the_watchdog_refuses_role_addresses_and_its_own_name(api: Api) -> None:
    roles = "".join(f"info@company{number}.example\n" for number in range(11))
    for rows in (roles, "watchdog@example.com\n"):
        guid = api.upload("email\n" + rows)
        api.sandbox.finish_imports()
        assert api.get(f"/v2/contacts/import/{guid}")["status"] == "RejectedByWatchdog"
    assert api.get("/v2/contacts/count") == 0


def test_the_contract_limits_contacts(start: START) -> None:
    api = start(contact_limit=2)
    api.contact("ann@example.com")
    guid = api.upload("email\nann@example.com\nb@example.com\nc@example.com\n")
    api.sandbox.finish_imports()
    assert api.get(f"/v2/contacts/import/{guid}")["status"] == "ExceedsAllowedContactLimit"
    api.contact("bob@example.com")
    assert api.message("POST", "/v2/contacts", {"email": "cy@example.com"}) == (400, "Error: ERROR_CONTACT_TOOMANY")


def test_the_legacy_shape_lacks_the_fifteenth_counter(start: START) -> None:
    for shape, count in (("current", 15), ("legacy", 14)):
        api = start(shape=shape)
        guid = api.upload("email\nann@example.com\n")
        api.sandbox.finish_imports()
        assert len(api.get(f"/v2/contacts/import/{guid}/report")) == count


def test_an_unfinished_import_survives_a_restart(tmp_path: Path) -> None:
    first = Api(Sandbox(tmp_path).start())
    first.sandbox.hold_imports()
    book = first.book()
    guid = first.upload("email\nann@example.com\nbad\n", f"/v2/address-books/{book}/contacts/import")
    first.sandbox.stop()
    first.sandbox.start()
    first.sandbox.finish_imports()
    assert first.get(f"/v2/contacts/import/{guid}/report")["newContacts"] == 1
    assert first.get(f"/v2/address-books/{book}")["contacts"] == 1
    first.sandbox.stop()


def test_a_stop_does_not_wait_for_a_long_import(tmp_path: Path) -> None:
    api = Api(Sandbox(tmp_path).start())
    guid = api.upload("email\n" + "".join(f"person{number}@example.com\n" for number in range(250_000)))
    while not api.get("/v2/contacts/count"):
        time.sleep(0.005)
    api.sandbox.stop()
    api.sandbox.start()
    assert api.get(f"/v2/contacts/import/{guid}")["status"] == "NotFinished"
    api.sandbox.finish_imports()
    assert api.get(f"/v2/contacts/import/{guid}/report")["newContacts"] == 250_000
    api.sandbox.stop()


def test_a_long_import_spans_chunks_and_keeps_the_first_of_repeated_rows(api: Api) -> None:
    book = api.book()
    rows = [f"person{number}@example.com,First" for number in range(45_000)] + ["person5@example.com,Second"]
    report, faults = api.run_import("email,firstname\n" + "\n".join(rows), f"/v2/address-books/{book}/contacts/import")
    assert report == {"newContacts": 45_000, "duplicateEmails": 1}
    assert faults.splitlines()[1:] == ["Duplicate,person5@example.com,Second"]
    assert api.get(f"/v2/address-books/{book}")["contacts"] == 45_000
    assert names(api, "person5@example.com")[0] == "First"
