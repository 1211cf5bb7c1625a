package api

import (
	"context"
	"net/http"

	"github.com/kantsten/kantsten/internal/auth"
	"github.com/kantsten/kantsten/internal/limit"
	"github.com/kantsten/kantsten/internal/problem"
	"github.com/kantsten/kantsten/internal/report"
)

const answerKey contextKey = iota + 200

// withAnswer lets a call say something in the headers of its answer.
func withAnswer(ctx context.Context, h http.Header) context.Context {
	return context.WithValue(ctx, answerKey, h)
}

// answerOf is where a call says something in the headers of its answer.
func answerOf(ctx context.Context) http.Header {
	if h, ok := ctx.Value(answerKey).(http.Header); ok {
		return h
	}
	return http.Header{} // nobody listens
}

// count counts a post against the share of its key. Who has none was refused
// before, so that no address is counted here.
func (o *Open311) count(r *http.Request, key report.Key) (limit.Pass, error) {
	if o.Gate == nil {
		return limit.Pass{}, nil
	}
	call := limit.Call{Kind: limit.Reports, Name: "open311", Program: program(auth.From(r.Context())), Request: r}
	if key.Key != "" {
		call.Known = func(ctx context.Context) (bool, error) { return o.used(ctx, key) }
	}
	return pass(r.Context(), o.Gate, answerOf(r.Context()), call)
}

// ourFault reports whether a call came to nothing by no fault of the caller's.
func ourFault(err error) bool {
	return err != nil && (problem.As(err) == nil || problem.Is(err, problem.Unavailable))
}
