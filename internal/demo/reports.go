package demo

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/report"
)

// pothole is a drawing, not a photograph: the demo shows nobody's street.
//
//go:embed pothole.jpg
var pothole []byte

// fault is a report of the demo: where, what, and how far the crew has come.
type fault struct {
	lat, lon    float64
	service     string
	description string
	status      report.Status
	answer      string
}

// faults lie in the municipalities that have staff.
var faults = []fault{
	{62.3908, 17.3069, "pothole", "Djupt hål i högra körfältet strax efter busshållplatsen.", report.Received, ""},
	{62.3921, 17.2995, "street-light", "Tre lampor i rad är släckta längs gångvägen.", report.Acknowledged, "Vi tittar på det i veckan."},
	{62.3880, 17.3110, "graffiti", "Klotter på hela gaveln mot parkeringen.", report.InProgress, "Sanering pågår."},
	{62.3990, 17.3250, "litter", "Överfull papperskorg vid badplatsen.", report.Fixed, "Tömd i morse."},
	{62.4051, 17.3302, "sign", "Vägvisaren pekar åt fel håll efter plogningen.", report.Received, ""},
	{59.3293, 18.0686, "cycle-path", "Stor spricka tvärs över cykelbanan.", report.Received, ""},
	{59.3340, 18.0632, "bench-furniture", "Parkbänken saknar två ribbor.", report.Planned, "Ny bänk är beställd."},
	{59.3150, 18.0710, "snow-ice", "Ishalka i trappan ned mot kajen.", report.Acknowledged, "Sandbil är på väg."},
}

// fileReports files the demo's reports and answers some of them.
func (s *Seeder) fileReports(ctx context.Context) error {
	for i, f := range faults {
		var photos []io.ReadSeeker
		if f.service == "pothole" {
			photos = append(photos, bytes.NewReader(pothole))
		}
		done, err := s.Reports.Submit(ctx, auth.Itself(), report.Submission{
			NewPhotos: photos,
			Service: f.service, Lat: f.lat, Lon: f.lon, Description: f.description, Language: "sv", Origin: report.OriginDemo,
			Key: report.Key{Scope: "demo", Key: fmt.Sprintf("demo-report-%04d", i), Fingerprint: f.description},
		})
		if err != nil {
			return fmt.Errorf("file demo report %d: %w", i, err)
		}
		if f.status == report.Received || done.Replayed {
			continue
		}
		if err := s.answer(ctx, done.Report, f); err != nil {
			return fmt.Errorf("answer demo report %d: %w", i, err)
		}
	}
	return nil
}

func (s *Seeder) answer(ctx context.Context, r report.Report, f fault) error {
	ch := report.StatusChange{To: f.status, Text: f.answer, Version: r.Version, Origin: report.OriginDemo}
	if f.status == report.Planned {
		ch.PlannedFor = s.Reports.Now().AddDate(0, 0, 14).Format("2006-01-02")
	}
	_, err := s.Reports.ChangeStatus(ctx, auth.Itself(), r.ID, ch)
	return err
}
