"""The only writers of connections and of what people ask for."""

from dotbridge.connections.services.account_changes import (
    discard_change,
    finish_change,
    mapped_at,
    problem_of_deletion,
    request_address_book,
    request_data_field,
    request_data_field_deletion,
    retry_change,
)
from dotbridge.connections.services.connecting import (
    allow_once,
    check_free,
    connect_list,
    refresh_data_fields,
    set_create_entities,
)
from dotbridge.connections.services.endings import cancel_ending, put_off_ending, request_ending, retry_ending
from dotbridge.connections.services.resubscriptions import finish_resubscription, note_returns, request_resubscription
from dotbridge.connections.services.run_requests import RUN_TASK, request_run

__all__ = [
    "RUN_TASK",
    "allow_once",
    "cancel_ending",
    "check_free",
    "connect_list",
    "discard_change",
    "finish_change",
    "finish_resubscription",
    "mapped_at",
    "note_returns",
    "problem_of_deletion",
    "put_off_ending",
    "refresh_data_fields",
    "request_address_book",
    "request_data_field",
    "request_data_field_deletion",
    "request_ending",
    "request_resubscription",
    "request_run",
    "retry_change",
    "retry_ending",
    "set_create_entities",
]
