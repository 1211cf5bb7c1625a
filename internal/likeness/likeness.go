// Package likeness says how alike two reports are, so that one fault becomes one
// case: the same hole, reported twice.
//
// The measure is a pure function of what two reports say: it is symmetric, lies
// between 0 and 1 and is never NaN, whatever it is given. It asks whether the
// services are the same or kindred, how far apart the positions are for how well
// they are known, how much time lies between, and whether addresses, words and
// photos resemble each other. Two services that are not kin have nothing in
// common, however near: a lamp lights many potholes.
//
// It proposes and never decides. Place says the most and not enough: of two cases
// of one kind at one address, about every second is a case of its own. Words are
// compared by their letters, so that "potthål" and "pothole" have little in
// common; of photos, it knows the same one again, not another one of the same hole.
package likeness

import (
	"math"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geo"

	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/photo"
)

// The weights of the measure, in log odds, and what they are multiplied with.
//
// Those of place, time and address are fitted by logistic regression to a
// labelled set: Boston's 311 cases of 2015 (City of Boston, PDDL), of which a case
// that was closed as a duplicate and the case of its type that was open nearest to
// it are a pair, and as many other cases with the nearest case of their type that
// was open within 100 m are none. They are fitted to the cases of every second
// day of the year; `make bench` prints what the fit gives, and how far the measure
// gets on the days between.
//
// That set has no descriptions, no photos, no accuracies and, by its rule, no two
// services; its addresses are a register's, which residents do not write as
// evenly. So the weights of words and photos, and the factors of services, are
// judgement: words that resemble each other weigh more than addresses that do, for
// of those a street gives everybody the same, and the same photo at the same place
// leaves no doubt.
const (
	constant      = -1.18
	weightPlace   = 1.12
	weightTime    = 0.69
	weightAddress = 1.22
	weightWords   = 2
	weightPhoto   = 4

	// neutralAddress is how alike the addresses in the set are in the middle: a
	// report without an address is neither more nor less alike for it.
	neutralAddress = 0.66

	// placeScale is how near two exact positions have to be, in metres, and
	// timeScale how near in time, for nearness to fall to 1/e. Both are coarse: the
	// fit is as good at half and at double.
	placeScale = 25.0
	timeScale  = 30 * 24 * time.Hour

	kindredFactor = 0.6
	unknownFactor = 0.8 // one of the two has no service yet
)

// Threshold is from where on two reports are one case rather than two, if both
// were equally likely before. On the days that the weights are fitted to, the
// fewest pairs are judged wrongly at 0.48, and hardly more anywhere near. For a
// list of which somebody chooses, it is too strict.
const Threshold = 0.5

// Report is what the measure looks at.
type Report struct {
	Service   string    // code; empty if nobody has said
	Lat, Lon  float64   // WGS 84 degrees
	AccuracyM float64   // radius in metres; 0 if unknown
	Filed     time.Time // when
	Address   string    // the reporter's words for where it is
	Words     string    // the reporter's description
	Photos    []photo.Likeness
}

// The accuracy of a position, in metres: what a phone outdoors has, taken where it
// says nothing, and the most that is told apart.
const (
	usualAccuracy = 10.0
	worstAccuracy = 100_000.0
)

// Sketch is a report made ready to be compared with many.
type Sketch struct {
	r              Report
	accuracy       float64
	address, words grams
}

// NewSketch prepares a report. The photos are shared with it.
func NewSketch(r Report) Sketch {
	accuracy := usualAccuracy
	if r.AccuracyM > 0 {
		accuracy = min(r.AccuracyM, worstAccuracy)
	}
	return Sketch{r: r, accuracy: accuracy, address: gramsOf(r.Address), words: gramsOf(r.Words)}
}

// Of compares two reports, 0 to 1.
func Of(a, b Report) float64 { return NewSketch(a).Like(NewSketch(b)) }

