package report

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
	"github.com/kantsten/kantsten/internal/photo"
)

// Changes is all that a write to a report causes. The store keeps it in the
// same transaction as the report, so that a report, its history and what
// follows from it cannot come apart.
type Changes struct {
	Updates []Update
	Events  []Event
	Jobs    []job.Job
	Photos  []string  // ids of unclaimed photos that the first update claims
	Alts    []string  // what those photos show, in their order; nil leaves what is known
	AltHeld AltHold   // with which words those texts are held
	Texts   []NewText // of earlier updates, which are not held from then on
	NewAlts []NewAlt  // of photos of the report, which are not held from then on
	// PhotoState is what the claimed photos begin in; empty is shown.
	PhotoState   PhotoState
	PhotoChanges []PhotoChange
	// AtVersion, where the change decided on the delivery, is the version of the
	// jurisdiction by which it did. A report is not stored as held if that is not
	// the current one: the jurisdiction may have a channel now, and then nobody
	// would release the report.
	AtVersion int64
}

// NewText is the text that an earlier update has from then on.
type NewText struct{ UpdateID, Text string }

// NewAlt is the text that a photo of the report has from then on.
type NewAlt struct{ PhotoID, Alt string }

// PhotoChange is what becomes of a photo of the report. What its files were before
// is gone for good: the addresses say so from the commit on.
type PhotoChange struct {
	ID      string
	At      time.Time
	State   PhotoState     // empty leaves it
	Version *photo.Version // that takes the place of the present one; nil leaves it
	Masks   []photo.Area   // of that version
	Delete  bool
}

// DeletedPhotos counts the photos that go.
func (c Changes) DeletedPhotos() (n int) {
	for _, p := range c.PhotoChanges {
		if p.Delete {
			n++
		}
	}
	return n
}

// None reports whether nothing follows and so nothing has to be written.
func (c Changes) None() bool {
	return len(c.Updates) == 0 && len(c.Events) == 0 && len(c.Jobs) == 0 && len(c.Photos)+len(c.PhotoChanges) == 0
}

// The kinds of jobs that a change to a report can cause.
const (
	// JobDeliver brings a report to its recipient. Payload: DeliverJob.
	JobDeliver = "deliver"
	// JobTell finds out who hears of an update. Payload: TellJob.
	JobTell = "tell"
	// JobFetchMedia fetches a picture that was linked to a report. Payload:
	// FetchMediaJob.
	JobFetchMedia = "fetch-media"
	// JobCheckPhoto asks the detector what of a photo nobody should see. Payload:
	// CheckPhotoJob; the key is the photo's id.
	JobCheckPhoto = "check-photo"
	// JobEraseFiles removes files that an erased report, or photos that no report
	// claimed, left behind. Payload: EraseFilesJob.
	JobEraseFiles = "erase-files"
)

// DeliverJob is the payload of JobDeliver.
type DeliverJob struct {
	ReportID string `json:"report_id"`
}

// TellJob is the payload of JobTell.
type TellJob struct {
	UpdateID string `json:"update_id"`
}

// FetchMediaJob is the payload of JobFetchMedia. The address itself may be
// personal, so only its place in the filing stands here.
type FetchMediaJob struct {
	ReportID string `json:"report_id"`
	Position int    `json:"position"`
}

// CheckPhotoJob is the payload of JobCheckPhoto.
type CheckPhotoJob struct {
	ReportID string `json:"report_id"`
	PhotoID  string `json:"photo_id"`
}

// EraseFilesJob is the payload of JobEraseFiles. The rows of the photos are gone
// by then, so their folders stand here.
type EraseFilesJob struct {
	ReportID string   `json:"report,omitempty"`   // empty for photos of no report
	PhotoIDs []string `json:"photos"`             // folders, each the id of a photo or of a version of one
	Unmasked []string `json:"unmasked,omitempty"` // folders that lose only what they keep from before
}

// newID returns a UUIDv7: ids sort by the time at which they were made.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// newJob makes a job that is due at once.
func newJob(kind string, payload any, now time.Time) job.Job {
	body, err := json.Marshal(payload)
	if err != nil {
		panic(fmt.Sprintf("report: a job's payload is a plain struct: %v", err))
	}
	return job.Job{ID: newID(), Kind: kind, Payload: body, RunAt: now, CreatedAt: now}
}

// entry starts an update to r on behalf of actor.
func (r *Report) entry(kind UpdateKind, actor auth.Actor, origin Origin, now time.Time) Update {
	author, id := r.author(actor)
	return Update{
		ID: newID(), ReportID: r.ID, Kind: kind, Status: r.Status,
		Author: author, AuthorID: id, Origin: origin, CreatedAt: now,
	}
}

// author says in which part actor acts on r.
func (r *Report) author(actor auth.Actor) (Author, string) {
	switch {
	case actor.Can(auth.ChangeStatus, r.resource()):
		return ByStaff, subject(actor)
	case actor.ReportID == r.ID || actor.PersonID != "" && actor.PersonID == r.PersonID:
		return ByReporter, actor.PersonID
	case actor.PersonID != "":
		return ByResident, actor.PersonID
	}
	return BySystem, subject(actor)
}

// resource is what the policy has to know of r.
func (r *Report) resource() auth.Resource {
	return auth.Resource{
		Jurisdiction: r.Jurisdiction, ReportID: r.ID, OwnerPersonID: r.PersonID,
		Triage: r.Delivery == Held, Private: r.Private,
	}
}

// caused returns what one update causes: its event, and that followers are told
// of it unless only staff may know.
func (r *Report) caused(u Update, kind EventKind) Changes {
	c := Changes{
		Updates: []Update{u},
		Events: []Event{{
			ID: newID(), Kind: kind, ReportID: r.ID, UpdateID: u.ID,
			Jurisdiction: r.Jurisdiction, Internal: u.Internal, CreatedAt: u.CreatedAt,
		}},
	}
	if !u.Internal {
		c.Jobs = append(c.Jobs, newJob(JobTell, TellJob{UpdateID: u.ID}, u.CreatedAt))
	}
	return c
}

// subject is whom to name as the author, for staff's eyes: the person or the key.
func subject(actor auth.Actor) string {
	if actor.PersonID != "" {
		return actor.PersonID
	}
	return actor.KeyID
}
