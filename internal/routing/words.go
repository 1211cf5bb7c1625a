package routing

import (
	"fmt"
	"strings"
)

// Explain says in words why, in Swedish for "sv" and in English otherwise.
func (t Trace) Explain(lang string) string {
	say := words(lang)
	if !t.Routed() {
		return fmt.Sprintf(say[t.Rule], t.Owner.Name, t.Owner.Code, t.From)
	}
	parts := []string{t.whose(say)}
	if t.Missing != "" {
		parts = append(parts, fmt.Sprintf(say["missing"], t.Missing, t.Owner.Name))
	}
	if note := t.Note.In(lang); note != "" {
		parts = append(parts, note)
	}
	if t.BorderM > 0 && t.BorderM < 10_000 {
		parts = append(parts, fmt.Sprintf(say["border"], t.BorderM))
	}
	return strings.Join(append(parts, t.howSure(say)...), " ")
}

// whose says who is responsible and by what rule.
func (t Trace) whose(say map[string]string) string {
	switch {
	case t.Rule == RuleArea || t.Rule == RuleNearest:
		return fmt.Sprintf(say[t.Rule], t.Owner.Name, t.Owner.Code, t.Owner.DistanceM)
	case t.Feature == nil:
		return fmt.Sprintf(say["by-rule"], t.area().Name, t.area().Code, t.Owner.Name, t.Owner.Code, t.Rule)
	}
	return fmt.Sprintf(say["by-feature"], t.area().Name, t.area().Code, t.Owner.Name, t.Owner.Code, t.Rule, t.Feature.called(), t.Feature.DistanceM)
}

// area is where the position lies.
func (t Trace) area() Party {
	if t.Area != nil {
		return *t.Area
	}
	return t.Owner
}

func (h Hit) called() string {
	if h.Name == "" || h.Name == h.Code {
		return h.Code
	}
	return fmt.Sprintf("%s (%s)", h.Name, h.Code)
}

// howSure says what doubt there is, what was asked and who comes next.
func (t Trace) howSure(say map[string]string) (parts []string) {
	switch {
	case t.Approximate:
		parts = append(parts, say["approximate"])
	case !t.Certain:
		parts = append(parts, say["uncertain"])
	}
	switch {
	case t.Answer != "":
		parts = append(parts, fmt.Sprintf(say["answered"], t.Owner.Name))
	case t.Asked:
		parts = append(parts, say["unanswered"])
	}
	for _, c := range t.Candidates {
		if c.Code == t.RunnerUp {
			parts = append(parts, fmt.Sprintf(say["runner-up"], c.Name, c.Code))
		}
	}
	return parts
}

func words(lang string) map[string]string {
	if lang == "sv" {
		return swedish
	}
	return english
}

var english = map[string]string{
	RuleArea:       "The position lies in %[1]s (%[2]s), which is responsible for it.",
	RuleNearest:    "The position lies in no area; %[1]s (%[2]s) is the nearest, %.0[3]f m away, and takes it.",
	RuleHandOver:   "Staff handed the report over to %[1]s (%[2]s).",
	RuleReturned:   "Staff gave the report back as not theirs; it went to %[1]s (%[2]s), who comes into question next.",
	RuleTriage:     "Staff of %[1]s (%[2]s) gave the report back as not theirs, and nobody else comes into question; the operator places it.",
	RuleSuccession: "%[3]s is no longer in the boundaries. %[1]s (%[2]s) has taken over from it, and so gets the report.",
	RuleNoHeir:     "%[3]s is no longer in the boundaries, and nobody there has taken over from it; the operator places the report.",
	"by-rule":      "The position lies in %[1]s (%[2]s). By the rule “%[5]s”, %[3]s (%[4]s) is responsible for it.",
	"by-feature":   "The position lies in %[1]s (%[2]s), %.0[7]f m from what belongs to %[6]s. By the rule “%[5]s”, %[3]s (%[4]s) is responsible for it.",
	"missing":      "The rule names %[1]s, where such reports cannot be sent; so %[2]s gets it.",
	"border":       "The nearest border is %.0f m away.",
	"approximate":  "The boundaries are approximate (demo data), so this is a good guess and no more.",
	"uncertain":    "A border or another owner is nearer than the position is accurate, so somebody else may be the right one.",
	"answered":     "The reporter was asked where the fault is, and chose %s.",
	"unanswered":   "The reporter could say where the fault is, but did not.",
	"runner-up":    "If it is not theirs, it goes to %s (%s) next.",
	"question":     "Where is the fault: %s or %s?",
	"in":           "in %s",
	"elsewhere":    "elsewhere in %s",
	"on":           "on what belongs to %s",
	"on-named":     "on what belongs to %s (%s)",
}

var swedish = map[string]string{
	RuleArea:       "Platsen ligger i %[1]s (%[2]s), som ansvarar för den.",
	RuleNearest:    "Platsen ligger inte i något område; %[1]s (%[2]s) är närmast, %.0[3]f m bort, och tar emot ärendet.",
	RuleHandOver:   "Personalen lämnade över ärendet till %[1]s (%[2]s).",
	RuleReturned:   "Personalen lämnade tillbaka ärendet, som inte var deras; det gick till %[1]s (%[2]s), som står näst på tur.",
	RuleTriage:     "Personalen på %[1]s (%[2]s) lämnade tillbaka ärendet, som inte var deras, och ingen annan kommer i fråga; driftansvarig fördelar det.",
	RuleSuccession: "%[3]s finns inte längre bland gränserna. %[1]s (%[2]s) har tagit över efter den och får därför ärendet.",
	RuleNoHeir:     "%[3]s finns inte längre bland gränserna, och ingen där har tagit över efter den; driftansvarig fördelar ärendet.",
	"by-rule":      "Platsen ligger i %[1]s (%[2]s). Enligt regeln ”%[5]s” ansvarar %[3]s (%[4]s) för den.",
	"by-feature":   "Platsen ligger i %[1]s (%[2]s), %.0[7]f m från det som hör till %[6]s. Enligt regeln ”%[5]s” ansvarar %[3]s (%[4]s) för den.",
	"missing":      "Regeln pekar ut %[1]s, dit sådana ärenden inte kan skickas; därför får %[2]s det.",
	"border":       "Närmaste gräns är %.0f m bort.",
	"approximate":  "Gränserna är ungefärliga (demodata), så detta är en god gissning och inte mer.",
	"uncertain":    "En gräns eller en annan ägare är närmare än positionen är noggrann, så någon annan kan vara den rätta.",
	"answered":     "Den som anmälde fick säga var felet är och valde %s.",
	"unanswered":   "Den som anmälde kunde säga var felet är men gjorde det inte.",
	"runner-up":    "Om det inte är deras går det sedan till %s (%s).",
	"question":     "Var är felet: %s eller %s?",
	"in":           "i %s",
	"elsewhere":    "någon annanstans i %s",
	"on":           "på det som hör till %s",
	"on-named":     "på det som hör till %s (%s)",
}
