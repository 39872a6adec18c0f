from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ScheduledFilesConfig(AppConfig):
    name = "dotbridge.scheduled_files"
    label = "dotbridge_scheduled_files"
    verbose_name = _("Scheduled files")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dotbridge.files.followers import follow_loads  # noqa: PLC0415 - as above
        from dotbridge.scheduled_files.services import keep_in_step  # noqa: PLC0415 - models are ready only now

        follow_loads(keep_in_step)
