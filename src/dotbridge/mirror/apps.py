from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MirrorConfig(AppConfig):
    name = "dotbridge.mirror"
    label = "dotbridge_mirror"
    verbose_name = _("What Dotdigital has")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Take part in erasures."""
        from dotbridge.consent.erasure import address_erased  # noqa: PLC0415 - needs the models
        from dotbridge.mirror.erasure import erase_from_mirror  # noqa: PLC0415 - needs the models

        address_erased.connect(erase_from_mirror)
