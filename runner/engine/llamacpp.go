package engine

import "fmt"

// llamacpp is llama-server of llama.cpp.
//
// Sources: replies of build 7e4c0a9 (November 2026). Slots can be erased, but that
// leaves the host tier (--cache-ram) as it is: no reset. The unit of its capacity is
// the prompt, not the token, and the size of the host tier is not told: no capacity.
var llamacpp = &engine{
	name:    "llamacpp",
	owners:  []string{"llamacpp"},
	fields:  map[string]any{"ignore_eos": true},
	noReset: "llama-server has no call that empties its host tier; restart it for a cold cache",
	tokenize: func(s *Server, text string) tokenizeForm {
		return tokenizeForm{"content": text, "add_special": true, "parse_special": true}
	},
	notes: func(props map[string]any) []string {
		slots, _ := props["total_slots"].(float64)
		settings, _ := props["default_generation_settings"].(map[string]any)
		context, _ := settings["n_ctx"].(float64)
		if slots == 0 || context == 0 {
			return nil
		}
		return []string{fmt.Sprintf("llama-server has %.0f slots of %.0f tokens; it keeps whole prompts, in slots and in host memory (--cache-ram, not told), so its capacity is a number of prompts", slots, context)}
	},
}
