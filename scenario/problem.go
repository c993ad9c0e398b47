package scenario

// Problem is one finding in a scenario file, with its place.
type Problem struct {
	File    string // the file that the place is in, which may be a base; --set ... for what the command line set
	Line    int    // from 1; 0 when the whole file is meant
	Col     int    // from 1, in runes
	Len     int    // runes to underline
	Path    string // /target/timeouts/connect
	Code    string // stable, kebab-case: unknown-key, duplicate-key, bad-duration ...
	Message string // what, why, what to do
	Warning bool   // does not make the scenario invalid
	Source  string // the offending line, without its newline
	For     string // the scenario that was read, where the place is in another file or in a --set
}
