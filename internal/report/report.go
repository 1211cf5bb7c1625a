package report

import (
	"encoding/json"
	"time"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/photo"
)

// Report is one fault in public space, as it stands now. What happened to it on
// the way stands in its updates.
type Report struct {
	ID        string // UUIDv7
	Reference string // "2281-2026-000123", the Open311 service_request_id

	Jurisdiction string // code of the body that it lies with now
	Service      string // code in the catalogue
	Status       Status
	CloseReason  CloseReason // only with Closed
	PlannedFor   string      // "2026-05-01", only with Planned
	DuplicateOf  string      // id of another report, only with Duplicate
	CaseID       string      // of a voice, the report that is its case
	Delivery     Delivery
	Assignee     string // id of a staff member
	Returns      int    // hand-overs in a row that were returns; two send it to triage

	Lat, Lon  float64  // WGS 84 degrees
	AccuracyM *float64 // radius in metres that the phone claimed, nil if it did not
	Address   string   // the reporter's own words

	Description string
	Attributes  map[string]catalog.Answer
	Photos      []Photo
	PhotoCount  int    // kept by the store
	Language    string // of the reporter: "sv", "en", …
	Private     bool   // shown to the reporter and to staff only
	TextHeld    bool   // its words wait for a handler; see [Report.Found]
	HeldUpdates int    // how many updates' texts wait for a handler
	Origin      Origin
	PersonID    string // the signed-in resident who filed it, if one did

	Outside     bool   // no area owns the position; the nearest does
	BoundarySet string // id of the set under which it was routed
	SupportedBy int    // how many said "me too", to it or to a voice of it
	Joined      int    // how many other people filed voices of it
	TokenEpoch  int64  // raising it revokes the follow token

	CreatedAt, UpdatedAt time.Time
	ClosedAt             time.Time // zero while open
	Version              int64
}

// Origin says through which door a report or an update came, so that nothing is
// sent back to where it came from.
type Origin string

// The origins.
const (
	OriginAPI     Origin = "v1"
	OriginOpen311 Origin = "open311"
	OriginDemo    Origin = "demo"
)

// Delivery says how far a report is on its way to whoever is responsible.
type Delivery string

// The deliveries.
const (
	Held      Delivery = "held"      // nobody to deliver to yet: the operator's triage
	Queued    Delivery = "queued"    // a job will send it
	Sent      Delivery = "sent"      // sent by e-mail, which does not tell more
	Delivered Delivery = "delivered" // it stands in the recipient's own queue or system
	Failed    Delivery = "failed"    // given up after days of trying; operators see it
)

// Photo is what a report shows of one photo.
type Photo struct {
	ID            string
	UpdateID      string // the update that brought it
	Width, Height int    // of the photo as it was sent, upright, pixels
	BlurHash      string // a placeholder to show until a rendition has come
	Alt           string // what it shows, in the sender's words; may be empty
	AltHeld       AltHold
	Likeness      photo.Likeness
	// SHA256 names the renditions by size: 2048, 1024 and 320; they lie in Folder.
	SHA256    map[int]string
	Folder    string
	State     PhotoState
	Masks     []photo.Area // what is pixelated
	Unmasked  string       // SHA-256 of what is kept from before; empty for nothing
	CreatedAt time.Time
}

// AltHold says with which words the text of a photo waits for a handler: whatever is
// held of what came with a photo, its text is held with it and shown with it.
type AltHold string

// The holds.
const (
	AltShown      AltHold = ""       // with none
	AltWithReport AltHold = "report" // with the report's own
	AltWithUpdate AltHold = "update" // with the text of the photo's update
)

// PhotoState says who sees a photo.
type PhotoState string

// The states. What is not shown is for those only to whom a private report there
// would be open: its reporter and the staff.
const (
	PhotoShown    PhotoState = "shown"    // whoever sees the report
	PhotoHeld     PhotoState = "held"     // until a handler has looked
	PhotoChecking PhotoState = "checking" // until the detector has answered
)

