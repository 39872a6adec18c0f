"""What can be a data field, said before Dotdigital is asked: names, defaults, and the form a default is sent in."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from dotbridge.mirror.data_field_rules import checked_default, checked_name, default_to_send, same_default


@pytest.mark.parametrize("name", ["A", "loyalty", "A-B_9", "x" * 20])
def test_a_name_is_kept_in_capitals(name: str) -> None:
    assert checked_name(f" {name} ") == name.upper()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "needs a name"),
        ("x" * 21, "21 characters; Dotdigital takes at most 20"),
        ("two words", "Only letters"),
        ("ÄRGER", "Only letters"),
        ("a\n", "needs"),
        ("Email", "keeps the name Email for itself"),
    ],
)
def test_a_name_that_dotdigital_refuses_is_explained(name: str, said: str) -> None:
    if name == "a\n":
        assert checked_name(name) == "A"
        return
    with pytest.raises(ValidationError, match=said):
        checked_name(name)


@pytest.mark.parametrize(
    ("kind", "typed", "kept", "sent"),
    [
        ("String", "0", "0", "0"),
        ("String", " as typed ", " as typed ", " as typed "),
        ("String", "", "", None),
        ("Numeric", "0", "0", 0),
        ("Numeric", " 7.50 ", "7.5", 7.5),
        ("Numeric", "-0.000000001", "-0.000000001", -1e-09),
        ("Numeric", "123456789012345678.123456789", "123456789012345678.123456789", "123456789012345678.123456789"),
        ("Boolean", "No", "false", False),
        ("Boolean", "TRUE", "true", True),
        ("Date", "2026-01-31", "2026-01-31T00:00:00", "2026-01-31T00:00:00"),
        ("Date", "2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00", "2026-01-31T10:00:00"),
    ],
)
def test_a_default_is_kept_and_sent_by_its_type(kind: str, typed: str, kept: str, sent: Any) -> None:
    assert checked_default(kind, typed) == kept
    assert default_to_send(kind, kept) == sent
    assert type(default_to_send(kind, kept)) is type(sent)


@pytest.mark.parametrize(
    ("kind", "typed", "said"),
    [
        ("String", "x" * 1001, "longer than 1,000"),
        ("Numeric", "many", "must be numeric"),
        ("Numeric", "NaN", "must be numeric"),
        ("Numeric", "1e30", "must be numeric"),
        ("Numeric", "0.0000000001", "must be numeric"),
        ("Numeric", "1E999999999", "must be numeric"),
        ("Boolean", "maybe", "must be yes or no"),
        ("Date", "31.1.2026", "must be a valid date"),
        ("Date", "2026-02-30", "must be a valid date"),
        ("Date", "0001-01-01T00:00:00+05:00", "must be a valid date"),
    ],
)
def test_a_default_of_another_type_is_explained(kind: str, typed: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        checked_default(kind, typed)


@pytest.mark.parametrize(
    ("kind", "kept", "remote", "same"),
    [
        ("String", "", None, True),
        ("String", "", "null", True),
        ("String", "x", None, False),
        ("Numeric", "7.5", 7.50, True),
        ("Numeric", "0", 0, True),
        ("Numeric", "0", None, False),
        ("Boolean", "false", False, True),
        ("Boolean", "false", True, False),
        ("Date", "2026-01-31T00:00:00", "2026-01-31T00:00:00.000Z", True),
        ("Numeric", "1", "nonsense", False),
    ],
)
def test_a_default_is_recognised_as_dotdigital_writes_it(kind: str, kept: str, remote: object, same: bool) -> None:
    assert same_default(kind, kept, remote) is same
