package engine

// generic is any OpenAI-compatible server: no field that some server might refuse,
// nothing that might crash one.
var generic = &engine{
	name:    "generic",
	noReset: "no call that empties this server's cache is known; give one with warmup.reset",
	tokenize: func(s *Server, text string) tokenizeForm {
		if s.API() == chatAPI {
			return tokenizeForm{"model": s.model, "messages": user(text)}
		}
		return tokenizeForm{"model": s.model, "prompt": text}
	},
}
