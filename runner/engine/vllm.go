package engine

// vllm is vLLM and what speaks like it (the simulator, llm-d-inference-sim).
//
// Sources: replies of vLLM 0.32.0. /reset_prefix_cache exists with
// VLLM_SERVER_DEV_MODE=1 only; it answers 200 with {"success":false} while blocks are
// held; reset_external empties the connector's tiers too.
var vllm = &engine{
	name:    "vllm",
	owners:  []string{"vllm", "wsrun-simulator"},
	lengths: []string{"min_tokens"},
	fields:  map[string]any{"ignore_eos": true},
	resets:  []string{"/reset_prefix_cache?reset_external=true"},
	flag:    "vLLM: --enable-prompt-tokens-details",
	noReset: "start vLLM with VLLM_SERVER_DEV_MODE=1 to let wsrun empty its cache",
	tokenize: func(s *Server, text string) tokenizeForm {
		if s.API() == chatAPI {
			return tokenizeForm{"model": s.model, "messages": user(text), "add_generation_prompt": true}
		}
		return tokenizeForm{"model": s.model, "prompt": text}
	},
}
