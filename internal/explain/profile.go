package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Profile writes a simulator's profile, given as its JSON, as the YAML file that would
// say the same. Its doc stands above it as a comment.
func Profile(src []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return "", fmt.Errorf("a profile is an object: %v %v", t, err)
	}
	var doc, body strings.Builder
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return "", err
		}
		if key == "doc" {
			var text string
			if err := dec.Decode(&text); err != nil {
				return "", err
			}
			for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
				paragraph(&doc, strings.TrimSpace(line), "# ", 100)
			}
			continue
		}
		value, err := flow(dec)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&body, "%s: %s\n", key, value)
	}
	return doc.String() + body.String(), nil
}

// flow gives the next value as YAML in one line.
func flow(dec *json.Decoder) (string, error) {
	t, err := dec.Token()
	if err != nil {
		return "", err
	}
	switch v := t.(type) {
	case string:
		return yamlText(v), nil
	case json.Delim:
		var parts []string
		for dec.More() {
			part := ""
			if v == '{' {
				key, err := dec.Token()
				if err != nil {
					return "", err
				}
				part = fmt.Sprint(key) + ": "
			}
			value, err := flow(dec)
			if err != nil {
				return "", err
			}
			parts = append(parts, part+value)
		}
		if _, err := dec.Token(); err != nil {
			return "", err
		}
		if v == '{' {
			return "{" + strings.Join(parts, ", ") + "}", nil
		}
		return "[" + strings.Join(parts, ", ") + "]", nil
	}
	return fmt.Sprint(t), nil
}

// bare is text that YAML reads as text without quotes, and durations.
var bare = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*|[0-9.]+(us|ms|s|m|h))$`)

// microseconds are written by Go with a letter that few keyboards have.
var microseconds = regexp.MustCompile(`^([0-9.]+)µs$`)

func yamlText(s string) string {
	s = microseconds.ReplaceAllString(s, "${1}us")
	if bare.MatchString(s) && s != "true" && s != "false" && s != "null" {
		return s
	}
	return strconv.Quote(s)
}
