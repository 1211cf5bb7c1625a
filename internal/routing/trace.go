package routing

import (
	"encoding/json"
	"fmt"
)

// The rules by which a report can come to a recipient.
const (
	RuleArea     = "area"      // the area that owns the point
	RuleNearest  = "nearest"   // no area owns it; the nearest within the limit
	RuleHandOver = "hand-over" // staff handed it over
)

// Trace is why a report went where it went. It is stored with the report and
// holds all that the decision was made of, so that it can be explained, and
// replayed on the same boundaries, years later. It holds no personal data.
type Trace struct {
	Rule        string  `json:"rule"`
	Owner       Party   `json:"owner"`
	From        string  `json:"from,omitempty"` // for a hand-over: who had it
	Service     string  `json:"service,omitempty"`
	Lat         float64 `json:"lat"`
	Lon         float64 `json:"lon"`
	AccuracyM   float64 `json:"accuracy_m,omitempty"`
	BoundarySet string  `json:"boundary_set"`
	Approximate bool    `json:"approximate,omitempty"`
	BorderM     float64 `json:"border_m,omitempty"`
	Beyond      string  `json:"beyond,omitempty"`
	Candidates  []Party `json:"candidates,omitempty"`
	Certain     bool    `json:"certain"`
}

func (f Found) trace(q Question, owner Party, rule string) Trace {
	return Trace{
		Rule: rule, Owner: owner, Service: q.Service, Lat: q.Lat, Lon: q.Lon, AccuracyM: q.AccuracyM,
		BoundarySet: f.Set.ID, Approximate: f.Set.Approximate, BorderM: f.BorderM, Beyond: f.Beyond,
		Candidates: f.Candidates, Certain: f.Certain,
	}
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

// Explain says in words why, in Swedish for "sv" and in English otherwise.
func (t Trace) Explain(lang string) string {
	say := english
	if lang == "sv" {
		say = swedish
	}
	text := fmt.Sprintf(say[t.Rule], t.Owner.Name, t.Owner.Code, t.Owner.DistanceM)
	if t.Rule == RuleHandOver {
		return text
	}
	if t.BorderM > 0 && t.BorderM < 10_000 {
		text += fmt.Sprintf(say["border"], t.BorderM)
	}
	if t.Approximate {
		text += say["approximate"]
	} else if !t.Certain {
		text += say["uncertain"]
	}
	return text
}

var english = map[string]string{
	RuleArea:      "The position lies in %[1]s (%[2]s), which is responsible for it.",
	RuleNearest:   "The position lies in no area; %[1]s (%[2]s) is the nearest, %.0[3]f m away, and takes it.",
	RuleHandOver:  "Staff handed the report over to %[1]s (%[2]s).",
	"border":      " The nearest border is %.0f m away.",
	"approximate": " The boundaries are approximate (demo data), so this is a good guess and no more.",
	"uncertain":   " The border is nearer than the position is accurate, so another area may be the right one.",
}

var swedish = map[string]string{
	RuleArea:      "Platsen ligger i %[1]s (%[2]s), som ansvarar för den.",
	RuleNearest:   "Platsen ligger inte i något område; %[1]s (%[2]s) är närmast, %.0[3]f m bort, och tar emot ärendet.",
	RuleHandOver:  "Personalen lämnade över ärendet till %[1]s (%[2]s).",
	"border":      " Närmaste gräns är %.0f m bort.",
	"approximate": " Gränserna är ungefärliga (demodata), så detta är en god gissning och inte mer.",
	"uncertain":   " Gränsen är närmare än positionen är noggrann, så ett annat område kan vara det rätta.",
}