// Like compares two reports, 0 to 1. It is symmetric.
func (s Sketch) Like(o Sketch) float64 { return s.Compare(o).likeness() }

// Terms are in what two reports are alike, each 0 to 1.
type Terms struct {
	Service float64 // a factor: 0 for two services that have nothing in common
	Reach   float64 // a factor: 0 for two places that have nothing in common
	Place   float64
	Time    float64
	Address float64 // see HasAddress
	Words   float64
	Photo   float64
	// HasAddress tells that both have one.
	HasAddress bool
}

// Compare finds in what two reports are alike.
func (s Sketch) Compare(o Sketch) Terms {
	d := geo.DistanceHaversine(orb.Point{s.r.Lon, s.r.Lat}, orb.Point{o.r.Lon, o.r.Lat})
	if !(d >= 0) { // a position that is none
		d = math.Inf(1)
	}
	return Terms{
		Service: serviceFactor(s.r.Service, o.r.Service),
		Reach:   reachFactor(d, s.accuracy, o.accuracy), Place: placeTerm(d, s.accuracy, o.accuracy),
		Time:    timeTerm(s.r.Filed, o.r.Filed),
		Address: s.address.like(o.address), HasAddress: len(s.address) > 0 && len(o.address) > 0,
		Words: s.words.like(o.words), Photo: photoTerm(s.r.Photos, o.r.Photos),
	}
}

func (t Terms) likeness() float64 {
	odds := constant + weightPlace*t.Place + weightTime*t.Time + weightWords*t.Words + weightPhoto*t.Photo
	if t.HasAddress {
		odds += weightAddress * (t.Address - neutralAddress)
	}
	return t.Service * t.Reach / (1 + math.Exp(-odds))
}

func serviceFactor(a, b string) float64 {
	switch {
	case a == "" || b == "":
		return unknownFactor
	case a == b:
		return 1
	case catalog.Kindred(a, b):
		return kindredFactor
	}
	return 0
}

// reach is how far apart, in metres, two positions of one fault are taken to be at
// most, besides their errors: the set has no pairs beyond it.
const reach = 100.0

// reachFactor sees to it that no words and no photo make one case of two that are
// in other streets.
func reachFactor(metres, accuracy1, accuracy2 float64) float64 {
	most := reach + (accuracy1 + accuracy2) // in this order, so that it is symmetric
	return math.Exp(-max(0, metres-most) / most)
}

// placeTerm falls with the distance, the more slowly the worse the positions are
// known; but of two that are badly known, being at the same place says little.
func placeTerm(metres, accuracy1, accuracy2 float64) float64 {
	// Independent errors add up by their squares.
	scale := math.Hypot(placeScale, math.Hypot(accuracy1, accuracy2))
	return placeScale / scale * math.Exp(-metres/scale)
}

func timeTerm(a, b time.Time) float64 {
	return math.Exp(-math.Abs(float64(a.Sub(b))) / float64(timeScale))
}

// How many of their 64 bits two photos differ in: the same one in up to ten, see
// [photo.Likeness]. Unrelated ones differ in 32, give or take four, so that hardly
// any of a hundred pairs falls below twenty.
const (
	samePhoto  = 10
	otherPhoto = 20
)

// photoTerm looks for one photo in both. That two reports have different photos
// says nothing: everybody stands elsewhere.
func photoTerm(a, b []photo.Likeness) float64 {
	least := otherPhoto
	for _, p := range a {
		for _, q := range b {
			if !flat(p) && !flat(q) {
				least = min(least, p.Distance(q))
			}
		}
	}
	return float64(otherPhoto-max(least, samePhoto)) / (otherPhoto - samePhoto)
}

// flat tells a photo in which next to nothing was brighter than its neighbour, or
// next to everything: the night, a finger, the sky. All of them look alike.
func flat(p photo.Likeness) bool {
	set := p.Distance(0)
	return set < 6 || set > 64-6
}