// Hidden reports whether the public does not see the photo.
func (s PhotoState) Hidden() bool { return s == PhotoHeld || s == PhotoChecking }

// Contact is how to reach a reporter. It is stored apart from the report, is
// shown to staff who need it for the work, and is what erasing erases.
type Contact struct {
	Name, Email, Phone string
}

// Empty reports whether nobody can be reached by it.
func (c Contact) Empty() bool { return c == Contact{} }

// UpdateKind says what an update is about.
type UpdateKind string

// The kinds.
const (
	WasFiled      UpdateKind = "filed"
	StatusChanged UpdateKind = "status"
	Commented     UpdateKind = "comment"
	PhotoAdded    UpdateKind = "photo"
	HandedOver    UpdateKind = "hand-over"
	Assigned      UpdateKind = "assignment"
	TextRemoved   UpdateKind = "erasure"
	Moderated     UpdateKind = "moderation"
	Merged        UpdateKind = "merge"   // it became a voice
	Unmerged      UpdateKind = "unmerge" // and is on its own again
	Joined        UpdateKind = "joined"  // another report became a voice of it
	Left          UpdateKind = "left"    // and is none any more

	PhotoMasked   UpdateKind = "photo-masked" // these four are internal; their text is the photo's id
	PhotoReleased UpdateKind = "photo-released"
	PhotoRemoved  UpdateKind = "photo-removed"
	PhotoUnmasked UpdateKind = "photo-unmasked" // somebody looked at what is kept
)

// Author says whose update it is, without saying who.
type Author string

// The authors.
const (
	ByReporter Author = "reporter"
	ByResident Author = "resident"
	ByStaff    Author = "staff"
	BySystem   Author = "system"
)

// Update is one entry in a report's history. Facts are append-only; personal
// text can be blanked, which leaves the update and a TextRemoved entry.
type Update struct {
	ID       string // UUIDv7, so the order of ids is the order of history
	ReportID string
	Kind     UpdateKind
	Status   Status // the report's status from here on

	CloseReason CloseReason
	PlannedFor  string
	DuplicateOf string // for Merged and Unmerged, the case
	From, To    string // jurisdictions, only for HandedOver

	Text     string
	Held     bool  // the text waits for a handler, and what its photos show
	Internal bool  // a note for staff only
	StillBad *bool // "not fixed" (true) or "it is fixed" (false), as a resident sees it
	Author   Author
	AuthorID string // person or key, for staff's eyes
	Origin   Origin
	Trace    json.RawMessage // why it was routed so; only where routing took place

	CreatedAt time.Time

	// Pictures came with it: those that the reader of a history may see, and for
	// whoever adds them all. No store fills them.
	Pictures []Picture
}

// Picture is a photo as it stands in a history, where photos of several reports
// can stand together.
type Picture struct {
	Photo
	Private bool // the report that it belongs to is
}

// EventKind says what others can learn of.
type EventKind string

// The kinds of events.
const (
	EventFiled      EventKind = "report.filed"
	EventStatus     EventKind = "report.status"
	EventCommented  EventKind = "report.commented"
	EventPhoto      EventKind = "report.photo"
	EventHandedOver EventKind = "report.handed-over"
	EventAssigned   EventKind = "report.assigned"
	EventSupported  EventKind = "report.supported"
	EventErased     EventKind = "report.erased"
	EventModerated  EventKind = "report.moderated"
	EventMerged     EventKind = "report.merged"
	EventUnmerged   EventKind = "report.unmerged"
	EventJoined     EventKind = "report.joined"
	EventLeft       EventKind = "report.left"
)

// Event tells the rest of the world that a report changed. It carries ids only.
type Event struct {
	ID           string // UUIDv7
	Kind         EventKind
	ReportID     string
	UpdateID     string // empty if no update stands behind it
	Jurisdiction string
	Internal     bool // of concern to staff only
	CreatedAt    time.Time
}
