"""How operations lead to one another: what is made can be read, changed, filled, asked about and deleted."""

from __future__ import annotations

from typing import Any

_ID = "$response.body#/id"
# From an operation, by which parameter and value of its answer, to which operations.
_LEADS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (
        "post_v2_address_books",
        "book_id",
        _ID,
        (
            "get_v2_address_books_book_id",
            "put_v2_address_books_book_id",
            "delete_v2_address_books_book_id",
            "get_v2_address_books_book_id_contacts",
            "post_v2_address_books_book_id_contacts",
            "post_v2_address_books_book_id_contacts_import",
            "post_v2_address_books_book_id_contacts_unsubscribe",
            "post_v2_address_books_book_id_contacts_delete_all",
        ),
    ),
    *(
        (
            source,
            "guid",
            _ID,
            (
                "get_v2_contacts_import_guid",
                "get_v2_contacts_import_guid_report",
                "get_v2_contacts_import_guid_report_faults",
            ),
        )
        for source in (
            "post_v2_contacts_import",
            "post_v2_contacts_import_collection",
            "post_v2_address_books_book_id_contacts_import",
        )
    ),
    (
        "post_v2_contacts",
        "ident",
        _ID,
        (
            "get_v2_contacts_ident",
            "put_v2_contacts_ident",
            "delete_v2_contacts_ident",
            "get_v2_contacts_ident_address_books",
            "get_v2_contacts_ident_with_consent",
            "put_v2_contacts_ident_preferences",
        ),
    ),
    ("post_v2_address_books_book_id_contacts_delete_all", "guid", _ID, ("get_v2_contacts_deletion_guid",)),
    (
        "post_v2_campaigns",
        "campaign_id",
        _ID,
        (
            "get_v2_campaigns_campaign_id",
            "put_v2_campaigns_campaign_id",
            "get_v2_campaigns_campaign_id_summary",
            "get_v2_campaigns_campaign_id_activities",
            "get_v2_campaigns_campaign_id_opens",
            "post_v2_campaigns_campaign_id_copy",
            "delete_v2_campaigns_campaign_id",
        ),
    ),
    ("post_v2_campaigns_send", "guid", _ID, ("get_v2_campaigns_send_guid",)),
    ("post_v2_data_fields", "name", "$response.body#/name", ("delete_v2_data_fields_name",)),
    (
        "post_v2_templates",
        "id",
        _ID,
        ("get_v2_templates_id", "put_v2_templates_id", "delete_v2_templates_id"),
    ),
    (
        "post_v2_preferences",
        "id",
        _ID,
        ("get_v2_preferences_id", "put_v2_preferences_id", "delete_v2_preferences_id"),
    ),
    (
        "post_v2_contacts_transactional_data_import_collection",
        "guid",
        _ID,
        ("get_v2_contacts_transactional_data_import_guid", "get_v2_contacts_transactional_data_import_guid_report"),
    ),
    ("put_contacts_v3_import", "guid", "$response.body#/importId", ("get_contacts_v3_import_guid",)),
    ("post_contacts_v3_delete", "guid", "$response.body#/deleteId", ("get_contacts_v3_delete_guid",)),
)


def links_of(operation: str) -> dict[str, Any]:
    """The links of an operation's success, by the operation they lead to."""
    return {
        target: {"operationId": target, "parameters": {name: value}}
        for source, name, value, targets in _LEADS
        if source == operation
        for target in targets
    }
