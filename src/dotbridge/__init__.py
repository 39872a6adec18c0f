"""A marketing back office whose marketing lists stay in step with Dotdigital, both ways."""

# For INSTALLED_APPS, in an order that works: `INSTALLED_APPS = [..., "procrastinate.contrib.django", *dotbridge.APPS]`.
APPS = (
    "dotbridge.audit",
    "dotbridge.preferences",
    "dotbridge.entities",
    "dotbridge.files",
    "dotbridge.consent",
    "dotbridge.lists",
    "dotbridge.scheduled_files",
    "dotbridge.campaigns",
    "dotbridge.integrations",
    "dotbridge.studio",
    "dotbridge.mirror",
    "dotbridge.mapping",
    "dotbridge.connections",
    "dotbridge.sync",
    "dotbridge.notifications",
    "dotbridge.backoffice",
    "dotbridge",
)
