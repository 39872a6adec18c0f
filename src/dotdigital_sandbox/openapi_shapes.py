"""What bodies look like, in a line a shape: the vocabulary of the OpenAPI document (contract §4-§7).

A shape is a list of ``key:type``. Types are ``int num str date bool any guid email base64 letter`` (a letter has
an unsubscribe link) or the name of another shape or enum; ``[x]`` is a list of x, ``{x}`` an object of x by any key,
and ``x?`` may also be null. In what is answered every key is there, and no other; in what is asked (:data:`BODIES`)
only keys with ``!`` are needed, and others are ignored.
"""

from __future__ import annotations

from dotdigital_sandbox.contact_statuses import (
    EMAIL_TYPES,
    OPT_IN_TYPES,
    PENDING,
    REPORT_COUNTERS,
    SUBSCRIBED,
    SUPPRESSED,
)
from dotdigital_sandbox.event_subscriptions import ALERTS
from dotdigital_sandbox.event_triggers import TYPES
from dotdigital_sandbox.insight_store import COLLECTION_TYPES
from dotdigital_sandbox.insight_v3 import SCOPES
from dotdigital_sandbox.v3_channels import EMAIL_STATUSES, EMAIL_WISHES, LOCALES, MOBILE_WISHES
from dotdigital_sandbox.v3_json import PARTS
from dotdigital_sandbox.values import FIELD_TYPES

ENUMS: dict[str, tuple[str, ...]] = {
    "V3Part": PARTS,
    "Visibility": ("Private", "Public"),
    "OptInType": OPT_IN_TYPES,
    "EmailType": EMAIL_TYPES,
    "ContactStatus": (SUBSCRIBED, PENDING, *SUPPRESSED),
    "FieldType": FIELD_TYPES,
    "ImportStatus": (
        "NotFinished", "Finished", "RejectedByWatchdog", "InvalidFileFormat", "Unknown", "Failed",
        "ExceedsAllowedContactLimit",
    ),
    "RecordImportStatus": ("NotStarted", "NotFinished", "Finished", "Failed"),
    "DeletionStatus": ("Started", "Completed", "Failed"),
    "ResubscribeStatus": ("ContactAdded", "ContactChallenged", "ContactCannotBeUnsuppressed"),
    "CampaignStatus": (
        "Unsent", "Sending", "Sent", "Paused", "Cancelled", "RequiresSystemApproval", "RequiresSMSApproval",
        "RequiresWorkflowApproval", "Triggered",
    ),
    "ReplyAction": ("Unset", "WebMailForward", "Webmail", "Delete"),
    "CampaignType": ("Standard", "Triggered"),
    "SendStatus": ("NotSent", "Scheduled", "Sending", "Sent", "Cancelled"),
    "SplitMetric": ("Opens", "Clicks", "ROI"),
    "ReplyType": ("Reply", "AutoReply", "ChallengeResponse", "Unsafe"),
    "RefreshStatus": ("NotStarted", "NotFinished", "Finished", "Failed"),
    "ProgramStatus": ("Draft", "Deactivated", "Active", "ReadOnly"),
    "EnrolmentStatus": ("Processing", "Finished"),
    "V3Status": ("subscribed", "unsubscribed", "pendingOptIn", "suppressed", "noSubscription"),
    "V3EmailStatus": (*EMAIL_STATUSES.values(), "suppressed"),
    "V3EmailWish": tuple(EMAIL_WISHES),
    "V3MobileStatus": MOBILE_WISHES,
    "V3ListStatus": ("subscribed", "suppressed"),
    "V3IdentifierName": ("contactId", "email", "mobileNumber"),
    "V3Locale": LOCALES,
    "V3Merge": ("overwrite", "overwriteIfNotEmpty", "overwriteIfEmpty"),
    "InsightScope": SCOPES,
    "InsightType": COLLECTION_TYPES,
    "InsightJobState": ("NotFinished", "Finished"),
    "InsightImportState": ("Processing", "Complete"),
    "EventKind": tuple(sorted(TYPES)),
    "EventStatus": ("active", "inactive"),
    "EventAlert": tuple(ALERTS),
}  # fmt: skip

