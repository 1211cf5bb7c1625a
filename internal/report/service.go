// Package report is the life of a report: it is filed, read, answered, handed
// over, closed, and in the end forgotten.
//
// [Service] holds the rules. It knows no SQL, no HTTP and no clock but its own
// field; [Store] is the one door to the database, and every method of it that
// writes a report also takes the updates, events and jobs that the write
// causes, so that none of them can be forgotten or lost alone.
//
// A report that was acknowledged to its reporter is durably committed. The same
// submission again, known by its idempotency key, answers with the first
// report: a phone on a bad network may repeat itself safely.
//
// The service does not deliver anything itself and talks to nobody: it leaves
// jobs, which the notify package carries out after the commit.
package report

import (
	"context"
	"time"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/egress"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/routing"
	"github.com/kantsten/kantsten/internal/tenant"
)

// Service carries out what people do with reports.
type Service struct {
	Store   Store
	Router  Router
	Tenants *tenant.Service
	Photos  *photo.Library
	Follow  auth.FollowKeys
	// Egress fetches the pictures that other systems link to. Its responses may
	// have as many bytes as a photo.
	Egress *egress.Client
	// Detector finds what of a photo nobody should see; nil without one, and then no
	// photo is checked.
	Detector *photo.Detector
	Sweden   *time.Location // Europe/Stockholm, whose year a reference carries
	Now      func() time.Time
	// Committed is called after a commit that left jobs, so that they start at
	// once; nil if nobody waits.
	Committed func()
}

// Router finds who is responsible. It is an interface because tests change the
// boundaries between its answer and the store's; *routing.Router is the one
// implementation in the program.
type Router interface {
	Route(ctx context.Context, q routing.Question) (routing.Route, error)
	// Refresh takes over other boundaries at once, if others are active.
	Refresh(ctx context.Context) error
}

// Store keeps reports. Each method that writes is one transaction.
type Store interface {
	// Create stores a report with all that it causes and gives it the next
	// reference of its series. An idempotency key that is there already makes
	// it store nothing and return what the key stands for.
	//
	// It returns ErrRoutingChanged if boundaries or rules are not those that
	// the report was routed by, ErrChannelChanged as [Changes] says, and a problem
	// if a photo is not there to claim.
	Create(ctx context.Context, f Filing) (Filed, error)
	// Replay returns what an idempotency key stands for, if it was used.
	Replay(ctx context.Context, key Key) (Replay, bool, error)
	// IDOf returns the id of a report by its reference; false if there is none.
	IDOf(ctx context.Context, reference string) (id string, ok bool, err error)
	// Report returns one report by id or reference; problem.NotFound if none.
	Report(ctx context.Context, name string) (Report, error)
	// Reports returns the newest reports of a query, and where to go on. Without
	// IncludeHidden they are without what only staff sees: the assignee and how many
	// updates are held.
	Reports(ctx context.Context, q Query) (Page, error)
	// OpenReports returns open reports in the order of their ids, those after one;
	// without photos.
	OpenReports(ctx context.Context, after string, limit int) ([]Report, error)
	// Around returns the nearest public reports around a place, in no order.
	Around(ctx context.Context, a Around) ([]Neighbour, error)
	// Update changes one report and stores what the change causes, in one
	// transaction. change must have no side effects; it may run more than once. It
	// returns ErrChannelChanged as [Changes] says.
	Update(ctx context.Context, name string, change func(*Report) (Changes, error)) (Report, error)
	// AddOnce is Update for a call with an idempotency key: the second time it
	// changes nothing and returns the first time's update id.
	AddOnce(ctx context.Context, name string, key Key, change func(*Report) (Changes, error)) (Report, Replay, error)
	// Support counts a voice once over a whole case, and reports whether it was
	// new. The report it returns has the case's count. A person who filed one of
	// the case's reports counts already. With a key that was used before it counts
	// nothing.
	Support(ctx context.Context, name string, v Voice, key Key, e Event) (Supported, error)
	// Merge makes a report a voice of the case that into is, or is a voice of, with
	// all that this causes to both. Both are locked by then. Voices of the report
	// come along, their own work is kept, and the case is counted anew.
	Merge(ctx context.Context, name, into string, change func(r, c *Report) (Changes, error)) (Report, error)
	// Leave changes a report that may leave its case, or its voices, with all that
	// this causes to both; all are locked by then. If the report is a voice and the
	// change is one, it is none afterwards and takes back what was merged into it.
	// If it has an heir, that is the case of the others afterwards.
	Leave(ctx context.Context, name string, change func(Leaving) (Changes, error)) (Report, error)
	// AddToVoice is AddOnce for what is said to a voice and changes its case, which
	// is locked with it; nil where the report is none any more.
	AddToVoice(ctx context.Context, name string, key Key, change func(v, c *Report) (said, done Changes, err error)) (Report, Replay, error)
	// Through returns what a voice goes on with: what happened to its case, and to
	// what was between, since it came to it, but for notes; oldest first.
	Through(ctx context.Context, reportID string) ([]Passage, error)
	// SaidToVoices returns the comments and photos, notes too, that the voices of a
	// case got since they came to it, oldest first.
	SaidToVoices(ctx context.Context, caseID string) ([]Update, error)
	// VoicePhotos counts the photos of the voices of cases, by case; of a case
	// whose voices have none there is nothing.
	VoicePhotos(ctx context.Context, caseIDs []string) (map[string]VoicePhotos, error)
	// Updates returns a report's history, oldest first; internal includes notes
	// for staff.
	Updates(ctx context.Context, reportID string, internal bool) ([]Update, error)
	// Contact returns how to reach a reporter; empty if nobody said.
	Contact(ctx context.Context, reportID string) (Contact, error)
	// Contacts returns the same for many reports, by report id.
	Contacts(ctx context.Context, reportIDs []string) (map[string]Contact, error)
	// Note stores updates, events and jobs of a report that itself stays as it is.
	Note(ctx context.Context, reportID string, caused Changes) error
	// AltTexts returns what photos that wait for a report show, by their ids; an
	// unknown photo is left out.
	AltTexts(ctx context.Context, ids []string) (map[string]string, error)
	// PhotoGone reports whether a report had a photo that was deleted from it.
	PhotoGone(ctx context.Context, reportID, photoID string) (bool, error)
	// PhotoIn returns the photo of a report whose files lie in a folder.
	PhotoIn(ctx context.Context, folder string) (reportID, photoID string, ok bool, err error)
	// Unchecked returns up to n photos after one, in the order of their ids, that wait
	// for the detector since before claimed and have no job under way, or since
	// before anyway.
	Unchecked(ctx context.Context, after string, claimed, anyway time.Time, n int) ([]CheckPhotoJob, error)
	// MediaURL returns the address of a picture that is still to be fetched, by its
	// place in the filing; false if it is done, or erased.
	MediaURL(ctx context.Context, reportID string, position int) (address string, ok bool, err error)
	// MediaDone forgets such an address.
	MediaDone(ctx context.Context, reportID string, position int) error
	// Erase removes what is personal in a report and its updates, with the rows
	// of its photos and what the reporter's own address follows it by. change
	// sees the photos, to leave a job that removes their files. Voices stay: they
	// are other people's, and tell nothing but that one has been counted.
	Erase(ctx context.Context, name string, change func(*Report) (Changes, error)) (Report, error)
	// Traces returns what is kept of whoever has a normalised e-mail address.
	Traces(ctx context.Context, email string) (Traces, error)
	// Forget deletes what a person follows and their sign-ins, and the account unless
	// it is one of staff.
	Forget(ctx context.Context, t Traces) error
	// EmailOf returns whose a subscription or an account is, by its id; false if there
	// is none, or none with an address.
	EmailOf(ctx context.Context, id string) (email string, ok bool, err error)
}

