"""What the client says of the calls that are made here, to be translated: it knows nothing of languages itself."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

REFUSED = _("Dotdigital refused the request (%(said)s). Correct what was sent.")
OF_CLIENT = (
    _("Dotdigital could not be reached. Check the network if this stays; it is tried again later."),
    _("Dotdigital is not available at the moment. Try again later."),
    _("Dotdigital did not accept the user name and password. Check them under Settings > Access > API users."),
    _("Dotdigital's limit of calls for this account is used up. Try again later."),
    _("Dotdigital does not have what was asked for. It may have been deleted; read it again."),
    _("The connection to Dotdigital broke off. It is tried again later."),
    _(
        "The connection broke off after the request was sent, so it is unknown whether Dotdigital carried it out. "
        "Look before sending it again."
    ),
    _(
        "The host's certificate could not be verified, so nothing was sent. Check the address, and that this machine "
        "trusts the authority that issued the certificate."
    ),
    _("Dotdigital sent an answer too large to be read. Ask for smaller pages."),
    _("Dotdigital sent the same page of a list again and again. Try again later."),
    _("A list in Dotdigital changes faster than it can be read. Try again later."),
    _("Dotdigital sent the pages of a list in a circle. Try again later."),
    _(
        "Dotdigital denied access. Check that the host is the one of the account's region and that the feature is "
        "part of the account's package."
    ),
    _(
        "The host answered with a redirect, which is not followed because the password would go along. Correct the "
        "address of the account."
    ),
    _(
        "Dotdigital failed while it worked on the request, so it is unknown whether it was carried out. Look before "
        "sending it again."
    ),
    _("Dotdigital refused the upload because it is too large. Send smaller files."),
    _("The contact has a value Dotdigital does not accept."),
    _("Correct the contact."),
    _("The contact is not in the account."),
    _("It may have been deleted; read the contacts again."),
    _("It may have been deleted."),
    _("The contact has unsubscribed or was suppressed in the account."),
    _("Only the contact can lift this, by subscribing again."),
    _("The contact has unsubscribed from this address book."),
    _("Only the contact can lift this, by subscribing to it again."),
    _("The account would hold, or the request names, more contacts than allowed."),
    _("Send fewer, remove some, or ask Dotdigital to raise the limit."),
    _("Dotdigital has banned this address."),
    _("Leave the contact out."),
    _("The e-mail address is not valid."),
    _("Correct the address."),
    _("Another contact has this e-mail address already."),
    _("Merge the two or correct the address."),
    _("An address book or segment has this name already, or the name is reserved."),
    _("Choose another name."),
    _("The address book is being used by an import or a send."),
    _("Wait until that has finished."),
    _("The address book's name or visibility is not accepted."),
    _("Use a name of 1 to 128 characters."),
    _("The account has as many address books as its contract allows."),
    _("Delete one that is not used, or ask Dotdigital to raise the limit."),
    _("The address book does not exist in the account."),
    _("Read the address books again; it may have been deleted."),
    _("The address book belongs to Dotdigital and cannot be written to."),
    _("Choose another address book."),
    _("The data field's name, type or default is not accepted."),
    _("Use 1 to 20 letters, digits, - and _, and a default of the field's type."),
    _("The account has as many data fields of this type as allowed."),
    _("Delete one that is not used."),
    _("A data field that was named does not exist in the account."),
    _("Create the data field, or leave it out of the mapping."),
    _("A value is too long for its data field."),
    _("Shorten the value."),
    _("A data field of this name exists already."),
    _("Use the existing one or choose another name."),
    _("Dotdigital does not know this import."),
    _("Upload again if its contacts are missing."),
    _("Check its id."),
    _("Too many imports are running in the account at the same time."),
    _("Wait until some of them have finished."),
    _("Too many deletions are running in the account at the same time."),
    _("Wait until some have finished."),
    _("The file has no column named Email."),
    _("Add the column and upload the file again."),
    _("The campaign has building blocks that cannot be sent this way."),
    _("Remove them in Dotdigital's editor."),
    _("The campaign lacks something it needs, or has a value that is not accepted."),
    _("Check name, subject, sender, both contents and their unsubscribe links."),
    _("The campaign does not exist in the account."),
    _("Read the campaigns again."),
    _("The campaign was sent and cannot be changed any more."),
    _("Copy it and change the copy."),
    _("The send names something that does not fit."),
    _("Check recipients, date and split test."),
    _("The account may not send at this time."),
    _("Ask Dotdigital whether the account is enabled for sending."),
    _("The account's sends for this month are used up."),
    _("Ask Dotdigital for more."),
    _("Dotdigital could not read the request."),
    _("Report this as a bug."),
    _("A value in the request is not accepted."),
    _("Check addresses, dates and page sizes."),
    _("A value in the request is missing or not accepted."),
    _("The account does not exist or is restricted."),
    _("Ask Dotdigital."),
    _("The account's hourly limit of API calls is used up."),
    _("Wait; calls are allowed again as the hour passes."),
    _("Dotdigital did not accept the API user."),
    _("Check name and password under Settings > Access > API users."),
    _("Dotdigital did not accept the user name and password, or the account is switched off."),
    _("Check them under Settings > Access > API users."),
    _("The account does not allow this operation."),
    _("The feature is not part of the account's package."),
    _("Do without it, or ask Dotdigital to add it."),
    _("Dotdigital is down, probably for maintenance."),
    _("Try again later."),
    _("Dotdigital does not say what went wrong."),
    _("Try again later; ask Dotdigital if it stays."),
    _("Dotdigital does not know the account."),
    _("Check the credentials, or ask Dotdigital."),
)