_THREES = (
    "Opens Clicks EstimatedForwards Replies HardBounces SoftBounces Unsubscribes IspComplaints MailBlocks Sent "
    "Delivered"
)
_RATIOS = "Delivered UniqueOpens Opens Unsubscribes Replies HardBounces SoftBounces UsersClicked ClicksToOpens"
_PERCENTAGES = " ".join(f"percentage{each}:num" for each in _RATIOS.split())
_CAMPAIGN = (
    "id:int name:str subject:str fromName:str fromAddress:FromAddress htmlContent:str? plainTextContent:str? "
    "replyAction:ReplyAction replyToAddress:str? isSplitTest:bool status:CampaignStatus customReplyToAddress:str?"
)
_RECIPIENT = "contactId:int email:str"
_READER = "ipAddress:str? userAgent:str?"
_CLICK = f"{_RECIPIENT} url:str? {_READER} dateClicked:date keyword:str?"
_TEMPLATE = "id:int name:str subject:str fromName:str htmlContent:str plainTextContent:str"
_METRIC_COUNTS = (
    "sent delivered uniqueOpens clicks hardBounces softBounces replies unsubscribes forwards mailBlocks opens "
    "complaints pageViews uniqueClicks sendStatusFails orders assistedOrders"
)
_METRIC_PERCENTAGES = (
    "Delivered UniqueOpens HardBounces SoftBounces Replies Unsubscribes UniqueClicks UniqueClicksToOpens"
)
_SURVEY_SOURCES = "Direct Email Embedded Popover Facebook Twitter GooglePlus Other"

# Keys that strict clients of the older contract refuse (contract §0.1).
NEWER_KEYS: dict[str, tuple[str, ...]] = {
    "ImportReport": ("suppressedContacts",),
    "Campaign": ("customReplyToAddress",),
    "MadeCampaign": ("customReplyToAddress", "type"),
    "CampaignDetails": ("customReplyToAddress",),
    "PreparedCampaign": ("customReplyToAddress",),
    "SplitTestCampaign": ("customReplyToAddress",),
    "FilteredCampaign": ("customReplyToAddress",),
    "CampaignSummary": ("revenue", "conversionRate", "assistedRevenue", "numOrders", "numAssistedOrders"),
    "Reply": ("customReplyToAddress",),
    "RecordFault": ("detail",),
    "V3Preference": ("name",),
    "V3Channels": ("whatsApp",),
}

