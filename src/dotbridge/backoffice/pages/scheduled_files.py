"""Files that are read on a schedule: their settings, how their readings went, and whoever would leave the list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.editing import clash_of_form, line_of_secret, seen_of, value_in_words
from dotbridge.backoffice.pages.files import figures_of
from dotbridge.backoffice.pages.forms import add_refusal
from dotbridge.backoffice.pages.frame import Crumb, log_change, page, show
from dotbridge.backoffice.queries import number_told
from dotbridge.backoffice.reads.files import DELIMITERS, label_of, may_load_into, targets_of
from dotbridge.backoffice.reads.history import history_of
from dotbridge.backoffice.rights import (
    MAY_ADD_SCHEDULED_FILE,
    MAY_CHANGE_LIST,
    MAY_CHANGE_SCHEDULED_FILE,
    MAY_DELETE_SCHEDULED_FILE,
    MAY_SEE_SCHEDULED_FILES,
)
from dotbridge.backoffice.tones import LOAD_TONES
from dotbridge.editing import ChangedMeanwhile, held_as_seen
from dotbridge.files.encodings import ENCODINGS
from dotbridge.files.targets import file_target
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.scheduled_files.models import ScheduledFile
from dotbridge.scheduled_files.services import SETTINGS, allow_leaving, request_reading, save_scheduled_file

# A file fills its list and empties it.
MOST_READINGS = 30
# What the form says of the file's text, kept among the choices.
CHOICES = ("encoding", "delimiter", "same_address")
OF_THE_LIST = ("marketing_list", "holds", "most_leaving_percent")
SAME_ADDRESS = (
    ("", gettext_lazy("stop and ask")),
    ("first", gettext_lazy("the first row counts")),
    ("last", gettext_lazy("the last row counts")),
    ("both", gettext_lazy("each is a person of its own, told apart by name")),
)


class ScheduledFileForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where the file is, how it is written, and what it does to the list."""

    secret = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Empty: the former one stays."),
    )
    forget_host_key = forms.BooleanField(
        label=gettext_lazy("Take the key that the server shows now"),
        required=False,
        help_text=gettext_lazy("Only if whoever runs the server says that it has got another one."),
    )
    encoding = forms.ChoiceField(label=gettext_lazy("Encoding"), required=False)
    delimiter = forms.ChoiceField(label=gettext_lazy("Between the cells stands"), required=False, choices=DELIMITERS)
    same_address = forms.ChoiceField(
        label=gettext_lazy("Where rows with one address differ"), required=False, choices=SAME_ADDRESS
    )

    class Meta:
        model = ScheduledFile
        fields = (
            *("name", "entity", "url", "username", "secret", "forget_host_key", "every_minutes", "must_come_hours"),
            *("marketing_list", "holds", "most_leaving_percent", "encoding", "delimiter", "same_address", "is_active"),
        )
        help_texts = {
            "url": gettext_lazy(
                "A path, or an address with https://, sftp:// or s3://. Of a folder the newest file is read."
            ),
            "username": gettext_lazy("Of S3 the access key, and the secret key as the password."),
            "must_come_hours": gettext_lazy("When none does, Home says so. Empty: it never does."),
            "marketing_list": gettext_lazy("A manual list that holds whom the file names. Empty: none."),
            "most_leaving_percent": gettext_lazy("If more would leave, nobody does, and Home asks."),
        }

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        keys = [target.key for target in targets_of(request)]
        fields["entity"] = forms.ChoiceField(
            label=fields["entity"].label, choices=[(key, label_of(key)) for key in keys]
        )
        fields["encoding"].choices = [("", _("as found")), *((name, name) for name in ENCODINGS)]
        fields["marketing_list"].queryset = MarketingList.objects.filter(type=ListType.MANUAL, entity__in=keys)
        if not request.user.has_perm(MAY_CHANGE_LIST):
            for name in OF_THE_LIST:
                del fields[name]
        if not self.instance.host_key:
            del fields["forget_host_key"]
        for name in CHOICES:
            fields[name].initial = self.instance.choices.get(name) or ""

    def saved(self, seen: str) -> ScheduledFile:
        """Save it. Raises ValidationError, and ChangedMeanwhile where somebody has changed what was `seen`."""
        scheduled_file: ScheduledFile = self.save(commit=False)
        said = {name: self.cleaned_data[name] for name in CHOICES if self.cleaned_data[name]}
        with transaction.atomic():
            if scheduled_file.pk:
                now = held_as_seen(scheduled_file, SETTINGS, seen)
                scheduled_file.host_key = now.host_key
            kept = {name: value for name, value in scheduled_file.choices.items() if name not in CHOICES}
            scheduled_file.choices = {**kept, **said}
            return save_scheduled_file(
                scheduled_file=scheduled_file,
                secret=self.cleaned_data["secret"] or None,
                forget_host_key=bool(self.cleaned_data.get("forget_host_key")),
            )

    def clash(self, error: ChangedMeanwhile) -> dict[str, Any]:
        """What the later one of two people is told; of a password, that there is another one."""
        of_the_model = [name for name in self.fields if name not in {*CHOICES, "secret", "forget_host_key"}]
        return clash_of_form(self, error.records, of_the_model, further=self._further_lines, held=SETTINGS)

    def _further_lines(self, theirs: ScheduledFile) -> Iterator[Any]:
        for name in CHOICES:
            field = self.fields[name]
            chosen = (theirs.choices.get(name) or "", self.cleaned_data[name])
            yield (field.label or name, *(value_in_words(field, value) for value in chosen))
        yield line_of_secret(self, "secret", theirs.sealed_secret)


