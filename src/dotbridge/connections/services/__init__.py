"""The only writers of connections and of what people ask for."""

from dotbridge.connections.services.account_changes import (
    discard_change,
    finish_change,
    mapped_at,
    note_failed_deletion,
    problem_of_deletion,
    request_address_book,
    request_campaign,
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
    set_settings,
)
from dotbridge.connections.services.contact_requests import (
    finish_contact_request,
    request_deletion,
    request_unsubscriptions,
    retry_contact_request,
    tell_of_opt_out,
)
from dotbridge.connections.services.endings import cancel_ending, request_ending, retry_ending
from dotbridge.connections.services.looks import request_look
from dotbridge.connections.services.resubscriptions import finish_resubscription, note_returns, request_resubscription
from dotbridge.connections.services.run_requests import (
    DISCONNECT_TASK,
    RUN_TASK,
    request_disconnection,
    request_import,
    request_run,
)
from dotbridge.connections.services.sends import (
    finish_send,
    give_up_send,
    look_again,
    problem_of_sending,
    request_send,
    request_test,
    withdraw_send,
)

__all__ = [
    "DISCONNECT_TASK",
    "RUN_TASK",
    "allow_once",
    "cancel_ending",
    "check_free",
    "connect_list",
    "discard_change",
    "finish_change",
    "finish_contact_request",
    "finish_resubscription",
    "finish_send",
    "give_up_send",
    "look_again",
    "mapped_at",
    "note_failed_deletion",
    "note_returns",
    "problem_of_deletion",
    "problem_of_sending",
    "refresh_data_fields",
    "request_address_book",
    "request_campaign",
    "request_data_field",
    "request_data_field_deletion",
    "request_deletion",
    "request_disconnection",
    "request_ending",
    "request_import",
    "request_look",
    "request_resubscription",
    "request_run",
    "request_send",
    "request_test",
    "request_unsubscriptions",
    "retry_change",
    "retry_contact_request",
    "retry_ending",
    "set_create_entities",
    "set_settings",
    "tell_of_opt_out",
    "withdraw_send",
]
