package notify

import (
	"context"
	"time"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/report"
)

type Follow struct {
	Report string
	Area *Area
	Services []string
	Push *PushAddress
	Email, Language string
	Key report.Key
}
type Area struct{ Lat, Lon, RadiusM float64 }
type PushAddress struct{ Endpoint, P256dh, Auth string }
type Followed struct { ID, Secret string; Active bool; ExpiresAt time.Time; Replayed bool }
type Followers struct{}
func (*Followers) Follow(context.Context, auth.Actor, Follow) (Followed, error) { panic("") }
func (*Followers) Confirm(context.Context, string, string) (Followed, error) { panic("") }
func (*Followers) Unfollow(context.Context, string) error { panic("") }
