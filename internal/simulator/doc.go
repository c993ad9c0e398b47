// Package simulator is an OpenAI-compatible inference server without a model: its
// KV cache has tiers of known capacity and cost, its time follows a formula, and a
// log says what it really did. It is the built-in target, the dry run for people
// without a GPU, and the oracle of the tests.
//
// It speaks vLLM's dialect (requests, replies, errors and series as vLLM 0.32
// answers them), and it reads no files: a Profile says what it is.
//
//	TTFT = (base + prefill x computed + sum over tiers of load x reused) x exp(noise x N(0,1))
//
// counted from arrival, or from admission where a request had to wait. The k-th
// token follows at TTFT + k x decode. Deadlines are absolute, so that errors of the
// machine's timers do not add up.
package simulator
