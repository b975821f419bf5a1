package wire

import (
	"fmt"
	"strings"
)

// Reason is the stable word of why something was refused (Answer.Reason), finer than
// Answer.Error, for an app that says it in the person's language. Its arguments are in
// Answer.Args by their names: JSON numbers, and texts that need no translation, days as
// 2006-01-02 and states of documents by their names in the ERP.
type Reason string

// Args are the arguments of a reason, by their names in its text.
type Args map[string]any

// Of a visit, and of when something was done with it (422, refused; 409).
const (
	VisitGone         Reason = "visit_gone"
	VisitOfAnother    Reason = "visit_of_another" // whose it is now is Answer.Responsible
	VisitChanged      Reason = "visit_changed"
	VisitClosed       Reason = "visit_closed"
	VisitNotPlanned   Reason = "visit_not_planned"
	VisitDone         Reason = "visit_done"
	VisitBusy         Reason = "visit_busy"
	VisitWithoutDay   Reason = "visit_without_day"
	VisitWithoutStore Reason = "visit_without_store"
	VisitWithoutType  Reason = "visit_without_type"
	StatusMissing     Reason = "status_missing"
	HeldBack          Reason = "held_back" // by Answer.Behind
	ClockAhead        Reason = "clock_ahead"
	TooOld            Reason = "too_old"
	WrongDay          Reason = "wrong_day"
)

// Of what a person typed or chose (422, refused).
const (
	ServiceUnknown     Reason = "service_unknown"
	ProductUnknown     Reason = "product_unknown"
	TextCharacters     Reason = "text_characters"
	NoteTooLong        Reason = "note_too_long"
	LineNotesTooLong   Reason = "line_notes_too_long"
	NameMissing        Reason = "name_missing"
	NameTooLong        Reason = "name_too_long"
	ReasonMissing      Reason = "reason_missing"
	ReasonTooLong      Reason = "reason_too_long"
	QuantityNoNumber   Reason = "quantity_no_number"
	QuantityDecimals   Reason = "quantity_decimals"
	QuantityOutOfRange Reason = "quantity_out_of_range"
)

// Of a file (422, refused).
const (
	FileMalformed     Reason = "file_malformed"
	FileNotCome       Reason = "file_not_come"
	FileOther         Reason = "file_other"
	FileGone          Reason = "file_gone"
	IDTaken           Reason = "id_taken"
	PictureKind       Reason = "picture_kind"
	PictureTooLarge   Reason = "picture_too_large"
	PictureUnreadable Reason = "picture_unreadable"
)

// Of uploads, where a person is told (413, 422, 429, 503, and 460 for the last one); the
// others have their Error as reason. FilesOfVisit is of a visit and person.
const (
	FileTooLarge      Reason = "file_too_large"
	FilesDayMegabytes Reason = "files_day_megabytes"
	FilesDay          Reason = "files_day"
	FilesOpen         Reason = "files_open"
	FilesOfVisit      Reason = "files_of_visit"
	FilesAtOnce       Reason = "files_at_once"
	FilesBusy         Reason = "files_busy"
	ChecksumFinal     Reason = "checksum_final"
)

// ERPRule is of a rule of the ERP's own (422, refused): what it says is Answer.Message alone.
const ERPRule Reason = "erp_rule"

// Of who asks, and how much.
const (
	SignInUnclear Reason = "sign_in_unclear" // 403
	OfficeOnly    Reason = "office_only"     // 403
	DayFull       Reason = "day_full"        // 429
	QueueFull     Reason = "queue_full"      // 429
	SignInsFull   Reason = "sign_ins_full"   // 429
	DevicesFull   Reason = "devices_full"    // 429
	WishesFull    Reason = "wishes_full"     // 429
)

// Of requests, which people do not make themselves.
const (
	Malformed     Reason = "malformed"      // 400: what is wrong is Answer.Message, for who writes the app
	SchemaUnknown Reason = "schema_unknown" // 400
	ReportDay     Reason = "report_day"     // 400
	ExpectedOther Reason = "expected_other" // 409
	KeyTaken      Reason = "key_taken"      // 422
	NoPath        Reason = "no_path"        // 404
	NoCommand     Reason = "no_command"     // 404
	NoDevice      Reason = "no_device"      // 404
	NoVisit       Reason = "no_visit"       // 404
	NoReport      Reason = "no_report"      // 404
	NoThing       Reason = "no_thing"       // 404
	BodyTooLarge  Reason = "body_too_large" // 413
)

// Of the service, for now (503), and of its own faults (500).
const (
	ERPAway      Reason = "erp_away"
	TooSlow      Reason = "too_slow"
	CommandKept  Reason = "command_kept"
	NoCatalogue  Reason = "no_catalogue"
	ServiceFault Reason = "service_fault"
)