// Filing is a new report with all that it causes.
type Filing struct {
	Report  Report
	Contact Contact
	// MediaURLs are kept apart, as personal data, until the jobs that fetch them
	// are done.
	MediaURLs []string
	Key       Key // zero without an idempotency key
	Year      int // of the reference series
	// Revision is that of the boundaries and rules that the report was routed by.
	Revision int64
	Changes
}

// Filed is what came of a filing.
type Filed struct {
	Report   Report
	Replayed bool
	LeftJobs bool // there is something to do that has been waiting for the commit
	// Fingerprint is that of the submission which first used the key.
	Fingerprint string
}

// KeysLive is how long an idempotency key answers with the first result: as long as
// a phone may be without coverage between sending a call and hearing of it.
const KeysLive = 30 * 24 * time.Hour

// Key names an idempotent call: the scope is the route and the caller.
type Key struct {
	Scope, Key  string
	Fingerprint string // SHA-256 of the parsed fields and photo bytes, hex
}

// Replay is what an idempotency key stands for.
type Replay struct {
	Fingerprint string
	Resource    string // id of what the call made
	Replayed    bool   // false if this call was the first
}

// Query selects reports. Zero fields do not restrict.
type Query struct {
	Box           *orb.Bound
	Near          *orb.Point
	RadiusM       float64
	Statuses      []Status
	Services      []string
	Jurisdiction  string
	Names         []string  // ids or references; overrides nothing, restricts too
	Case          string    // only the voices of this report
	Voices        bool      // voices too, which else stand in no list but by name
	Assignee      string    // a person, or Nobody
	Triage        bool      // only reports that are held
	FiledFrom     time.Time // inclusive
	FiledBefore   time.Time // exclusive
	UpdatedAfter  time.Time // exclusive; orders by change, oldest first
	Text          string    // in description, address or reference
	IncludeHidden bool      // private ones too: for staff
	Limit         int
	Cursor        string // as a Page gave it
}

// Nobody as a Query's Assignee selects what nobody is assigned to.
const Nobody = "nobody"

// Page is some reports of a query. They lack what no list shows or decides by:
// Returns, Origin, PersonID, BoundarySet and TokenEpoch.
type Page struct {
	Reports []Report
	Next    string // cursor of the next page; empty on the last
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func (s *Service) wake() {
	if s.Committed != nil {
		s.Committed()
	}
}
