package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/screen"
)

// Found is something personal in a text that a stranger wrote.
type Found struct {
	Field string // "/description", "/address", "/attributes/size", "/text", "/alts/0", "/photos/0/alt"
	screen.Finding
}

// Words are the texts of a report, or of a comment, before they are published.
type Words struct {
	Description, Address string
	Attributes           map[string]any // answers; only texts are looked at
	Text                 string         // of a comment
	Alts                 []string       // what photos show, in their order
}

// Found looks for what is personal, as filing and commenting do.
func (w Words) Found() []Found { return w.found("/alts/%d") }

// found is Found; alt is how the field of a photo's text is written.
func (w Words) found(alt string) []Found {
	all := slices.Concat(foundIn("/description", asWritten(w.Description)), foundIn("/address", tidy(w.Address)), foundIn("/text", tidy(w.Text)))
	for _, code := range slices.Sorted(maps.Keys(w.Attributes)) {
		if text, ok := w.Attributes[code].(string); ok {
			all = append(all, foundIn("/attributes/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(code), text)...)
		}
	}
	for i, text := range w.Alts {
		all = append(all, foundIn(fmt.Sprintf(alt, i), tidy(text))...)
	}
	return all
}

func foundIn(field, text string) []Found {
	var all []Found
	for _, f := range screen.Find(text) {
		all = append(all, Found{field, f})
	}
	return all
}

// Found is what the words of a report are held for, while they are held. Nothing
// of it is stored: whoever sees the words can be shown it.
func (r Report) Found() []Found {
	w := r.words()
	w.Alts = heldAlts(r.Photos, AltWithReport)
	return w.found(altOfPhoto)
}

// altOfPhoto is the field of a photo's text where the photo is shown.
const altOfPhoto = "/photos/%d/alt"

// heldAlts are the texts of photos that are held with certain words, each in the
// place of its photo.
func heldAlts(photos []Photo, with AltHold) []string {
	alts := make([]string, len(photos))
	for i, p := range photos {
		if p.AltHeld == with {
			alts[i] = p.Alt
		}
	}
	return alts
}

// words are those of the report itself, without its photos.
func (r Report) words() Words {
	w := Words{Description: r.Description, Address: r.Address, Attributes: make(map[string]any, len(r.Attributes))}
	for code, answer := range r.Attributes {
		w.Attributes[code] = answer.String()
	}
	return w
}

// needsHolding reports whether a handler has to look first; alts are what the photos
// show that come with the report. What only staff and the
// reporter see needs no holding. A link alone does not hold what another system
// files: FixMyStreet writes one to its own page into every report.
func (r Report) needsHolding(alts []string) bool {
	w := r.words()
	w.Alts = alts
	return !r.Private && slices.ContainsFunc(w.Found(), func(f Found) bool {
		return f.Kind != screen.Link || r.Origin != OriginOpen311
	})
}

// Found is what the text of an update is held for; photos are those that came with
// it.
func (u Update) Found(photos []Photo) []Found {
	return Words{Text: u.Text, Alts: heldAlts(photos, AltWithUpdate)}.found(altOfPhoto)
}

// holdTexts holds the texts of a change in which something personal was found; what
// photos show belongs to the first update, which claims them.
// What staff write is theirs to answer for, and what only staff and the reporter
// see needs no holding.
func (r *Report) holdTexts(caused Changes) Changes {
	for i, u := range caused.Updates {
		w := Words{Text: u.Text}
		if i == 0 {
			w.Alts = caused.Alts
		}
		if u.Author == ByStaff || u.Internal || r.Private || len(w.Found()) == 0 {
			continue
		}
		caused.Updates[i].Held = true
		r.HeldUpdates++
		if i == 0 {
			caused.AltHeld = AltWithUpdate
		}
	}
	return caused
}

// Shown is a report as actor may see it: held words only by its reporter and by
// the staff it lies with. That they are held, everybody sees.
func (s *Service) Shown(actor auth.Actor, r Report) Report {
	if s.known(actor, r).Can(auth.ReadPrivate, r.resource()) {
		return r
	}
	if r.TextHeld {
		r.Description, r.Address, r.Attributes = "", "", nil
	}
	return r.withoutHeldAlts(func(Photo) bool { return true })
}

// withoutHeldAlts takes the held texts off those photos that hide says.
func (r Report) withoutHeldAlts(hide func(Photo) bool) Report {
	hides := func(p Photo) bool { return p.AltHeld != AltShown && hide(p) }
	if !slices.ContainsFunc(r.Photos, hides) {
		return r
	}
	r.Photos = slices.Clone(r.Photos)
	for i, p := range r.Photos {
		if hides(p) {
			r.Photos[i].Alt = ""
		}
	}
	return r
}

// shownUpdate is an update as actor may see it: a held text only by who wrote it
// and by staff.
func (s *Service) shownUpdate(actor auth.Actor, r Report, u Update) Update {
	if u.Held && !s.wrote(s.known(actor, r), r, u) && !s.SeesInternal(actor, r) {
		u.Text = ""
	}
	return u
}

func (s *Service) wrote(actor auth.Actor, r Report, u Update) bool {
	isReporter := actor.ReportID == r.ID || actor.PersonID != "" && actor.PersonID == r.PersonID
	return u.Author == ByReporter && isReporter || actor.PersonID != "" && actor.PersonID == u.AuthorID
}
