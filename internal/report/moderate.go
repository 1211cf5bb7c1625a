package report

import (
	"context"
	"maps"
	"slices"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/catalog"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
)

// Moderation is what a handler decides on held words: to show them, as they are or
// changed.
type Moderation struct {
	UpdateID string            // whose text; empty for the report's own words
	Text     *string           // instead of the description, or of the update's text; nil leaves it
	Address  *string           // nil leaves it
	Drop     []string          // codes of answers to remove
	Alts     map[string]string // by the ids of photos that came with the text; what is left out stays
	Version  int64             // the version that was looked at
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
			return s.moderatedUpdate(actor, r, held, m)
		}
		if !r.TextHeld {
			return Changes{}, errNotHeld(*r)
		}
		return s.moderated(actor, r, m)
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
	for _, id := range slices.Sorted(maps.Keys(m.Alts)) {
		m.Alts[id] = tidy(m.Alts[id])
		if f, bad := textFault("/alts/"+id, m.Alts[id], photo.MaxAlt); bad {
			faults = append(faults, f)
		}
	}
	if m.UpdateID != "" && (m.Address != nil || len(m.Drop) > 0) {
		faults = append(faults, problem.FieldError{Field: "/update", Code: "not-allowed", Detail: "an update has a text and photos only"})
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
func (s *Service) moderated(actor auth.Actor, r *Report, m Moderation) (Changes, error) {
	alts, err := m.newAlts(r.Photos, func(p Photo) bool { return p.AltHeld == AltWithReport })
	if err != nil {
		return Changes{}, err
	}
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
	caused := s.moderation(actor, r)
	caused.NewAlts = alts
	return caused, nil
}

// newAlts shows what those photos show that were held, as it is or changed.
func (m *Moderation) newAlts(photos []Photo, held func(Photo) bool) ([]NewAlt, error) {
	var alts []NewAlt
	for _, p := range photos {
		if !held(p) {
			continue
		}
		alt, changed := m.Alts[p.ID]
		if !changed {
			alt = p.Alt
		}
		alts = append(alts, NewAlt{PhotoID: p.ID, Alt: alt})
	}
	for _, id := range slices.Sorted(maps.Keys(m.Alts)) {
		if !slices.ContainsFunc(alts, func(a NewAlt) bool { return a.PhotoID == id }) {
			return nil, problem.Field("/alts/"+id, "unknown", "no photo with this id came with the text")
		}
	}
	return alts, nil
}

// moderatedUpdate shows the text of one update.
func (s *Service) moderatedUpdate(actor auth.Actor, r *Report, held Update, m Moderation) (Changes, error) {
	alts, err := m.newAlts(r.Photos, func(p Photo) bool { return p.AltHeld == AltWithUpdate && p.UpdateID == held.ID })
	if err != nil {
		return Changes{}, err
	}
	r.HeldUpdates--
	text := NewText{UpdateID: held.ID, Text: held.Text}
	if m.Text != nil {
		text.Text = *m.Text
	}
	caused := s.moderation(actor, r)
	caused.Texts, caused.NewAlts = []NewText{text}, alts
	return caused, nil
}

// moderation is the entry for staff's eyes; followers are not told.
func (s *Service) moderation(actor auth.Actor, r *Report) Changes {
	r.UpdatedAt = s.now()
	u := r.entry(Moderated, actor, OriginAPI, r.UpdatedAt)
	u.Internal = true
	return r.caused(u, EventModerated)
}
