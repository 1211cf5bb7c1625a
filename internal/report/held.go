package report

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/screen"
)

// Found is something personal in a text that a stranger wrote.
type Found struct {
	Field string // "/description", "/address", "/attributes/size", "/text"
	screen.Finding
}

// Words are the texts of a report, or of a comment, before they are published.
type Words struct {
	Description, Address string
	Attributes           map[string]any // answers; only texts are looked at
	Text                 string         // of a comment
}

// Found looks for what is personal, as filing and commenting do.
func (w Words) Found() []Found {
	all := slices.Concat(foundIn("/description", asWritten(w.Description)), foundIn("/address", tidy(w.Address)), foundIn("/text", tidy(w.Text)))
	for _, code := range slices.Sorted(maps.Keys(w.Attributes)) {
		if text, ok := w.Attributes[code].(string); ok {
			all = append(all, foundIn("/attributes/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(code), text)...)
		}
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
	w := Words{Description: r.Description, Address: r.Address, Attributes: make(map[string]any, len(r.Attributes))}
	for code, answer := range r.Attributes {
		w.Attributes[code] = answer.String()
	}
	return w.Found()
}

// needsHolding reports whether a handler has to look first. What only staff and the
// reporter see needs no holding. A link alone does not hold what another system
// files: FixMyStreet writes one to its own page into every report.
func (r Report) needsHolding() bool {
	return !r.Private && slices.ContainsFunc(r.Found(), func(f Found) bool {
		return f.Kind != screen.Link || r.Origin != OriginOpen311
	})
}

// Found is what the text of an update is held for.
func (u Update) Found() []Found { return Words{Text: u.Text}.Found() }

// holdTexts holds the texts of a change in which something personal was found.
// What staff write is theirs to answer for, and what only staff and the reporter
// see needs no holding.
func (r *Report) holdTexts(caused Changes) Changes {
	for i, u := range caused.Updates {
		if u.Author != ByStaff && !u.Internal && !r.Private && len(u.Found()) > 0 {
			caused.Updates[i].Held = true
			r.HeldUpdates++
		}
	}
	return caused
}

// Shown is a report as actor may see it: held words only by its reporter and by
// the staff it lies with. That they are held, everybody sees.
func (s *Service) Shown(actor auth.Actor, r Report) Report {
	if r.TextHeld && !s.known(actor, r).Can(auth.ReadPrivate, r.resource()) {
		r.Description, r.Address, r.Attributes = "", "", nil
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

// Moderation is what a handler decides on held words: to show them, as they are or
// changed.
type Moderation struct {
	UpdateID string   // whose text; empty for the report's own words
	Text     *string  // instead of the description, or of the update's text; nil leaves it
	Address  *string  // nil leaves it
	Drop     []string // codes of answers to remove
	Version  int64    // the version that was looked at
}

// Moderate shows held words, as they are or as a handler changed them. What was
// taken out is gone. The history says who did it, to staff.
func (s *Service) Moderate(ctx context.Context, actor auth.Actor, name string, m Moderation) (Report, error) {
	if p := problem.Invalidity(m.faults()); p != nil {
		return Report{}, p
	}
	r, err := s.Read(ctx, actor, name)
	if err != nil {
		return Report{}, err
	}
	if err := s.allow(actor, auth.Moderate, &r); err != nil {
		return Report{}, err
	}
	var held Update
	if m.UpdateID != "" {
		if held, err = s.heldUpdate(ctx, r, m.UpdateID); err != nil {
			return Report{}, err
		}
	}
	return s.update(ctx, r.ID, func(r *Report) (Changes, error) {
		if err := s.allow(actor, auth.Moderate, r); err != nil {
			return Changes{}, err
		}
		if err := r.atVersion(m.Version); err != nil {
			return Changes{}, err
		}
		if m.UpdateID != "" {
			return s.moderatedUpdate(actor, r, held, m), nil
		}
		if !r.TextHeld {
			return Changes{}, errNotHeld(*r)
		}
		return s.moderated(actor, r, m), nil
	})
}

func (m *Moderation) faults() []problem.FieldError {
	var faults []problem.FieldError
	for _, t := range []struct {
		field string
		text  *string
		limit int
	}{{"/text", m.Text, MaxText}, {"/address", m.Address, maxAddress}} {
		if t.text == nil {
			continue
		}
		*t.text = tidy(*t.text)
		if f, bad := textFault(t.field, *t.text, t.limit); bad {
			faults = append(faults, f)
		}
	}
	if m.UpdateID != "" && (m.Address != nil || len(m.Drop) > 0) {
		faults = append(faults, problem.FieldError{Field: "/update", Code: "not-allowed", Detail: "an update has a text only"})
	}
	return faults
}

func (s *Service) heldUpdate(ctx context.Context, r Report, id string) (Update, error) {
	us, err := s.Store.Updates(ctx, r.ID, true)
	if err != nil {
		return Update{}, err
	}
	at := slices.IndexFunc(us, func(u Update) bool { return u.ID == id })
	switch {
	case at < 0:
		return Update{}, problem.Field("/update", "unknown", "the report has no such update")
	case !us[at].Held:
		return Update{}, errNotHeld(r)
	}
	return us[at], nil
}

func errNotHeld(r Report) error {
	return &problem.Error{Kind: problem.Conflict, Detail: "that text is not held; everybody sees it", Current: r}
}

// moderated shows the report's own words.
func (s *Service) moderated(actor auth.Actor, r *Report, m Moderation) Changes {
	r.TextHeld = false
	if m.Text != nil {
		r.Description = *m.Text
	}
	if m.Address != nil {
		r.Address = *m.Address
	}
	if len(m.Drop) > 0 {
		r.Attributes = maps.Clone(r.Attributes)
		maps.DeleteFunc(r.Attributes, func(code string, _ catalog.Answer) bool { return slices.Contains(m.Drop, code) })
	}
	return s.moderation(actor, r)
}

// moderatedUpdate shows the text of one update.
func (s *Service) moderatedUpdate(actor auth.Actor, r *Report, held Update, m Moderation) Changes {
	r.HeldUpdates--
	text := NewText{UpdateID: held.ID, Text: held.Text}
	if m.Text != nil {
		text.Text = *m.Text
	}
	caused := s.moderation(actor, r)
	caused.Texts = []NewText{text}
	return caused
}

// moderation is the entry for staff's eyes; followers are not told.
func (s *Service) moderation(actor auth.Actor, r *Report) Changes {
	r.UpdatedAt = s.now()
	u := r.entry(Moderated, actor, OriginAPI, r.UpdatedAt)
	u.Internal = true
	return r.caused(u, EventModerated)
}
