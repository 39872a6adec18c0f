"""Where the columns of a contact file go in the CRM: what a host writes to have files loaded into its own models."""

from dotbridge.crm.models import Contact, ContactEmail, ContactPhone, Customer, Lead
from dotbridge.files.targets import FileField, Role, RowsOfTheirOwn, register_file_target

register_file_target(
    Contact,
    address=RowsOfTheirOwn(model=ContactEmail, record="contact", value="email", primary="is_primary"),
    fields=[
        FileField("first_name", role=Role.FIRST_NAME),
        FileField("last_name", role=Role.LAST_NAME),
        FileField("account", role=Role.COMPANY, by="name"),
        FileField("job_title", role=Role.JOB_TITLE),
        FileField(
            "phone", role=Role.PHONE, further=RowsOfTheirOwn(model=ContactPhone, record="contact", value="phone")
        ),
        FileField("birthday", role=Role.BIRTHDAY),
        FileField("language", role=Role.LANGUAGE),
        FileField("lead_score", spellings="score, leadscore, rating, Punkte, Bewertung"),
        FileField("is_vip", spellings="VIP, is VIP, key contact"),
        FileField("notes", role=Role.NOTES),
        FileField("external_id", role=Role.EXTERNAL_ID),
    ],
    same_person=["first_name", "last_name"],
)
register_file_target(
    Lead,
    address="email",
    fields=[
        FileField("first_name", role=Role.FIRST_NAME),
        FileField("last_name", role=Role.LAST_NAME),
        FileField("company", role=Role.COMPANY),
        FileField("status"),
        FileField("source", spellings="lead source, origin, Quelle, Herkunft"),
        FileField("estimated_value", spellings="value, amount, Wert, Betrag"),
    ],
    same_person=["first_name", "last_name"],
)
register_file_target(
    Customer,
    address="email",
    fields=[
        FileField("name", role=Role.COMPANY),
        FileField("contact_first_name", role=Role.FIRST_NAME),
        FileField("contact_last_name", role=Role.LAST_NAME),
        FileField("customer_since", spellings="since, customer from, Kunde seit"),
        FileField("lifetime_value", spellings="lifetime value, revenue, turnover, Umsatz"),
        FileField("is_active", spellings="active, aktiv"),
    ],
    same_person=["contact_first_name", "contact_last_name"],
)
