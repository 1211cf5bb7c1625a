package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"github.com/kantsten/kantsten/internal/limit"
	"github.com/kantsten/kantsten/internal/store"
	"github.com/kantsten/kantsten/internal/upload"
)

// maxQuota is the largest number that is still a limit; for none there is 0.
const maxQuota = 1_000_000

// quotas are the settings of how often a caller may create something.
func (c *Config) quotas() limit.Quotas {
	return limit.Quotas{
		PerAddress: map[limit.Kind]int{
			limit.Reports: c.LimitReports, limit.Photos: c.LimitPhotos, limit.Comments: c.LimitComments, limit.Support: c.LimitSupport,
			limit.Subscriptions: c.LimitSubscriptions, limit.SignIn: c.LimitSignIn, limit.Other: c.LimitOther,
		},
		NetworkTimes: c.LimitNetwork, PerKey: c.LimitKey,
	}
}

func (c *Config) checkLimits() error {
	for setting, n := range map[string]int{
		"REPORTS": c.LimitReports, "PHOTOS": c.LimitPhotos, "COMMENTS": c.LimitComments, "SUPPORT": c.LimitSupport,
		"SUBSCRIPTIONS": c.LimitSubscriptions, "SIGN_IN": c.LimitSignIn, "OTHER": c.LimitOther, "NETWORK": c.LimitNetwork, "KEY": c.LimitKey,
	} {
		if n < 0 || n > maxQuota {
			return misused("KANTSTEN_LIMIT_%s has to be a number from 0 to %d", setting, maxQuota)
		}
	}
	if c.LimitUploads != 0 && c.LimitUploads < upload.MaxReserved {
		return misused("KANTSTEN_LIMIT_UPLOADS has to be 0 or a number of at least %d, for one upload", upload.MaxReserved)
	}
	if c.ChallengeBits < 1 || c.ChallengeBits > limit.MaxBits {
		return misused("KANTSTEN_CHALLENGE_BITS has to be a number from 1 to %d", limit.MaxBits)
	}
	return nil
}

// gate limits how often a caller may create something. All ways in share it.
func (p *program) gate() *limit.Gate {
	return &limit.Gate{
		Quotas: p.cfg.quotas(), Limiter: limit.NewLimiter(), Challenges: limit.Challenges{Key: derivedKey(p.secrets.LinkKey, "key of challenges")},
		Spent: store.Spent{DB: p.db}, Bits: p.cfg.ChallengeBits, Proxies: p.cfg.trustedProxies,
		Loopback: p.cfg.LimitLoopback, Now: time.Now,
	}
}

// derivedKey is a key of its own, made of one that all processes have: what is
// signed with the one says nothing about the other.
func derivedKey(linkKey []byte, purpose string) []byte {
	h := hmac.New(sha256.New, linkKey)
	_, _ = h.Write([]byte(purpose)) // a hash never fails to write
	return h.Sum(nil)
}

func (p *program) sweepChallenges(ctx context.Context) error {
	return store.Spent{DB: p.db}.Sweep(ctx, time.Now())
}
