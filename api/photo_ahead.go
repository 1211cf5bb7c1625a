package api

import (
	"context"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/likeness"
	"github.com/kantsten/kantsten/internal/photo"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
	"github.com/kantsten/kantsten/internal/routing"
)

// PostPhoto serves POST /v1/photos: a photo ahead of its report.
func (s *Server) PostPhoto(ctx context.Context, req PostPhotoRequestObject) (PostPhotoResponseObject, error) {
	actor := auth.From(ctx)
	if err := actor.May(auth.Upload, auth.Resource{}); err != nil {
		return nil, err
	}
	form, err := readPhotoAhead(req.Body, s.UploadDir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = form.Close() }() // unnamed temporary files
	key := idempotency("postPhoto", actor, req.Params.IdempotencyKey, form.Place, form)
	kept, err := s.Photos.KeepOnce(ctx, form.Photos[0].Reader(), form.altOf(form.Photos[0]), photo.Once(key))
	if err != nil {
		return nil, err
	}
	wire, err := s.photoAhead(ctx, kept, form.Place, languageOf(req.Params.AcceptLanguage))
	if err != nil {
		return nil, err
	}
	return PostPhoto201JSONResponse{
		Body: wire, Headers: PostPhoto201ResponseHeaders{IdempotencyReplayed: replayed(kept.Replayed)},
	}, nil
}

// photoAhead shows a photo with what is known of the place: the given one, else
// the photo's own.
func (s *Server) photoAhead(ctx context.Context, kept photo.KeptOnce, place *formPlace, lang string) (PhotoAhead, error) {
	// Nobody shows it yet, so its addresses are signed.
	p := s.toPhoto(report.Photo{
		ID: kept.ID, Folder: kept.Folder, Width: kept.Width, Height: kept.Height, SHA256: kept.SHA256,
		BlurHash: kept.BlurHash, Alt: kept.Alt, CreatedAt: kept.CreatedAt,
	}, true)
	wire := PhotoAhead{
		Id: p.Id, Renditions: p.Renditions, Dimensions: p.Dimensions, Width: p.Width, Height: p.Height,
		Blurhash: p.Blurhash, Alt: p.Alt, CreatedAt: p.CreatedAt,
		Suggestion: toSuggestion(kept.Suggestion),
	}
	if at := kept.Suggestion.Position; place == nil && at != nil {
		place = &formPlace{Lat: at.Lat, Lon: at.Lon}
	}
	if place == nil {
		return wire, nil
	}
	services, err := s.servicesAt(ctx, *place, lang)
	if err != nil {
		return PhotoAhead{}, err
	}
	nearby, err := s.nearby(ctx, likeness.Report{
		Lat: place.Lat, Lon: place.Lon, AccuracyM: place.AccuracyM, Photos: []photo.Likeness{kept.Likeness},
	})
	wire.Services, wire.Nearby = &services, &nearby
	return wire, err
}

// servicesAt lists what can be reported at a place: nothing where nobody is
// responsible. A photo is kept though nobody can say who is: the report will ask
// again.
func (s *Server) servicesAt(ctx context.Context, at formPlace, lang string) ([]Service, error) {
	found, err := s.Router.Locate(routing.Question{Lat: at.Lat, Lon: at.Lon, AccuracyM: at.AccuracyM})
	if problem.Is(err, problem.Unavailable) || err == nil && found.Owner == nil {
		return []Service{}, nil
	}
	if err != nil {
		return nil, err
	}
	best := bestOf(found)
	entries, err := s.Directory.Entries(ctx, best)
	if err != nil {
		return nil, err
	}
	return toServices(entries[best], lang), nil
}
