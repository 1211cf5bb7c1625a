package report

import (
	"testing"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/job"
)

// Who hears of photos at once, and who once they are shown.
func TestNewsOfPhotos(t *testing.T) {
	t.Parallel()
	no := false
	tests := []struct {
		name     string
		state    PhotoState
		delivery Delivery
		update   Update
		kind     UpdateKind
		internal bool
		jobs     []string
	}{
		{"a photo that is shown is news", PhotoShown, Delivered, Update{Kind: PhotoAdded}, PhotoAdded, false, []string{JobTell}},
		{"a held photo is none", PhotoHeld, Delivered, Update{Kind: PhotoAdded}, PhotoAdded, true, nil},
		{"what is said beside it is", PhotoHeld, Delivered, Update{Kind: PhotoAdded, Text: "Worse"}, Commented, false, []string{JobTell}},
		{"so is that it is mended", PhotoHeld, Delivered, Update{Kind: PhotoAdded, StillBad: &no}, Commented, false, []string{JobTell}},
		{"a held photo follows by mail", PhotoHeld, Sent, Update{Kind: PhotoAdded}, PhotoAdded, true, []string{JobForward}},
		{"one that is checked follows later", PhotoChecking, Sent, Update{Kind: PhotoAdded}, PhotoAdded, true, []string{JobCheckPhoto}},
		{"a report is news whatever its photos are", PhotoHeld, Delivered, Update{Kind: WasFiled}, WasFiled, false, []string{JobTell}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &Report{ID: newID(), Delivery: tt.delivery}
			tt.update.ID = newID()
			got := r.caused(tt.update, EventPhoto).withPhotos(r, []string{"photo"}, nil, tt.state)
			if got.Updates[0].Kind != tt.kind || got.Events[0].Internal != tt.internal || got.PhotoState != tt.state {
				t.Errorf("kind %s, internal %v, state %s", got.Updates[0].Kind, got.Events[0].Internal, got.PhotoState)
			}
			wantJobs(t, got.Jobs, tt.jobs)
		})
	}
}

func TestNewsOfWhatBecomesOfAPhoto(t *testing.T) {
	t.Parallel()
	told := Update{ID: "u", Kind: PhotoAdded}
	shown, held, checking := Photo{ID: "a", UpdateID: "u", State: PhotoShown}, Photo{ID: "b", UpdateID: "u", State: PhotoHeld}, Photo{ID: "c", UpdateID: "u", State: PhotoChecking}
	show := func(p Photo) PhotoChange { return PhotoChange{ID: p.ID, State: PhotoShown} }
	tests := []struct {
		name     string
		photos   []Photo
		change   PhotoChange
		history  []Update
		internal bool
		jobs     []string
	}{
		{"the first that is shown is news", []Photo{held}, show(held), []Update{told}, false, []string{JobTell}},
		{"the second is none", []Photo{shown, held}, show(held), []Update{told}, false, nil},
		{"what was filed is none", []Photo{held}, show(held), []Update{{ID: "u", Kind: WasFiled}}, false, nil},
		{"what another system linked to is none", []Photo{held}, show(held), []Update{{ID: "u", Kind: PhotoAdded, Origin: OriginOpen311}}, false, nil},
		{"nobody hears that a checked photo is held", []Photo{checking}, PhotoChange{ID: "c", State: PhotoHeld}, []Update{told}, true, []string{JobForward}},
		{"it follows with the last that is checked", []Photo{checking, {ID: "d", UpdateID: "u", State: PhotoChecking}}, show(checking), []Update{told}, false, []string{JobTell}},
		{"a shown photo that goes has to be taken away", []Photo{shown}, PhotoChange{ID: "a", Delete: true}, []Update{told}, false, []string{JobEraseFiles}},
		{"a held one goes unseen", []Photo{held}, PhotoChange{ID: "b", Delete: true}, []Update{told}, true, []string{JobEraseFiles}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &Report{ID: newID(), Delivery: Sent, Photos: tt.photos}
			got := r.photoChanged(auth.Itself(), PhotoReleased, tt.change, tt.history, time.Now())
			if u := got.Updates[0]; !u.Internal || u.Text != tt.change.ID {
				t.Errorf("the entry is %+v", u)
			}
			if e := got.Events[0]; e.Internal != tt.internal || e.Internal == (e.UpdateID == "") {
				t.Errorf("the event is %+v", e)
			}
			wantJobs(t, got.Jobs, tt.jobs)
		})
	}
}

func wantJobs(t *testing.T, got []job.Job, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d jobs, want %v: %v", len(got), want, got)
	}
	for i, j := range got {
		if j.Kind != want[i] {
			t.Errorf("job %d is %s, want %s", i, j.Kind, want[i])
		}
	}
}
