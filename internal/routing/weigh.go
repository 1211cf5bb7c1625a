package routing

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/paulmach/orb"

	"github.com/kantsten/kantsten/internal/catalog"
)

// Choice is one body that may be responsible, and why.
type Choice struct {
	Party
	Area     Party        // in which the position lies then
	Rule     string       // id of the rule that decided, or RuleArea, or RuleNearest
	List     string       // hash of the list that the rule stands in; empty for RuleArea and RuleNearest
	Feature  *Hit         // what the rule asked for; nil if it asked for nothing
	Missing  string       // whom the rule names though there is no such recipient: it went to the area
	Contact  bool         // the resident may have the contact of the feature's owner
	Note     catalog.Text // for the resident
	withinM  float64      // how far from a feature the rule still holds
	doubtedM float64      // how far off the position would have to be
}

// ListRef names a list of rules: whose it is (empty for the installation, * for
// those of all of Sweden) and its content.
type ListRef struct {
	Of     string `json:"of"`
	SHA256 string `json:"sha256"`
}

// weighing is the search for who may be responsible at one position. It notes
// what it looks at, for the trace.
type weighing struct {
	on    *Snapshot
	q     Question
	base  string           // the rule where no other decides: RuleArea or RuleNearest
	hits  map[string][]Hit // by layer
	lists []ListRef
	// recipients are those that rules named, and the code of whom that is; empty
	// for nobody.
	recipients map[string]string
}

// reading is one reading of a position: in which area it lies, and whose is what
// stands there, by layer.
type reading struct {
	area     Party
	here     map[string]Hit
	doubtedM float64
}

// maxReachM is how far from a feature a rule may still hold, and how far an
// inexact position is looked round for other owners, in metres.
const maxReachM = 500

// weigh ranks who may be responsible: the best first, then by how far off the
// position would have to be. areas are those in which it may lie, its own first.
func (w *weighing) weigh(areas []Party) []Choice {
	p := orb.Point{w.q.Lon, w.q.Lat}
	w.look(p)
	plain := reading{area: areas[0]}
	if len(w.hits) > 0 { // at most places nobody owns anything
		plain.here = make(map[string]Hit, len(w.hits))
	}
	for layer, hits := range w.hits {
		plain.here[layer] = hits[0]
	}
	best := w.decide(plain)
	choices := []Choice{best}
	for _, other := range w.otherReadings(p, plain, best, areas) {
		c := w.decide(other)
		c.doubtedM = other.doubtedM
		choices = append(choices, c)
	}
	slices.SortStableFunc(choices[1:], func(a, b Choice) int { return cmp.Compare(a.doubtedM, b.doubtedM) })
	return firstOfEach(choices)
}

// look finds what stands here in every layer of owners.
func (w *weighing) look(p orb.Point) {
	for name, reach := range w.on.reachM {
		layer := w.on.layers[name]
		if layer == nil {
			continue
		}
		hits := layer.owners.nearest(p, min(max(reach, w.q.AccuracyM), maxReachM))
		for i := range hits {
			hits[i].Layer = name
		}
		if len(hits) == 0 {
			continue
		}
		if w.hits == nil {
			w.hits = map[string][]Hit{}
		}
		w.hits[name] = hits
	}
}

// otherReadings are those that the accuracy leaves open, each with one thing
// other than it seems.
func (w *weighing) otherReadings(p orb.Point, plain reading, best Choice, areas []Party) []reading {
	var rs []reading
	for _, area := range areas[1:] {
		rs = append(rs, reading{area, plain.here, area.DistanceM})
	}
	for _, layer := range slices.Sorted(maps.Keys(w.hits)) {
		for _, hit := range w.hits[layer] {
			if hit.DistanceM <= w.q.AccuracyM {
				rs = append(rs, plain.with(layer, &hit))
			}
		}
		if edge := w.edge(p, layer, best); edge < w.q.AccuracyM {
			off := plain.with(layer, nil)
			off.doubtedM = edge
			rs = append(rs, off)
		}
	}
	return rs
}

// edge is how far a position would have to be off to have nobody's feature here.
// What holds within some metres of a line or point cannot be told from its
// surroundings by a position that is less exact than that.
func (w *weighing) edge(p orb.Point, layer string, best Choice) float64 {
	if m, known := w.on.layers[layer].owners.edge(p); known {
		return m
	}
	if best.Feature == nil || best.Feature.Layer != layer {
		return math.Inf(1)
	}
	return best.withinM
}

// with returns the reading in which a layer has this feature here, or none.
func (r reading) with(layer string, hit *Hit) reading {
	here := maps.Clone(r.here)
	delete(here, layer)
	if hit != nil {
		at := *hit
		r.doubtedM, at.DistanceM = at.DistanceM, 0
		here[layer] = at
	}
	r.here = here
	return r
}

// decide asks the rules of the area, of the installation and of all of Sweden, in
// this order; the first that applies decides, and where none does, the area.
func (w *weighing) decide(r reading) Choice {
	for _, of := range []string{r.area.Code, installation, national} {
		list, ok := w.on.lists[of]
		if !ok {
			continue
		}
		w.consulted(ListRef{of, list.SHA256})
		for i := range list.Rules {
			if rule := &list.Rules[i]; rule.covers(r.area.Code, w.q.Service) && rule.met(r.here) {
				return w.apply(rule, list, r)
			}
		}
	}
	return Choice{Party: r.area, Area: r.area, Rule: w.base}
}

func (w *weighing) consulted(l ListRef) {
	if !slices.Contains(w.lists, l) {
		w.lists = append(w.lists, l)
	}
}

// apply says whom a rule makes responsible. Where that is nobody who takes such
// reports, the area is, and the choice says so.
func (w *weighing) apply(rule *Rule, list RuleList, r reading) Choice {
	c := Choice{
		Party: r.area, Area: r.area, Rule: rule.ID, List: list.SHA256,
		Contact: rule.Contact, Note: rule.Note, withinM: rule.WithinM,
	}
	if hit, ok := r.here[rule.Layer]; ok {
		c.Feature = w.asFound(hit)
	}
	named := rule.To
	switch {
	case rule.Outcome == Stay:
		return c
	case rule.Outcome == ToOwner && c.Feature != nil:
		named = c.Feature.Code
	}
	code := w.recipient(named)
	switch {
	case code == "":
		c.Missing = named
	case code != r.area.Code:
		c.Party = Party{Code: code, Name: w.on.nameOf(code)}
		if c.Feature != nil {
			c.DistanceM = c.Feature.DistanceM
		}
	}
	return c
}

// asFound returns a feature with the distance that it really has.
func (w *weighing) asFound(hit Hit) *Hit {
	for _, found := range w.hits[hit.Layer] {
		if found.Code == hit.Code {
			return &found
		}
	}
	return &hit
}

// recipient returns the code of the jurisdiction that a rule names and that takes
// such reports; empty for none.
func (w *weighing) recipient(named string) string {
	code, known := w.recipients[named]
	if !known {
		code = w.on.recipient(named, w.q.Service)
		if w.recipients == nil {
			w.recipients = map[string]string{}
		}
		w.recipients[named] = code
	}
	return code
}

// firstOfEach keeps the first choice of each body.
func firstOfEach(choices []Choice) []Choice {
	out := choices[:0]
	for _, c := range choices {
		if !slices.ContainsFunc(out, func(o Choice) bool { return o.Code == c.Code }) {
			out = append(out, c)
		}
	}
	return out
}
