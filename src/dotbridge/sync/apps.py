from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SyncConfig(AppConfig):
    name = "dotbridge.sync"
    label = "dotbridge_sync"
    verbose_name = _("Synchronisation")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Take part in erasures and merges."""
        from dotbridge.consent.erasure import address_erased  # noqa: PLC0415 - needs the models
        from dotbridge.consent.services import consent_proved, records_merged  # noqa: PLC0415 - needs the models
        from dotbridge.sync.erasure import erase_from_sync  # noqa: PLC0415 - needs the models
        from dotbridge.sync.outbound.consents import look_at_proved  # noqa: PLC0415 - needs the models
        from dotbridge.sync.outbound.written import carry_written_over  # noqa: PLC0415 - needs the models

        records_merged.connect(carry_written_over)
        consent_proved.connect(look_at_proved)
        address_erased.connect(erase_from_sync)
