package routing

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/kantsten/kantsten/internal/catalog"
)

// What decides where no rule of a list does.
const (
	RuleArea     = "area"      // the area that owns the point
	RuleNearest  = "nearest"   // no area owns it; the nearest within the limit
	RuleHandOver = "hand-over" // staff handed it over
	RuleReturned = "returned"  // staff gave it back, and it goes to the next who comes into question
	RuleTriage   = "triage"    // staff gave it back, and nobody else comes into question
	// The boundaries have no longer who had it, and who took over does, or nobody.
	RuleSuccession = "succession"
	RuleNoHeir     = "no-heir"
)

// Trace is why a report went where it went. It is stored with the report and
// holds, or names by hash and id, all that the decision was made of, so that it
// can be explained and replayed years later. It holds no personal data.
type Trace struct {
	Rule    string  `json:"rule"`
	List    string  `json:"list,omitempty"` // hash of the list in which the rule stands
	Owner   Party   `json:"owner"`          // who is responsible
	Area    *Party  `json:"area,omitempty"` // where it lies, if that is somebody else
	From    string  `json:"from,omitempty"` // for a hand-over or succession: who had it
	Feature *Hit    `json:"feature,omitempty"`
	Missing string  `json:"missing,omitempty"` // whom the rule names, though nobody there takes such reports
	Contact bool    `json:"contact,omitempty"` // the resident may have that of the feature's owner
	Service string  `json:"service,omitempty"`
	Lat     float64 `json:"lat"`
	Lon     float64 `json:"lon"`

	AccuracyM   float64 `json:"accuracy_m,omitempty"`
	Approximate bool    `json:"approximate,omitempty"`
	BorderM     float64 `json:"border_m,omitempty"`
	Beyond      string  `json:"beyond,omitempty"`
	// Candidates are who may be responsible, the best first.
	Candidates []Party `json:"candidates,omitempty"`
	Certain    bool    `json:"certain"`
	Asked      bool    `json:"asked,omitempty"`     // there was a question that tells between them
	Answer     string  `json:"answer,omitempty"`    // what the reporter answered
	RunnerUp   string  `json:"runner_up,omitempty"` // who is offered the report on return

	BoundarySet string    `json:"boundary_set"`
	Layers      []SetRef  `json:"layers,omitempty"` // of owners, that were looked at
	Hits        []Hit     `json:"hits,omitempty"`   // what they hold here
	Lists       []ListRef `json:"lists,omitempty"`  // that were asked
	// Recipients are those whom rules named, or who is gone, and the code of whom
	// that was, or who took over; empty for nobody.
	Recipients map[string]string `json:"recipients,omitempty"`
	Note       catalog.Text      `json:"note,omitempty"` // of the rule, for the resident
}

// trace writes down why the report goes to the chosen one.
func (f Found) trace(chosen Choice) Trace {
	w := f.weighed
	t := Trace{
		Rule: chosen.Rule, List: chosen.List, Owner: chosen.Party, Feature: chosen.Feature, Missing: chosen.Missing,
		Contact: chosen.Contact, Note: chosen.Note,
		Service: w.q.Service, Lat: w.q.Lat, Lon: w.q.Lon, AccuracyM: w.q.AccuracyM,
		Approximate: f.Set.Approximate, BorderM: f.BorderM, Beyond: f.Beyond,
		Certain: f.Certain, Asked: f.Asks(), Answer: w.q.Answer,
		BoundarySet: f.Set.ID, Layers: w.layers(), Hits: w.allHits(), Lists: w.lists, Recipients: w.recipients,
	}
	if chosen.Area.Code != chosen.Code {
		t.Area = &chosen.Area
	}
	t.Candidates = f.Candidates()
	for _, c := range f.Choices {
		if t.RunnerUp == "" && c.Code != chosen.Code {
			t.RunnerUp = c.Code
		}
	}
	return t
}

// SetRef names a set of a layer of owners, and how far it was looked at least, in
// metres.
type SetRef struct {
	Layer  string  `json:"layer"`
	Set    string  `json:"set"`
	ReachM float64 `json:"reach_m,omitempty"`
}

func (w *weighing) layers() (refs []SetRef) {
	for _, layer := range slices.Sorted(maps.Keys(w.on.reachM)) {
		if active := w.on.Layer(layer); active != nil {
			refs = append(refs, SetRef{layer, active.ID, w.on.reachM[layer]})
		}
	}
	return refs
}

func (w *weighing) allHits() (all []Hit) {
	for _, layer := range slices.Sorted(maps.Keys(w.hits)) {
		all = append(all, w.hits[layer]...)
	}
	return all
}

// JSON returns the trace as it is stored.
func (t Trace) JSON() json.RawMessage {
	b, err := json.Marshal(t)
	if err != nil {
		panic(fmt.Sprintf("routing: a trace holds finite numbers and strings only: %v", err))
	}
	return b
}

// ReadTrace reads a stored trace.
func ReadTrace(b []byte) (Trace, error) {
	var t Trace
	if err := json.Unmarshal(b, &t); err != nil {
		return Trace{}, fmt.Errorf("read a routing trace: %w", err)
	}
	return t, nil
}

// Routed reports whether boundaries and rules decided by the position, and neither
// staff nor a change of codes.
func (t Trace) Routed() bool { return !t.byStaff() && !t.succeeded() }

func (t Trace) byStaff() bool {
	return t.Rule == RuleHandOver || t.Rule == RuleReturned || t.Rule == RuleTriage
}

func (t Trace) succeeded() bool { return t.Rule == RuleSuccession || t.Rule == RuleNoHeir }