SHAPES: dict[str, str] = {
    "Error": "message:str",
    "Account": "id:int properties:[AccountProperty]",
    "AccountProperty": "name:str type:str value:str",
    "AddressBook": "id:int name:str visibility:Visibility contacts:int",
    "Segment": "id:int name:str contacts:int",
    "SegmentRefresh": "id:int status:RefreshStatus",
    "DataValue": "key:str value:any",
    "Contact": "id:int email:str optInType:OptInType emailType:EmailType dataFields:[DataValue]? status:ContactStatus",
    "DatedContact": (
        "id:int email:str optInType:OptInType emailType:EmailType dataFields:[DataValue]? status:ContactStatus "
        "created:date"
    ),
    "ContactIdentifier": "id:int email:str?",
    "ContactSuppression": "suppressedContact:Contact dateRemoved:date reason:ContactStatus",
    "ResubscribeResult": "contact:Contact status:ResubscribeStatus",
    "BulkSuppression": "suppressed:[ContactIdentifier] notFound:[ContactIdentifier]",
    "ContactsFound": "contacts:[DatedContact] notFound:[ContactIdentifier]",
    "BulkContactDeletion": "id:guid status:DeletionStatus",
    "ConsentRecord": "id:str? fields:[DataValue]",
    "ContactWithConsent": "contact:Contact consentFields:[ConsentRecord]",
    "ContactWithConsentAndPreferences": (
        "contact:Contact consentFields:[ConsentRecord] preferences:[ChosenPreference]"
    ),
    "ChosenPreference": "id:int isPreference:bool isOptedIn:bool? preferences:[ChosenPreference]?",
    "ContactIdAndEmail": "id:int email:str",
    "Preference": (
        "id:int publicName:str privateName:str isPreference:bool order:str isPublic:bool categoryId:int "
        "preferenceCount:int created:date lastModified:date isOptedIn:bool? preferences:[Preference]?"
    ),
    "PreferenceOptIn": "marketingPreferenceId:int addressBookId:int isOptedIn:bool dateModifed:date",
    "ContactWithPreferenceOptIn": "contact:Contact marketingPreferenceOptIns:[PreferenceOptIn]",
    "ContactImport": "id:guid status:ImportStatus",
    "ImportReport": " ".join(f"{name}:int" for name in REPORT_COUNTERS),
    "DataField": "name:str type:FieldType visibility:Visibility defaultValue:any",
    "Dependency": "type:str objectId:int",
    "DependencyResult": "dependencies:[Dependency]? result:bool",
    "FromAddress": "id:int email:str",
    "Campaign": _CAMPAIGN,
    "Tag": "name:str",
    "SplitTestOptions": "testMetric:SplitMetric testPercentage:int testPeriodHours:int",
    "MadeCampaign": f"{_CAMPAIGN} type:CampaignType?",
    "CampaignDetails": (f"{_CAMPAIGN} type:CampaignType tags:[Tag] splitTestOptions:[str] sentDate:never|date?"),
    "PreparedCampaign": f"{_CAMPAIGN} processedHtmlContent:str processedPlainTextContent:str",
    "FilteredCampaign": f"{_CAMPAIGN} type:CampaignType tags:[str] sentDate:date? scheduledDate:date?",
    "CampaignSend": (
        "id:guid campaignId:int addressBookIds:[int]? contactIds:[int]? sendDate:date "
        "splitTestOptions:SplitTestOptions? status:SendStatus"
    ),
    "CampaignSummary": (
        "dateSent:never|date? numUniqueOpens:int numUniqueTextOpens:int numTotalUniqueOpens:int numPageViews:int "
        "numTotalPageViews:int numTextPageViews:int numForwards:int numTextForwards:int numRecipientsClicked:int "
        + " ".join(f"num{word}:int numText{word}:int numTotal{word}:int" for word in _THREES.split())
        + f" {_PERCENTAGES} revenue:str conversionRate:num assistedRevenue:str numOrders:int numAssistedOrders:int"
    ),
    "CampaignContactSummary": (
        f"{_RECIPIENT} numOpens:int numPageViews:int numClicks:int numForwards:int numEstimatedForwards:int "
        "numReplies:int dateSent:date dateFirstOpened:never|date? dateLastOpened:never|date? firstOpenIp:str? "
        "unsubscribed:bool softBounced:bool hardBounced:bool"
    ),
    "Click": _CLICK,
    "LinkGroup": "name:str dateCreated:date",
    "ClickWithGroups": f"{_CLICK} groups:[LinkGroup]",
    "Open": (
        f"{_RECIPIENT} mailClient:str? mailClientVersion:str? {_READER} isHtml:bool isForward:bool dateOpened:date"
    ),
    "PageView": f"{_RECIPIENT} url:str dateViewed:date",
    "Reply": (
        f"{_RECIPIENT} fromAddress:str toAddress:str subject:str? message:str? isHtml:bool dateReplied:date "
        "replyType:ReplyType customReplyToAddress:str?"
    ),
    "RoiDetail": f"{_RECIPIENT} markerName:str dataType:FieldType value:any dateEntered:date",
    "BookmarkView": f"{_RECIPIENT} bookmarkName:str numViews:int",
    "Revenue": "campaignID:int dateLastSent:never|date? currency:str revenue:num numOrders:int conversionRate:num",
    "CampaignMetrics": (
        "campaignId:int dateSent:date campaignName:str campaignType:CampaignType "
        + " ".join(f"{name}:int" for name in _METRIC_COUNTS.split())
        + " ".join(f" percentage{word}:num" for word in _METRIC_PERCENTAGES.split())
        + " revenue:num conversionRate:num assistedRevenue:num tags:[str] subjectLine:str fromName:str "
        "fromAddress:str isSplitTest:bool"
    ),
    "SplitTest": "splitTestWinnerMetric:SplitMetric versions:[SplitTestResult]",
    "SplitTestResult": (
        "subjectLine:str fromName:str fromAddress:str htmlContent:str plainTextContent:str version:str "
        "winningVersion:bool resultsActual:num resultsPercentage:num"
    ),
    "SplitTestCampaign": (
        "id:int name:str subjects:[str] fromNames:[str] fromAddresses:[FromAddress] htmlContents:[str] "
        "plainTextContents:[str] replyAction:ReplyAction replyToAddress:str? status:CampaignStatus "
        "customReplyToAddress:str?"
    ),
    "RecordCollection": "id:int name:str",
    "Folder": "id:int name:str childFolders:[Folder]?",
    "Image": (
        "url:str filename:str mimeType:str sizeInBytes:int widthInPixels:int heightInPixels:int contentTags:[str]"
    ),
    "MadeImage": "id:int name:str path:str",
    "Document": "id:int name:str fileName:str fileSize:int dateCreated:date dateModified:date",
    "SmsCampaign": (
        "id:int name:str message:str sendingIdentity:str sendingIdentityId:int toggleShortLinks:bool status:str"
    ),
    "Score": ("contactId:int email:str dateModified:date scoreLabel:str score:int engagement:int suitability:int"),
    "Record": "key:str contactIdentifier:str json:str",
    "RecordImport": "id:guid status:RecordImportStatus",
    "RecordFault": "key:str reason:str detail:str?",
    "RecordReport": "totalItems:int totalImported:int totalRejected:int faults:[RecordFault]",
    "Template": f"{_TEMPLATE} replyAction:ReplyAction replyToAddress:str?",
    "Program": "id:int name:str status:ProgramStatus dateCreated:date",
    "Enrolment": ("id:guid programId:int contacts:[int]? addressBooks:[int]? dateCreated:date status:EnrolmentStatus"),
    "MailStatistics": (
        "startDate:date endDate:date numSent:int numDelivered:int numOpens:int numClicks:int numIspComplaints:int "
        "numBounces:int"
    ),
    "Survey": (
        "id:int name:str url:str? dateSurveyCreated:date dateSurveyModified:date state:str firstActiveDate:date? "
        "lastInactiveDate:date? scheduledStartDate:date? scheduledEndDate:date? confirmationMode:str "
        "submissionMode:str fieldCount:int notifyCreatorOnResponse:bool respondentNotificationType:str "
        "respondentNotificationCampaignId:int? isAssignedToAddressBook:bool assignedAddressBookTarget:str "
        "assignedSpecificAddressBookId:int? firstResponseDate:date? lastResponseDate:date? totalCompleteResponses:int "
        "totalCompleteResponsesInLastDay:int totalCompleteResponsesInLastWeek:int totalIncompleteResponses:int "
        "totalViews:int totalBounces:int timeToCompleteMax:int? timeToCompleteMin:int? timeToCompleteTotal:int? "
        + " ".join(f"source{name}Total:int" for name in _SURVEY_SOURCES.split())
    ),
    "SurveyPage": "id:int name:str fields:[SurveyField]",
    "SurveyField": (
        "id:int type:str text:str isRequired:bool defaultValue:str? mode:str? choices:[any]? subFields:[any]? "
        "hasOtherOption:bool otherOptionChoiceId:int otherOptionSubFieldId:int otherOptionTextFieldId:int "
        "isAssignedToContactDataField:bool assignedContactDataFieldName:str? assignedContactDataExistsAction:str"
    ),
    "SurveyResponse": (
        "id:int email:str started:bool dateStarted:date complete:bool dateCompleted:date givenAnswers:[SurveyAnswer]"
    ),
    "SurveyAnswer": "fieldId:int subFieldId:int? value:any",
    "V3ErrorDetail": "item:str description:str",
    "InsightCollection": ("collectionName:str collectionType:InsightType collectionScope:InsightScope recordCount:int"),
    "InsightJob": "jobId:guid",
    "InsightSchema": "collectionName:str collectionType:InsightType schema:{any}",
    "InsightPage": "_links:V3Links _items:[InsightRecord]",
    "InsightDeletion": "summary:InsightDeleted notFound:[str] failures:[any]",
    "InsightDeleted": "totalRecords:int totalDeleted:int totalNotFound:int",
    "InsightJobSummary": "totalRecords:int totalProcessed:int totalFailed:int",
    "InsightImportSummary": "totalRecords:int totalImported:int totalRejected:int",
    "Event": "id:guid accountId:int processedDate:date type:EventKind eventDate:date data:{any}",
    "EventPage": "checkPoint:str events:[Event]",
    "EventSubscription": (
        "id:int name:str status:EventStatus subscribedEventTypes:[EventType] alertsConfiguration:EventAlerts "
        "created:date updated:date"
    ),
    "EventSubscriptionPage": "_links:V3Links _items:[EventSubscription]",
    "V3Import": "importId:guid",
    "V3Deletion": "deleteId:guid",
    "V3DeletionSummary": "requestedContacts:int deletedContacts:int unknownContacts:int invalidEntries:int",
    "V3DeletedContact": "contactId:int",
    "V3Summary": (
        "newContacts:int updatedContacts:int globallySuppressed:int invalidEntries:int duplicateIdentifiers:int"
    ),
}

