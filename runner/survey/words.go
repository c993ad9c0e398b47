package survey

import (
	"fmt"
	"strings"
)

// State says in words what is known and what is being looked for, for a line of
// progress: "hbm ends between 180k and 212k tokens; narrowing the edge near 850k tokens".
func (s *Survey) State() string {
	var known []string
	for i, t := range s.Result().Tiers {
		name := t.Name
		if name == "" {
			name = fmt.Sprintf("tier %d", i+1)
		}
		switch {
		case t.To == nil:
		case t.Gradual:
			known = append(known, fmt.Sprintf("%s falls off between %s and %s tokens", name, short(t.To.LoTokens), short(t.To.HiTokens)))
		default:
			text := fmt.Sprintf("%s ends between %s and %s tokens", name, short(t.To.LoTokens), short(t.To.HiTokens))
			if t.Used != nil && t.Used.Lo < t.To.Lo {
				text += fmt.Sprintf(" (prompts that are asked for out of turn are lost from %s on: a hit does not always renew)", short(t.Used.LoTokens))
			}
			if t.Unsure {
				text += " (new prompts did not confirm it)"
			}
			known = append(known, text)
		}
	}
	if len(known) == 0 && s.phase == over && s.stop == "" {
		known = append(known, s.none())
	}
	return strings.Join(append(known, s.doing()), "; ")
}

// none says that no edge was found.
func (s *Survey) none() string {
	m := s.Result()
	if m.NoReuse {
		return "no reuse at any distance"
	}
	return "no edge up to " + short(m.Reached.HiTokens) + " tokens"
}

// doing says what the survey is at.
func (s *Survey) doing() string {
	switch s.phase {
	case galloping:
		if s.size == 0 {
			return "sending the first prompts"
		}
		return fmt.Sprintf("%d prompts (%s tokens) sent, looking for a depth at which they are cold", s.size, short(int64(s.size)*s.o.PromptTokens))
	case searching:
		for _, a := range s.queue {
			if a.Touch {
				return "bringing the prompts into order"
			}
		}
		for i := range s.edges {
			if e := &s.edges[i]; e.below+e.above > s.r.Miss {
				return fmt.Sprintf("narrowing the edge near %s tokens", short(int64(e.lo)*s.o.PromptTokens))
			}
		}
		switch {
		case s.ends.asked:
			return "looking at both ends again"
		case len(s.edges) > 0:
			return "looking once more on both sides of what was found"
		}
		return "looking at depths of all sizes"
	case cleaning:
		return "confirming the edge near " + short(int64(s.walked().hi)*s.o.PromptTokens) + " tokens with new prompts"
	case sloping:
		return "following a gradual end"
	case ending:
		return "looking at both ends again"
	case onPolicy:
		return "trying how the cache evicts and admits"
	}
	if s.stop != "" {
		return "ended early: " + s.stop
	}
	return "done"
}

// short is a number of tokens in three digits at most: 950, 18.2k, 212k, 4.9M.
func short(n int64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v := float64(n) / u.size; v >= 0.9995 {
			digits := 2
			if v >= 99.95 {
				digits = 0
			} else if v >= 9.995 {
				digits = 1
			}
			text := fmt.Sprintf("%.*f", digits, v)
			if strings.Contains(text, ".") {
				text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
			}
			return text + u.name
		}
	}
	return fmt.Sprint(n)
}
