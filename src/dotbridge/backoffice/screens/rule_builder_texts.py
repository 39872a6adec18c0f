"""The words that the rule builder shows in the browser, in the language of the person."""

from __future__ import annotations

from django.utils.translation import gettext as _


def builder_texts() -> dict[str, str]:
    """The builder's texts by name; {number} and the like are filled in by the browser."""
    return {
        "all": _("all of these"),
        "any": _("any of these"),
        "none": _("none of these"),
        "notAll": _("not all of these"),
        "who": _("Who matches"),
        "filter": _("Count only those that match"),
        "addCondition": _("Add condition"),
        "addGroup": _("Add group"),
        "addFilter": _("Only some of them"),
        "removeFilter": _("Count all of them"),
        "remove": _("Remove"),
        "up": _("Move up"),
        "down": _("Move down"),
        "drag": _("Drag to another place"),
        "undo": _("Undo"),
        "redo": _("Redo"),
        "field": _("Field"),
        "operator": _("Comparison"),
        "measure": _("What is asked"),
        "of": _("Of which value"),
        "value": _("Value"),
        "from": _("From"),
        "to": _("To"),
        "amount": _("How many"),
        "unit": _("Days, weeks, months or years"),
        "period": _("Period"),
        "choose": _("Choose"),
        "searchField": _("Type to search the fields"),
        "searchValue": _("Type to search"),
        "addValue": _("Add a value and press Enter"),
        "removeValue": _("Remove {value}"),
        "nothingFound": _("Nothing found"),
        "yes": _("yes"),
        "no": _("no"),
        "condition": _("Condition {number}"),
        "group": _("Group {number}"),
        "everybody": _("Without a condition everybody is on the list."),
        "one": _("1 matches"),
        "many": _("{number} match"),
        "first": _("The first of them"),
        "tooLong": _("Counting took too long and was stopped. Fewer conditions are faster."),
        "notCounted": _("Not counted: something has to be corrected first."),
        "oneIncomplete": _("1 condition is not finished and left out of the count."),
        "incomplete": _("{number} conditions are not finished and left out of the count."),
        "offline": _("The server did not answer. What you wrote stays here; it is asked again with your next change."),
        "added": _("Added."),
        "removed": _("Removed. “Undo” brings it back."),
        "moved": _("Moved."),
    }