def _found_or_404(request: HttpRequest, pk: int) -> ScheduledFile:
    found = get_object_or_404(ScheduledFile.objects.select_related("marketing_list"), pk=pk)
    _require_target(request, found.entity)
    return found


def _require_target(request: HttpRequest, entity: str) -> None:
    try:
        may = may_load_into(request, file_target(entity))
    except LookupError:
        may = True
    if not may:
        raise PermissionDenied


def _may_fill(request: HttpRequest, found: ScheduledFile) -> bool:
    """Whether the person may do what the file does to its list, if it has one."""
    return found.marketing_list_id is None or request.user.has_perm(MAY_CHANGE_LIST)


def _crumbs(found: ScheduledFile | None = None) -> list[Crumb]:
    crumbs = [
        Crumb(title=_("People"), url=reverse("dotbridge:people")),
        Crumb(title=_("Files"), url=reverse("dotbridge:files")),
    ]
    return [*crumbs, Crumb(title=found.name, url=_url(found))] if found else crumbs


def _url(found: ScheduledFile) -> str:
    return reverse("dotbridge:scheduled-file", args=[found.pk])


@page(MAY_SEE_SCHEDULED_FILES)
def scheduled_file(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them, and its readings."""
    found = _found_or_404(request, pk)
    readings = list(found.readings.select_related("load")[:MOST_READINGS])
    return show(
        request,
        "backoffice/house/scheduled_file.html",
        title=found.name,
        current="people",
        crumbs=_crumbs(),
        context={
            "file": found,
            "becomes": label_of(found.entity),
            "readings": [
                {"of": each, "tone": LOAD_TONES[each.load.state], "figures": figures_of(each.load)} for each in readings
            ],
            "history": history_of(found, viewer=request.user),
            "held": readings[0] if readings and readings[0].held else None,
            "may_change": request.user.has_perm(MAY_CHANGE_SCHEDULED_FILE) and _may_fill(request, found),
            "may_delete": request.user.has_perm(MAY_DELETE_SCHEDULED_FILE),
        },
    )


@page(MAY_ADD_SCHEDULED_FILE)
def add(request: HttpRequest) -> HttpResponse:
    """A new one."""
    if not targets_of(request):
        raise PermissionDenied
    return _edit(request, ScheduledFile(), _("Read a file on a schedule"), reverse("dotbridge:files"))


@page(MAY_CHANGE_SCHEDULED_FILE)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Its settings."""
    found = _found_or_404(request, pk)
    if not _may_fill(request, found):
        raise PermissionDenied
    return _edit(request, found, _("Settings of %(file)s") % {"file": found}, _url(found))


def _edit(request: HttpRequest, instance: ScheduledFile, title: str, back_url: str) -> HttpResponse:
    # Before the form, which writes what was typed into the instance.
    context = {"seen": seen_of(request, instance, SETTINGS), "reload_url": request.path} if instance.pk else {}
    crumbs = _crumbs(instance if instance.pk else None)
    form = ScheduledFileForm(request.POST or None, request=request, instance=instance)
    if request.method == "POST" and form.is_valid():
        try:
            saved = form.saved(context.get("seen", ""))
        except ValidationError as error:
            add_refusal(form, error)
        except ChangedMeanwhile as error:
            context |= form.clash(error)
            if not context["clash"]:
                messages.success(request, _("Saved."))
                return HttpResponseRedirect(_url(instance))
        else:
            request_reading(scheduled_file=saved, by_person=True)
            log_change(request, saved, _("Settings saved."))
            messages.success(request, _("Saved. It is read now."))
            return HttpResponseRedirect(_url(saved))
    return show(
        request,
        "backoffice/house/form_page.html",
        title=title,
        current="people",
        status=409 if "clash" in context else 200,
        crumbs=crumbs,
        context={"form": form, "answer": _("Save"), "back_url": back_url, **context},
    )


@require_POST
@page(MAY_CHANGE_SCHEDULED_FILE)
def read_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Have it read, whether its time has come or not."""
    found = _found_or_404(request, pk)
    if not _may_fill(request, found):
        raise PermissionDenied
    request_reading(scheduled_file=found, by_person=True)
    messages.success(request, _("It is read in a moment."))
    return HttpResponseRedirect(_url(found))


@page(MAY_CHANGE_SCHEDULED_FILE, MAY_CHANGE_LIST)
def let_leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and let those leave the list once who are missing in the file."""
    found = _found_or_404(request, pk)
    last = found.readings.first()
    if last is None or not last.held:
        messages.error(request, _("Nobody waits to leave the list."))
        return HttpResponseRedirect(_url(found))
    told = number_told(request, "number") or last.held
    if request.method == "POST" and told < last.held:
        messages.warning(request, _("There are more of them by now than when you were asked. Look again."))
    elif request.method == "POST" and request.POST.get("confirmed"):
        allow_leaving(scheduled_file=found, number=last.held)
        text = ngettext("%(n)s person may leave the list.", "%(n)s people may leave the list.", last.held)
        log_change(request, found, text % {"n": grouped(last.held)})
        messages.success(request, _("The file is read again, and they leave the list."))
        return HttpResponseRedirect(_url(found))
    return _ask(
        request,
        found,
        question=_("Let %(n)s of %(known)s people leave the list?")
        % {"n": grouped(last.held), "known": grouped(last.known or 0)},
        consequences=[
            _("They are missing in the file as it was read last. It is read again before anybody leaves."),
            _("Their records stay. If the list is connected, they leave its address book with the next export."),
        ],
        answer=_("Yes, they may leave"),
        hidden=[("number", last.held)],
    )


@page(MAY_DELETE_SCHEDULED_FILE)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and read it no more."""
    found = _found_or_404(request, pk)
    if request.method == "POST" and request.POST.get("confirmed"):
        found.delete()
        messages.success(request, _("It is read no more."))
        return HttpResponseRedirect(reverse("dotbridge:files"))
    return _ask(
        request,
        found,
        question=_("Read %(file)s no more?") % {"file": found},
        consequences=[_("The people it has loaded stay, and so does the list.")],
        answer=_("Yes, delete"),
    )


def _ask(
    request: HttpRequest,
    found: ScheduledFile,
    *,
    question: str,
    consequences: list[str],
    answer: str,
    hidden: Sequence[tuple[str, object]] = (),
) -> HttpResponse:
    return show(
        request,
        "backoffice/house/confirm.html",
        title=found.name,
        current="people",
        crumbs=_crumbs(found),
        context={
            "question": question,
            "consequences": consequences,
            "answer": answer,
            "hidden": hidden,
            "is_danger": True,
            "action_url": request.path,
            "back_url": _url(found),
        },
    )
