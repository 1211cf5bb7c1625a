package api

import (
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"
)

// InvitationPath is where the one-time link of an invitation leads; its secret
// stands behind a "#", so that it reaches no server's or proxy's log.
const InvitationPath = "/invitation"

// Invitation are the routes behind that link: a page that asks first, because
// mail scanners open every link, and the script that then accepts.
func Invitation() []Route {
	return []Route{
		{Method: http.MethodGet, Path: InvitationPath, Handler: showInvitation},
		{Method: http.MethodGet, Path: InvitationPath + "/accept.js", Handler: serveBytes("text/javascript; charset=utf-8", []byte(invitationScript))},
	}
}

var invitationPage = template.Must(template.New("invitation").Parse(`<!doctype html>
<html lang="{{.Lang}}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kantsten</title>
<p id="asks">{{.Asks}} <button id="accept">{{.Button}}</button></p>
<p id="accepted" hidden>{{.Accepted}}<br><code id="token"></code></p>
<p id="refused" hidden>{{.Refused}}</p>
<p id="unreachable" hidden>{{.Unreachable}}</p>
<noscript>{{.NoScript}}</noscript>
<script src="/invitation/accept.js"></script>
</html>
`))

type invitationText struct{ Lang, Asks, Button, Accepted, Refused, Unreachable, NoScript string }

var invitationTexts = map[string]invitationText{
	"sv": {
		Lang: "sv", Asks: "Du är inbjuden att arbeta med felanmälningar.", Button: "Tacka ja",
		Accepted:    "Du är inloggad i 12 timmar. Därefter loggar du in med en kod till din e-postadress. Ett program som arbetar åt dig skickar det här i huvudet Authorization, efter ordet Bearer. Lämna det inte till någon:",
		Refused:     "Inbjudan är använd, har gått ut eller finns inte. Be om en ny.",
		Unreachable: "Det gick inte att nå tjänsten. Försök igen om en stund.",
		NoScript:    "Sidan behöver JavaScript.",
	},
	"en": {
		Lang: "en", Asks: "You are invited to work on reports.", Button: "Accept",
		Accepted:    "You are signed in for 12 hours. After that, sign in with a code to your e-mail address. A program that works for you sends this in the header Authorization, after the word Bearer. Give it to nobody:",
		Refused:     "The invitation has been used, has expired or does not exist. Ask for a new one.",
		Unreachable: "The service cannot be reached. Try again in a while.",
		NoScript:    "This page needs JavaScript.",
	},
}

// invitationScript keeps the secret in the address until it is used up.
const invitationScript = `"use strict";
const part = (id) => document.getElementById(id);
part("accept").addEventListener("click", async () => {
  part("accept").disabled = true;
  let shown = "unreachable";
  try {
    const answer = await fetch("/v1/invitations/accept", {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify({secret: location.hash.slice(1)}),
    });
    if (answer.ok) {
      part("token").textContent = (await answer.json()).token;
      history.replaceState(null, "", location.pathname);
      shown = "accepted";
    } else if (answer.status < 500) {
      shown = "refused";
    }
  } catch {
    // no network: the invitation is as it was
  }
  for (const id of ["accepted", "refused", "unreachable"]) {
    part(id).hidden = id !== shown;
  }
  part("asks").hidden = shown !== "unreachable";
  part("accept").disabled = false;
});
`

func showInvitation(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")
	c.Status(http.StatusOK)
	_ = invitationPage.Execute(c.Writer, invitationTexts[languageOf(c.GetHeader("Accept-Language"))]) // whoever asked is gone
}
