"""Images, documents and SMS, as far as clients want an answer of the right shape (the vendor's 2.0)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from dotdigital_sandbox.attachments import MOST
from tests.dotdigital_sandbox.conftest import Api

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (640).to_bytes(4, "big") + (480).to_bytes(4, "big")
GIF = b"GIF89a" + (64).to_bytes(2, "little") + (48).to_bytes(2, "little")
CAMPAIGN = {"name": "C", "subject": "S", "fromName": "F", "htmlContent": "$UNSUB$", "plainTextContent": "$UNSUB$"}
JPEG = b"\xff\xd8\xff\xe0\x00\x02\xff\xc0\x00\x11\x08" + (48).to_bytes(2, "big") + (64).to_bytes(2, "big")


def upload(name: str, content: bytes) -> dict[str, str]:
    """The body of an upload."""
    return {"fileName": name, "data": base64.b64encode(content).decode()}


@pytest.mark.parametrize("tree", ["image", "document"])
def test_folders_make_a_tree(api: Api, tree: str) -> None:
    base = f"/v2/{tree}-folders"
    assert api.get(base) == []
    outer = api.ask("POST", f"{base}/0", {"name": "Banners"}, status=201)
    assert outer == {"id": outer["id"], "name": "Banners", "childFolders": None}
    inner = api.ask("POST", f"{base}/{outer['id']}", {"name": "Big"}, status=201)
    assert api.get(base) == [{**outer, "childFolders": [inner]}]
    code = f"Error: ERROR_{tree.upper()}_FOLDER"
    for name in ("", "two words", "x" * 21, None, 5):
        assert api.message("POST", f"{base}/0", {"name": name}) == (400, f"{code}_INVALID")
    assert api.message("POST", f"{base}/77", {"name": "Big"}) == (404, f"{code}_NOT_FOUND")
    assert api.message("GET", f"{base}/77/{tree}s") == (404, f"{code}_NOT_FOUND")
    folder = inner["id"]
    for _ in range(18):
        folder = api.ask("POST", f"{base}/{folder}", {"name": "Deeper"}, status=201)["id"]
    assert api.message("POST", f"{base}/{folder}", {"name": "Deepest"}) == (400, f"{code}_INVALID")


@pytest.mark.parametrize(
    ("name", "content", "kind", "size"),
    [
        ("a.png", PNG, "image/png", (640, 480)),
        ("a.GIF", GIF, "image/gif", (64, 48)),
        ("a.jpeg", JPEG, "image/jpeg", (64, 48)),
    ],
    ids=["png", "gif", "jpeg"],
)
def test_an_image_is_uploaded_and_listed(api: Api, name: str, content: bytes, kind: str, size: tuple[int, int]) -> None:
    folder = api.ask("POST", "/v2/image-folders/0", {"name": "Events"}, status=201)["id"]
    path = f"/v2/image-folders/{folder}"
    made = api.ask("POST", f"{path}/images", upload(name, content), status=201)
    assert made == {"id": made["id"], "name": name, "path": f"Events/{name}"}
    (image,) = api.get(f"{path}/images")
    assert image["url"].endswith(name)
    assert (image["filename"], image["mimeType"], image["sizeInBytes"]) == (name, kind, len(content))
    assert (image["widthInPixels"], image["heightInPixels"], image["contentTags"]) == (*size, [])
    assert api.get(path) == {"id": folder, "name": "Events", "childFolders": None}
    assert api.get("/v2/image-folders/0/images") == []


def test_an_image_comes_as_it_is_or_in_a_form(api: Api) -> None:
    path = "/v2/image-folders/0/images"
    plain = api.http.post(path, content=PNG, headers={"Content-Type": "image/png"})
    form = api.http.post(path, files={"file": ("form.png", PNG, "image/png")})
    assert (plain.status_code, form.status_code) == (201, 201), (plain.text, form.text)
    assert [each["filename"] for each in api.get(path)] == ["image.png", "form.png"]


NO_IMAGES = [
    (upload("a.png", b""), "IMAGE_DATAEMPTY"),
    (upload("a.bmp", PNG), "IMAGE_UNSUPPORTEDFORMAT"),
    (upload("a.png", b"no image"), "IMAGE_INVALID"),
    (upload("a.png", PNG + b"x" * 11_000_000), "IMAGE_INVALID"),
    (upload("a/b.png", PNG), "IMAGE_NAMEINVALID"),
    (upload("", PNG), "IMAGE_NAMEINVALID"),
    ({"fileName": "a.png", "data": "%"}, "PARAMETER_INVALID"),
    ({"fileName": "a.png", "data": "é"}, "PARAMETER_INVALID"),
    ({"fileName": 5, "data": "eA=="}, "PARAMETER_INVALID"),
    ([], "PARAMETER_INVALID"),
]


@pytest.mark.parametrize(("body", "code"), NO_IMAGES, ids=range(len(NO_IMAGES)))
def test_what_is_no_image_is_refused(api: Api, body: Any, code: str) -> None:
    assert api.message("POST", "/v2/image-folders/0/images", body) == (400, f"Error: ERROR_{code}")


def test_documents_are_uploaded_and_listed(api: Api) -> None:
    path = "/v2/document-folders/0/documents"
    made = api.ask("POST", path, upload("terms.pdf", b"%PDF"), status=201)
    assert (made["name"], made["fileName"], made["fileSize"]) == ("terms", "terms.pdf", 4)
    assert api.get(path) == [made]
    large = upload("large.pdf", b"x" * 10_485_761)
    assert api.message("POST", path, large) == (400, "Error: ERROR_DOCUMENT_TOOLARGE")
    broken = api.http.post(path, content=b"--", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert broken.status_code == 400


def test_documents_go_with_campaigns(api: Api) -> None:
    campaign = api.ask("POST", "/v2/campaigns", CAMPAIGN, status=201)["id"]
    terms, prices = (
        api.ask("POST", "/v2/document-folders/0/documents", upload(name, b"%PDF"), status=201)
        for name in ("terms.pdf", "prices.pdf")
    )
    path = f"/v2/campaigns/{campaign}/attachments"
    assert api.get(path) == []
    # Clients send the whole document, in their spelling.
    assert api.ask("POST", path, {"Id": prices["id"], "Name": "prices"}, status=200) == prices
    api.ask("POST", path, terms, status=200)
    assert api.get(path) == [prices, terms]
    assert api.message("POST", path, terms) == (400, "Error: ERROR_DOCUMENT_ALREADYATTACHED")
    assert api.message("POST", path, {"name": "terms"}) == (400, "Error: ERROR_DOCUMENT_INVALID")
    missing = (404, "Error: ERROR_DOCUMENT_NOT_FOUND")
    # An id of something else than a document is none.
    folder = api.ask("POST", "/v2/document-folders/0", {"name": "Legal"}, status=201)["id"]
    assert api.message("POST", path, {"id": folder}) == missing
    api.ask("DELETE", f"{path}/{prices['id']}", status=204)
    assert api.get(path) == [terms]
    assert api.message("DELETE", f"{path}/{prices['id']}") == missing
    assert len(api.get("/v2/document-folders/0/documents")) == 2
    api.ask("DELETE", f"/v2/campaigns/{campaign}", status=204)
    assert api.message("GET", path) == (404, "Error: ERROR_CAMPAIGN_NOT_FOUND")


def test_a_campaign_has_room_for_so_many_documents(api: Api) -> None:
    campaign = api.ask("POST", "/v2/campaigns", CAMPAIGN, status=201)["id"]
    path = f"/v2/campaigns/{campaign}/attachments"
    for number in range(MOST + 1):
        made = api.ask("POST", "/v2/document-folders/0/documents", upload(f"{number}.pdf", b"x"), status=201)
        if number < MOST:
            api.ask("POST", path, {"id": made["id"]}, status=200)
    assert api.message("POST", path, {"id": made["id"]}) == (400, "Error: ERROR_DOCUMENT_TOOMANYATTACHMENTS")


def test_sms_campaigns_live_and_die(api: Api) -> None:
    base = "/v2/sms/campaigns"
    made = api.ask("POST", base, {"name": "Sale", "message": "Now", "toggleShortLinks": "true"}, status=201)
    assert made == {
        "id": made["id"], "name": "Sale", "message": "Now", "sendingIdentity": "sandbox", "sendingIdentityId": 1,
        "toggleShortLinks": True, "status": "Unsent",
    }  # fmt: skip
    copy = api.ask("POST", f"{base}/copy", {"campaignId": str(made["id"]), "copyName": "Again"}, status=201)
    assert (copy["name"], copy["message"]) == ("Again", "Now")
    changed = api.ask("PUT", f"{base}/{copy['id']}", {"name": "Later", "message": "Soon"}, status=200)
    assert api.get(f"{base}/{copy['id']}") == changed
    assert [each["name"] for each in api.get(base)] == ["Sale", "Later"]
    assert api.get(base, select=1, skip=1) == [changed]
    api.ask("DELETE", f"{base}/{copy['id']}", status=204)
    missing = (404, "Error: ERROR_CAMPAIGN_NOT_FOUND")
    assert api.message("GET", f"{base}/{copy['id']}") == missing
    assert api.message("POST", f"{base}/copy", {"campaignId": 77, "copyName": "x"}) == missing
    whole = {"name": "x", "message": "m"}
    for body in ({}, {"name": "x"}, {**whole, "message": "m" * 1601}, {**whole, "toggleShortLinks": 5}):
        assert api.message("POST", base, body) == (400, "Error: ERROR_SMS_INVALID")


def test_a_message_goes_to_a_number(api: Api) -> None:
    api.ask("POST", "/v2/sms-messages/send-to/447123123123", {"message": "Hello"}, status=204)
    assert api.message("POST", "/v2/sms-messages/send-to/447123123123", {}) == (400, "Error: ERROR_SMS_INVALID")
    refused = (400, "Error: ERROR_SMS_INVALIDPHONENUMBER")
    assert api.message("POST", "/v2/sms-messages/send-to/hello", {"message": "Hello"}) == refused