// Reasons are all of them with what they say in English, where {name} is an argument.
var Reasons = map[Reason]string{
	VisitGone:         "there is no such visit any more",
	VisitOfAnother:    "this visit is somebody else's now",
	VisitChanged:      "visit {visit} was changed since it was seen here (version {seen}, now {now}); take the office's, or say that yours wins",
	VisitClosed:       "visit {visit} is {state} and cannot be changed any more",
	VisitNotPlanned:   "visit {visit} is not yet planned by the office ({state})",
	VisitDone:         "visit {visit} is done already",
	VisitBusy:         "visit {visit} is being changed by others all the time; try again",
	VisitWithoutDay:   "visit {visit} has no day",
	VisitWithoutStore: "visit {visit} has no store to take material from; ask the office",
	VisitWithoutType:  "visit {visit} has no document type",
	StatusMissing:     `visits of this kind have no status "{status}"; ask the office`,
	HeldBack:          "an earlier command of this visit was refused; decide about it, then send this one again as a new one",
	ClockAhead:        "by the clock of the device this was done in the future; set its clock right",
	TooOld:            "this was done more than {days} days ago",
	WrongDay:          "visit {visit} is of {day}, and can be worked on the day before it, on it and the day after",

	ServiceUnknown:     "choose the service from the catalogue",
	ProductUnknown:     "choose the product from the catalogue",
	TextCharacters:     "the text has characters that are no text",
	NoteTooLong:        "the note may have at most {most} characters",
	LineNotesTooLong:   "the notes may have at most {most} characters",
	NameMissing:        "the name of who received the work is missing",
	NameTooLong:        "the name of who received the work may have at most {most} characters",
	ReasonMissing:      "the reason is missing",
	ReasonTooLong:      "the reason may have at most {most} characters",
	QuantityNoNumber:   `the quantity "{quantity}" is no number; write it like 1.5`,
	QuantityDecimals:   "the quantity {quantity} has more than {most} decimals",
	QuantityOutOfRange: "the quantity must be above 0 and at most {most}",

	FileMalformed:     "A file needs a name, the purpose photo or signature, and the id of its command as upload.",
	FileNotCome:       "The file has not come within {days} days; send it again.",
	FileOther:         "The file that came is another one, or for another visit, than the command says.",
	FileGone:          "The bytes of the file are gone and it is not with the visit; send it again as a new one.",
	IDTaken:           "Another file has the id of this command; make a new one.",
	PictureKind:       "The file is no JPEG or PNG picture; send it as one.",
	PictureTooLarge:   "The picture is too large; send a smaller one.",
	PictureUnreadable: "The picture cannot be read; save it anew and send it again.",
	FileTooLarge:      "The file has more than {mb} MB; send a smaller one.",
	FilesDayMegabytes: "You have sent {most} MB today, which is as much as a person may; the next day begins at 00:00 UTC.",
	FilesDay:          "You have created {most} uploads today, which is as many as a person may; the next day begins at 00:00 UTC.",
	FilesOpen:         "{most} of your uploads are not finished, which is as many as a person may have; finish or delete one.",
	FilesOfVisit:      "You have sent {most} files for this visit, which is as many as it may have.",
	FilesAtOnce:       "You send {most} files at once, which is as many as a person may; wait for one to end.",
	FilesBusy:         "Too many files are being sent at the moment; please try again shortly.",
	ChecksumFinal:     "The file was not what its sha256 says, again and again, and was deleted; make its sha256 anew and create it again.",
	ERPRule:           "the ERP refuses it",

	SignInUnclear: "the sign-in does not say whose it is; sign in again",
	OfficeOnly:    `reports are for the group {group} and administrators; ask one to add you: tandem access group add-member "{group}" LOGIN`,
	DayFull:       "{sent} commands came from you today, which is as many as a person may send; the next day begins at 00:00 UTC",
	QueueFull:     "{waiting} commands wait to be booked; send more when they are",
	SignInsFull:   "you have signed in and out {known} times of late; wait some days, or stay signed in",
	DevicesFull:   "a person has at most {most} devices; use one that you have, or wait until one was not seen for {days} days",
	WishesFull:    "too many ask at the same time; ask again in a moment",

	Malformed:     "the request is not what belongs here",
	SchemaUnknown: "schema {schema} is not taken: this service takes {taken}; update the app",
	ReportDay:     "day must be a date such as {today}, from {oldest} to today",
	ExpectedOther: "send the command with number {expected} of this device first",
	KeyTaken:      "the key {key} was sent before with another command; give each its own id",
	NoPath:        "the API has no such path or method; see examples/field/README.md",
	NoCommand:     "no such command of yours is known here; send it again as it was",
	NoDevice:      "there is no such device of yours",
	NoVisit:       `there is no visit "{visit}" of yours; read the list again`,
	NoReport:      "there is no such report; the list is at reports, and its days are read as reports/DAY.pdf or .csv",
	NoThing:       "there is no such thing",
	BodyTooLarge:  "the body may have at most {most} bytes",

	ERPAway:      "the ERP cannot be reached; try again in a moment",
	TooSlow:      "it took too long; try again",
	CommandKept:  "the command is kept; ask for it in a moment",
	NoCatalogue:  "the catalogue has not been read yet; try again in a moment",
	ServiceFault: "internal error; the log of the service has the cause",
}

// Text is what the reason says in English.
func (r Reason) Text(args Args) string {
	parts := make([]string, 0, 2*len(args))
	for name, value := range args {
		parts = append(parts, "{"+name+"}", fmt.Sprint(value))
	}
	return strings.NewReplacer(parts...).Replace(Reasons[r])
}
