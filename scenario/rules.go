package scenario

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

var (
	slug    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)
	envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// fieldRules holds the validate tags of the raw structs.
var fieldRules = newFieldRules()

func newFieldRules() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return yamlName(f) })
	for tag, re := range map[string]*regexp.Regexp{"slug": slug, "envname": envName, "tiername": slug} {
		if err := v.RegisterValidation(tag, func(fl validator.FieldLevel) bool { return re.MatchString(fl.Field().String()) }); err != nil {
			panic(err) // an empty tag name: a mistake in this file
		}
	}
	return v
}

// checkFields holds the raw struct against its validate tags. Values that could
// not be read have their problem already and are left alone.
func (w *walker) checkFields(raw any) {
	err := fieldRules.Struct(raw)
	errs, ok := err.(validator.ValidationErrors)
	if !ok {
		return
	}
	var found []Problem
	for _, fe := range errs {
		path := namespacePath(fe.Namespace())
		if !w.clean(path) {
			continue
		}
		code, message := fieldMessage(path, fe)
		if code == "missing-key" && w.meant[path] {
			continue // it is there, misspelt
		}
		found = append(found, w.problem(code, w.locate(path), path, message))
	}
	w.problems = append(w.problems, found...)
}

// namespacePath turns rawFile.stop[0].when into /stop/0/when.
func namespacePath(ns string) string {
	_, rest, _ := strings.Cut(ns, ".")
	rest = strings.NewReplacer("[", ".", "]", "").Replace(rest)
	var parts []string
	for _, p := range strings.Split(rest, ".") {
		if p != "-" {
			parts = append(parts, p)
		}
	}
	return "/" + strings.Join(parts, "/")
}

// missingHints say what to write for each required key.
var missingHints = map[string]string{
	"/name":                "name: tier-sweep",
	"/target":              "target: http://localhost:8000, or target: simulator",
	"/contexts":            "contexts: [30k]",
	"/working_set":         "working_set: {min: 100k, max: 5M, steps: 10}",
	"/stop/*/when":         "when: error_rate > 5%",
	"/thresholds/*/expect": "expect: ttft.p95 < 2s",
	"/tiers/*/name":        "name: hbm",
	"/tiers/*/capacity":    "capacity: 200k",

	"/compare/gate/*/metric":   "metric: ttft.p95",
	"/target/tiers/*/name":     "name: hbm",
	"/target/tiers/*/capacity": "capacity: 1M",
}

func fieldMessage(path string, fe validator.FieldError) (code, message string) {
	name := pathName(path)
	value := reflect.Indirect(reflect.ValueOf(fe.Value()))
	switch fe.Tag() {
	case "required":
		return "missing-key", fmt.Sprintf("%s is missing: write %s", name, missingHints[indexPath(path)])
	case "oneof":
		return badChoice(path, value.String(), strings.Fields(fe.Param()))
	case "eq":
		return "bad-value", fmt.Sprintf("%s: only %s is known", name, fe.Param())
	case "slug":
		return "bad-name", fmt.Sprintf("name: %q: use a to z, 0 to 9 and hyphens between them, at most 64 (it names a directory)", value)
	case "tiername":
		return "bad-name", fmt.Sprintf("%s: %q: use a to z, 0 to 9 and hyphens between them, at most 64 (conditions read it, as edge.hbm)", name, value)
	case "envname":
		return "bad-name", fmt.Sprintf("%s: %q is no name of an environment variable", name, value)
	case "max":
		return "out-of-range", fmt.Sprintf("%s: at most %s values", name, fe.Param())
	case "min":
		if value.Kind() == reflect.String {
			return "no-value", fmt.Sprintf("%s has no value: write one, or remove the key for its default", name)
		}
		return "no-value", fmt.Sprintf("%s: write at least one value", name)
	}
	limit := formatLimit(value, fe.Param())
	word := map[string]string{"gt": "must be above", "gte": "must be at least", "lt": "must be below", "lte": "must be at most"}[fe.Tag()]
	return "out-of-range", fmt.Sprintf("%s: %s %s", name, word, limit)
}

func badChoice(path, value string, choices []string) (code, message string) {
	if len(choices) == 1 {
		return "bad-value", fmt.Sprintf("%s: %q is unknown: write %s", pathName(path), value, choices[0])
	}
	return "bad-value", fmt.Sprintf("%s: %q is unknown%s", pathName(path), value, meant(value, choices, "write one of "+strings.Join(choices, ", ")))
}

// formatLimit prints a rule's number as a file would write it.
func formatLimit(v reflect.Value, param string) string {
	n, err := strconv.ParseInt(param, 10, 64)
	if err != nil {
		return param
	}
	switch v.Interface().(type) {
	case Dur:
		return Duration(n).String()
	case Size:
		return FormatSize(n)
	}
	return param
}
