package migrate

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// program is the tool whose calls are translated.
const program = "working_set_tester.py"

// otherTools stand beside it and have options of their own.
var otherTools = []string{"cache_rate_tester.py", "single_prompt_tester.py", "trace_replay_tester.py", "regenerate_graphs.py", "combine_graphs.py", "generate_index.py", "kv_cache_size.py"}

// callOf gives the arguments of the call of working_set_tester.py in a text: a command
// line with or without what stands before the program (environment, uv run, python), or
// a shell script.
func callOf(text string) ([]string, error) {
	commands, err := split(text)
	if err != nil {
		return nil, err
	}
	if len(commands) == 0 {
		return nil, errors.New("the command line is empty: give the call of " + program + ", as in \"python " + program + " --api-endpoint http://localhost:8000 ...\"")
	}
	for _, c := range commands {
		if at := programAt(c, program); at >= 0 {
			return c[at+1:], nil
		}
	}
	for _, c := range commands {
		for _, tool := range otherTools {
			if programAt(c, tool) >= 0 {
				return nil, fmt.Errorf("this is a call of %s: only those of %s can be translated", tool, program)
			}
		}
	}
	for _, c := range commands {
		for i, w := range c {
			if strings.HasPrefix(w, "--") {
				return c[i:], nil
			}
		}
	}
	return nil, fmt.Errorf("there is no call of %s in it: an option such as --api-endpoint is expected", program)
}

// programAt finds the word that names the program; -1 where none does before the first
// of its options.
func programAt(words []string, name string) int {
	for i, w := range words {
		if path.Base(strings.ReplaceAll(w, `\`, "/")) == name {
			return i
		}
		option, _, _ := strings.Cut(w, "=")
		if _, err := find(option); err == nil {
			return -1
		}
	}
	return -1
}

// splitter reads a text as a POSIX shell does.
type splitter struct {
	text     []rune
	at       int
	commands [][]string
	words    []string
	word     strings.Builder
	open     bool // a word has begun; it may be empty, as ""
	skip     bool // the next word is the file of a redirection
}

// split gives the simple commands of a shell text as words: quotes, backslashes,
// continued lines and comments are taken away, and redirections dropped. What only a
// running shell could know ($NAME, `command`) is an error. A line that begins with an
// option goes on with the command before it: its backslash was lost on the way.
func split(text string) ([][]string, error) {
	s := &splitter{text: []rune(strings.ReplaceAll(text, "\r\n", "\n"))}
	for s.at < len(s.text) {
		if err := s.step(); err != nil {
			return nil, err
		}
	}
	s.endCommand()
	var out [][]string
	for _, c := range s.commands {
		if len(out) > 0 && strings.HasPrefix(c[0], "--") {
			out[len(out)-1] = append(out[len(out)-1], c...)
			continue
		}
		out = append(out, c)
	}
	return out, nil
}

// step reads one character, or a quoted text, outside quotes.
func (s *splitter) step() error {
	r := s.text[s.at]
	s.at++
	switch {
	case r == '\n' || r == ';' || r == '|' || r == '(' || r == ')':
		s.endCommand()
	case r == ' ' || r == '\t':
		s.endWord()
	case r == '&' && s.peek() != '>':
		s.endCommand()
	case r == '&' || r == '>' || r == '<':
		s.redirect()
	case r == '#' && !s.open:
		for s.at < len(s.text) && s.text[s.at] != '\n' {
			s.at++
		}
	case r == '\'':
		return s.quoted()
	case r == '"':
		return s.doubleQuoted()
	case r == '\\':
		s.escape()
	case r == '$' || r == '`':
		return s.expansion(r)
	default:
		s.add(r)
	}
	return nil
}

func (s *splitter) peek() rune {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *splitter) add(r rune) {
	s.open = true
	s.word.WriteRune(r)
}

func (s *splitter) endWord() {
	if !s.open {
		return
	}
	if s.skip {
		s.skip = false
	} else {
		s.words = append(s.words, s.word.String())
	}
	s.open = false
	s.word.Reset()
}

func (s *splitter) endCommand() {
	s.endWord()
	s.skip = false
	if len(s.words) > 0 {
		s.commands = append(s.commands, s.words)
	}
	s.words = nil
}

// redirect drops an operator such as 2>&1 or >> and, later, the file after it.
func (s *splitter) redirect() {
	if strings.Trim(s.word.String(), "0123456789") == "" { // the number of a stream
		s.open = false
		s.word.Reset()
	}
	s.endWord()
	for r := s.peek(); r == '>' || r == '<' || r == '&'; r = s.peek() {
		s.at++
	}
	s.skip = true
}

func (s *splitter) escape() {
	switch r := s.peek(); r {
	case 0:
	case '\n':
		s.at++ // the line goes on
	default:
		s.at++
		s.add(r)
	}
}

func (s *splitter) quoted() error {
	from := s.at
	s.open = true
	for s.at < len(s.text) {
		r := s.text[s.at]
		s.at++
		if r == '\'' {
			return nil
		}
		s.add(r)
	}
	return fmt.Errorf("the command line ends inside the quote ' that was opened at character %d: close it", from)
}

func (s *splitter) doubleQuoted() error {
	from := s.at
	s.open = true
	for s.at < len(s.text) {
		r := s.text[s.at]
		s.at++
		switch r {
		case '"':
			if s.word.Len() == 0 && strings.HasSuffix(string(s.text[from:s.at]), `$@"`) {
				s.open = false // "$@" without arguments is no word at all
			}
			return nil
		case '\\':
			if strings.ContainsRune("$`\"\\\n", s.peek()) {
				s.escape()
				continue
			}
			s.add(r)
		case '$', '`':
			if err := s.expansion(r); err != nil {
				return err
			}
		default:
			s.add(r)
		}
	}
	return fmt.Errorf("the command line ends inside the quote \" that was opened at character %d: close it", from)
}

// expansion reads what follows $ or `. $@ are the arguments of a script, of which there
// are none here; all else has a value that only the shell knew.
func (s *splitter) expansion(r rune) error {
	from := s.at
	if r == '$' && (s.peek() == '@' || s.peek() == '*') {
		s.at++
		return nil
	}
	if next := s.peek(); r == '$' && !isName(next) && next != '{' && next != '(' {
		s.add(r)
		return nil
	}
	what := string(r)
	if s.peek() == '{' || s.peek() == '(' {
		what += string(s.peek())
		s.at++
	}
	for s.at < len(s.text) && isName(s.text[s.at]) {
		what += string(s.text[s.at])
		s.at++
	}
	return fmt.Errorf("%s at character %d is something that only the shell knew: write its value in its place", what, from)
}

func isName(r rune) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
