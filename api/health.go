package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// readyWithin is how long a readiness check may take.
const readyWithin = 2 * time.Second

// Health are the routes for whoever keeps the process running: /healthz answers
// as long as the process can, /readyz while requests are welcome. What ready
// returns otherwise is shown, so it says nothing that is not for everyone.
func Health(ready func(context.Context) error) []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/healthz", Handler: func(c *gin.Context) { c.String(http.StatusOK, "ok\n") }},
		{Method: http.MethodGet, Path: "/readyz", Handler: func(c *gin.Context) {
			ctx, cancel := context.WithTimeout(c.Request.Context(), readyWithin)
			defer cancel()
			if err := ready(ctx); err != nil {
				c.String(http.StatusServiceUnavailable, "%s\n", err.Error())
				return
			}
			c.String(http.StatusOK, "ready\n")
		}},
	}
}