BODIES: dict[str, str] = {
    "NewAddressBook": "name!:str visibility:Visibility",
    "EmailOnly": "email!:email",
    "NewContact": "email!:email optInType:OptInType emailType:EmailType dataFields:[DataValue]",
    "ChangedContact": "email:email optInType:OptInType emailType:EmailType dataFields:[DataValue]",
    "NamedContact": "id:int email:email",
    "ContactsWanted": "contacts!:[NamedContact] withFullData:bool",
    "Resubscription": ("unsubscribedContact!:NewContact preferredLocale:str? returnUrlToUseIfChallenged:str?"),
    "NewConsent": "fields!:[DataValue]",
    "NewContactWithConsent": "contact!:NewContact consentFields:[NewConsent] preferences:[PreferenceChoice]",
    "ChangedContactWithConsent": "contact!:NewContact consentFields:[NewConsent] preferences:[PreferenceChoice]",
    "PreferenceChoice": "id!:int isOptedIn:bool",
    "DocumentToAttach": "id!:int",
    "NewPreference": "privateName!:str publicName:str isPreference:bool order:str isPublic:bool categoryId:int?",
    "NamedPreference": "id!:int privateName!:str publicName:str order:str isPublic:bool categoryId:int?",
    "FileMedia": "fileName!:str data!:base64",
    "CollectedContact": (
        "email!:email optInType:OptInType emailType:EmailType dataFields:[DataValue] consentFields:[DataValue]"
    ),
    "ContactCollection": "contacts!:[CollectedContact] addressBookIds:[int] mergeOption:int",
    "NewDataField": "name!:str type:FieldType visibility:Visibility defaultValue:any",
    "NewCampaign": (
        "name!:str subject!:str fromName!:str htmlContent!:letter plainTextContent!:letter "
        "fromAddress:GivenFromAddress replyAction:ReplyAction replyToAddress:str type:CampaignType tags:[Tag]"
    ),
    "NewSplitTestCampaign": (
        "name!:str subjects!:[str] fromNames!:[str] htmlContents!:[letter] plainTextContents!:[letter] "
        "fromAddresses:[GivenFromAddress] replyAction:ReplyAction replyToAddress:str"
    ),
    "GivenFromAddress": "id:int email:email",
    "NewTemplate": (
        "name!:str subject!:str fromName!:str htmlContent!:letter plainTextContent!:letter replyAction:ReplyAction "
        "replyToAddress:str?"
    ),
    "NewSend": (
        "campaignId!:int addressBookIds:[int]? contactIds:[int]? sendDate:date? splitTestOptions:SplitTestOptions?"
    ),
    "NewRecord": "key:str contactIdentifier:str json!:any",
    "NewEnrolment": "programId!:int contacts:[int] addressBooks:[int]",
    "Mail": (
        "toAddresses!:[email] ccAddresses:[email] bccAddresses:[email] subject!:short fromAddress:str htmlContent:str "
        "plainTextContent:str attachments:[MailFile]"
    ),
    "TriggeredMail": "toAddresses!:[email] campaignId!:int attachments:[MailFile]",
    "MailFile": "fileName!:short mimeType!:short content!:base64",
    "V3NewContact": (
        "identifiers!:V3GivenIdentifiers dataFields:{any} channelProperties:V3GivenChannels lists:[int] "
        "preferences:[PreferenceChoice] consentRecords:[V3Consent]"
    ),
    "V3ChangedContact": (
        "identifiers:V3GivenIdentifiers dataFields:{any} channelProperties:V3GivenChannels lists:[int] "
        "preferences:[PreferenceChoice] consentRecords:[V3Consent]"
    ),
    "V3GivenIdentifiers": "email:email mobileNumber:str",
    "V3GivenChannels": "email:V3GivenEmailChannel sms:V3GivenMobileChannel whatsApp:V3GivenMobileChannel",
    "V3GivenEmailChannel": (
        "emailType:EmailType optInType:OptInType status:V3EmailWish resubscribeOptions:V3ResubscribeOptions"
    ),
    "V3GivenMobileChannel": "status:V3MobileStatus",
    "V3ResubscribeOptions": "resubscribeWithNoChallenge:bool preferredLocale:V3Locale redirectUrlAfterChallenge:str",
    "NewEventSubscription": (
        "name!:short status!:EventStatus subscribedEventTypes!:[EventType] alertsConfiguration!:EventAlerts"
    ),
    "EventType": "eventType!:EventKind filters:[EventFilter]",
    "EventFilter": "field!:jsonpath matchPattern!:short caseSensitive:bool",
    "EventAlerts": "alertChannels!:EventAlert email:email",
    "ImportedEvent": (
        "contactIdentity!:EventContact type!:short id:str eventTimestamp:date timelineDetails:EventTimeline "
        "eventData:{any}"
    ),
    "EventContact": "identifier!:str value!:str?",
    "EventTimeline": "summary!:short",
    "NewFolder": "name!:foldername",
    "NewSmsCampaign": "name!:short message!:short sendingIdentity:str toggleShortLinks:bool",
    "SmsCopy": "campaignId!:int copyName!:short",
    "SmsMessage": "message!:short",
    "InsightContent": "total:num",
    "InsightKeys": "keys!:[str]",
    "NewInsightImport": (
        "collectionName!:insightname collectionScope!:InsightScope collectionType!:InsightType "
        "records!:[NewInsightRecord]"
    ),
    "NewInsightRecord": "key!:short json!:{any} contactIdentity:EventContact",
    # These come with some of their keys only.
    "MailOutcome": "index!:int failureCode:str failureReason:str",
    "InsightRecord": "key!:str json!:{any} created!:date updated!:date ownerContactId:int",
    "InsightJobStatus": "jobId!:guid status!:InsightJobState summary:InsightJobSummary failures:[any]",
    "InsightImport": (
        "importId!:guid status!:InsightImportState collectionName:str summary:InsightImportSummary failures:[any]"
    ),
    "V3Error": "errorCode!:str description!:str details:[V3ErrorDetail]",
    "V3Identifiers": "email:str mobileNumber:str",
    "V3Consent": ("text:str dateTimeConsented:str url:str ipAddress:str userAgent:str dateTimeCreated:str"),
    "V3Contact": (
        "contactId!:int status!:V3Status created!:date updated!:date identifiers!:V3Identifiers dataFields!:{any} "
        "channelProperties:V3Channels lists:[V3List] preferences:[V3Preference] consentRecords:[V3Consent]"
    ),
    "V3Channels": "email:V3EmailChannel sms:V3SmsChannel whatsApp:V3WhatsAppChannel",
    "V3EmailChannel": "emailType!:EmailType optInType!:OptInType status!:V3EmailStatus",
    "V3SmsChannel": "countryCode!:str status!:V3MobileStatus",
    "V3WhatsAppChannel": "status!:V3MobileStatus",
    "V3List": "id!:int name!:str status!:V3ListStatus",
    "V3Preference": "id!:int isOptedIn!:bool name!:str publicName!:str privateName!:str",
    "V3DeletionStatus": ("deleteId!:guid status!:str summary:V3DeletionSummary deleted:[any] failures:[any]"),
    "V3Page": "_links!:V3Links _items!:[V3Contact]",
    "V3Links": "self!:V3Link first!:V3Link next:V3Link",
    "V3Link": "marker!:str link!:str",
    "V3NewImport": "contacts!:[V3ImportedContact] mergeOption:V3Merge",
    "V3ImportedContact": (
        "matchIdentifier!:V3IdentifierName identifiers!:V3GivenIdentifiers dataFields:{any} lists:[int] "
        "channelProperties:V3GivenChannels preferences:[PreferenceChoice] consentRecords:[V3Consent]"
    ),
    "V3Outcome": "contactId!:int identifiers!:V3Identifiers",
    "V3FailureReason": "failureCode!:str description!:str",
    "V3Failure": "contactId:int matchIdentifier!:str identifiers!:{any} failures!:[V3FailureReason]",
    "V3ImportStatus": (
        "importId!:guid status!:ImportStatus summary:V3Summary created:[V3Outcome] updated:[V3Outcome] "
        "failures:[V3Failure]"
    ),
    "V3Deleted": "contactId:int email:email mobileNumber:str",
}
