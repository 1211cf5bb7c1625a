package routing

import (
	"fmt"
	"slices"
	"strings"
)

// Ask is one question that tells between those who may be responsible. It asks
// where the fault is, which a resident knows, not who is responsible.
type Ask struct {
	Text    string
	Answers []Answer
}

// Answer is one answer to a question: whom it makes responsible, and in words.
type Answer struct {
	Code, Name string
	Label      string
}

// Asks reports whether the accuracy leaves a choice that the reporter can make.
// Approximate boundaries leave a doubt everywhere; that is no reason to ask.
func (f Found) Asks() bool { return len(f.open()) > 1 }

// open are the choices that the accuracy leaves.
func (f Found) open() []Choice {
	var open []Choice
	for i, c := range f.Choices {
		if i == 0 || c.doubtedM <= f.weighed.q.AccuracyM {
			open = append(open, c)
		}
	}
	return open
}

// Question asks, in Swedish for "sv" and in English otherwise, where the fault
// is; nil where there is no doubt.
func (f Found) Question(lang string) *Ask {
	open := f.open()
	if len(open) < 2 {
		return nil
	}
	say := words(lang)
	ask := &Ask{Answers: make([]Answer, len(open))}
	labels := make([]string, len(open))
	for i, c := range open {
		labels[i] = c.label(say, open)
		ask.Answers[i] = Answer{Code: c.Code, Name: c.Name, Label: labels[i]}
	}
	last := len(labels) - 1
	ask.Text = fmt.Sprintf(say["question"], strings.Join(labels[:last], ", "), labels[last])
	return ask
}

// label says in words where the fault is if c is responsible.
func (c Choice) label(say map[string]string, open []Choice) string {
	ofOwner := func(c Choice) bool { return c.Feature != nil && c.Code != c.Area.Code }
	switch {
	case ofOwner(c) && c.Feature.Name != "" && c.Feature.Name != c.Name:
		return fmt.Sprintf(say["on-named"], c.Feature.Name, c.Name)
	case ofOwner(c):
		return fmt.Sprintf(say["on"], c.Name)
	case slices.ContainsFunc(open, func(o Choice) bool { return ofOwner(o) && o.Area.Code == c.Area.Code }):
		return fmt.Sprintf(say["elsewhere"], c.Name)
	}
	return fmt.Sprintf(say["in"], c.Name)
}
