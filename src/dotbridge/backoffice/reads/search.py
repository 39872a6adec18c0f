"""The search over everything: lists, campaigns, people, address books and pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.pages.frame import ENTRIES
from dotbridge.backoffice.reads.people import find_people
from dotbridge.backoffice.rights import (
    MAY_CHANGE_ACCOUNT,
    MAY_SEE_ACCOUNTS,
    MAY_SEE_AUDIT,
    MAY_SEE_BOOKS,
    MAY_SEE_CAMPAIGNS,
    MAY_SEE_CONFLICTS,
    MAY_SEE_LISTS,
    MAY_SEE_MARKETING_CAMPAIGNS,
    MAY_SEE_PROBLEMS,
    MAY_SEE_SETTINGS,
    MAY_SEE_UPLOADS,
    MAY_USE_STUDIO,
)
from dotbridge.campaigns.models import EmailCampaign, MarketingCampaign
from dotbridge.lists.models import MarketingList
from dotbridge.mirror.models import AddressBook, Draft

MOST_OF_A_KIND = 6


@dataclass(frozen=True, kw_only=True)
class Found:
    """One thing that was found."""

    title: str
    url: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class FoundKind:
    """What was found of one kind."""

    title: str
    things: list[Found]


# Further pages that are looked for by name: title, address, permission.
_PAGES = (
    (gettext_lazy("Problems"), "activity-problems", MAY_SEE_PROBLEMS),
    (gettext_lazy("Uploads"), "activity-uploads", MAY_SEE_UPLOADS),
    (gettext_lazy("Changed on both sides"), "activity-conflicts", MAY_SEE_CONFLICTS),
    (gettext_lazy("Schedule and limits"), "site-settings", MAY_SEE_SETTINGS),
    (gettext_lazy("Audit"), "activity-audit", MAY_SEE_AUDIT),
    (gettext_lazy("Accounts"), "accounts", MAY_SEE_ACCOUNTS),
    (gettext_lazy("Stop everything: switch an account off"), "accounts", MAY_CHANGE_ACCOUNT),
    (gettext_lazy("Marketing campaigns"), "marketing-campaigns", MAY_SEE_MARKETING_CAMPAIGNS),
    (gettext_lazy("Compare campaigns"), "campaigns-compare", MAY_SEE_CAMPAIGNS),
    (gettext_lazy("Campaigns not sent"), "drafts", MAY_SEE_CAMPAIGNS),
    (gettext_lazy("Email Studio"), "studio", MAY_USE_STUDIO),
)


def search_everything(request: HttpRequest, text: str) -> list[FoundKind]:
    """What the person may see of it, a few of each kind; without a text, the pages alone."""
    kinds = [
        FoundKind(title=_("Lists"), things=list(_lists(request, text))),
        FoundKind(title=_("Campaigns"), things=list(_campaigns(request, text))),
        FoundKind(title=_("People"), things=list(_people(request, text))),
        FoundKind(title=_("Address books"), things=list(_books(request, text))),
        FoundKind(title=_("Pages"), things=list(_pages(request, text))),
    ]
    return [kind for kind in kinds if kind.things]


def _lists(request: HttpRequest, text: str) -> Iterator[Found]:
    if text and request.user.has_perm(MAY_SEE_LISTS):
        for found in MarketingList.objects.filter(name__icontains=text).order_by("name")[:MOST_OF_A_KIND]:
            yield Found(title=str(found), url=reverse("dotbridge:list", args=[found.pk]))


def _campaigns(request: HttpRequest, text: str) -> Iterator[Found]:
    if not text:
        return
    if request.user.has_perm(MAY_SEE_CAMPAIGNS):
        mails = EmailCampaign.objects.filter(name__icontains=text).order_by("-sent_at", "-pk")
        for mail in mails[:MOST_OF_A_KIND]:
            yield Found(title=str(mail), url=reverse("dotbridge:campaign", args=[mail.pk]))
        drafts = Draft.objects.filter(name__icontains=text, integration__is_active=True)
        for draft in drafts[:MOST_OF_A_KIND]:
            url = reverse("dotbridge:draft", args=[draft.integration_id, draft.remote_id])
            yield Found(title=str(draft), url=url, note=_("Not sent"))
    if request.user.has_perm(MAY_SEE_MARKETING_CAMPAIGNS):
        for campaign in MarketingCampaign.objects.filter(name__icontains=text)[:MOST_OF_A_KIND]:
            url = reverse("dotbridge:marketing-campaign", args=[campaign.pk])
            yield Found(title=str(campaign), url=url, note=_("Marketing campaign"))


def _people(request: HttpRequest, text: str) -> Iterator[Found]:
    if len(text) > 1:
        found = find_people(request, text, most=MOST_OF_A_KIND)
        for person in found.people:
            yield Found(title=person.name, url=person.url, note=person.email)
        if found.left_out:
            url = f"{reverse('dotbridge:people')}?{urlencode({'q': text})}"
            note = _("not all could be searched in time")
            yield Found(title=_("Search the people alone"), url=url, note=note)


def _books(request: HttpRequest, text: str) -> Iterator[Found]:
    if text and request.user.has_perm(MAY_SEE_BOOKS):
        books = AddressBook.objects.filter(name__icontains=text, gone_at=None).select_related("integration")
        for book in books.select_related("connection")[:MOST_OF_A_KIND]:
            link = getattr(book, "connection", None)
            url = (
                reverse("dotbridge:list", args=[link.marketing_list_id])
                if link
                else reverse("dotbridge_tables:dotbridge_mirror_addressbook_change", args=[book.pk])
            )
            yield Found(title=book.name, url=url, note=str(book.integration))


def _pages(request: HttpRequest, text: str) -> Iterator[Found]:
    pages = [(entry.title, entry.name, entry.permissions) for entry in ENTRIES]
    pages += [(title, name, (permission,)) for title, name, permission in _PAGES]
    for title, name, permissions in pages:
        if text.lower() in str(title).lower() and (not permissions or any(map(request.user.has_perm, permissions))):
            yield Found(title=str(title), url=reverse(f"dotbridge:{name}"))
