package api

import (
	"context"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/notify"
)

// GetPushKey serves GET /v1/push-key.
func (s *Server) GetPushKey(context.Context, GetPushKeyRequestObject) (GetPushKeyResponseObject, error) {
	return GetPushKey200JSONResponse{PublicKey: s.PushKey}, nil
}

// PostSubscription serves POST /v1/subscriptions.
func (s *Server) PostSubscription(ctx context.Context, req PostSubscriptionRequestObject) (PostSubscriptionResponseObject, error) {
	actor, body := auth.From(ctx), req.Body
	f := notify.Follow{
		Report: body.Report, Services: body.Services, Email: body.Email, Language: body.Language,
		Key: idempotency("postSubscription", actor, req.Params.IdempotencyKey, body, nil),
	}
	if a := body.Area; a != nil {
		f.Area = &notify.Area{Lat: a.Lat, Lon: a.Lon, RadiusM: a.RadiusM}
	}
	if p := body.Push; p != nil {
		f.Push = &notify.PushAddress{Endpoint: p.Endpoint, P256dh: p.Keys.P256dh, Auth: p.Keys.Auth}
	}
	done, err := s.Followers.Follow(ctx, actor, f)
	if err != nil {
		return nil, err
	}
	return PostSubscription201JSONResponse{
		Body:    Subscription{Id: done.ID, Secret: done.Secret, Status: subscriptionStatus(done), ExpiresAt: done.ExpiresAt},
		Headers: PostSubscription201ResponseHeaders{IdempotencyReplayed: replayed(done.Replayed)},
	}, nil
}

func subscriptionStatus(f notify.Followed) SubscriptionStatus {
	if f.Active {
		return SubscriptionStatusActive
	}
	return SubscriptionStatusPending
}

// PostSubscriptionConfirm serves POST /v1/subscriptions/confirm.
func (s *Server) PostSubscriptionConfirm(ctx context.Context, req PostSubscriptionConfirmRequestObject) (PostSubscriptionConfirmResponseObject, error) {
	done, err := s.Followers.Confirm(ctx, req.Body.Id, req.Body.Code)
	if err != nil {
		return nil, err
	}
	return PostSubscriptionConfirm200JSONResponse{Id: done.ID, Status: subscriptionStatus(done)}, nil
}

// DeleteSubscription serves DELETE /v1/subscriptions/{secret}.
func (s *Server) DeleteSubscription(ctx context.Context, req DeleteSubscriptionRequestObject) (DeleteSubscriptionResponseObject, error) {
	if err := s.Followers.Unfollow(ctx, req.Secret); err != nil {
		return nil, err
	}
	return DeleteSubscription204Response{}, nil
}
